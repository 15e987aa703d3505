import { type Accounts, type Key, newPrincipal, type Principal, type Role } from "./accounts.ts";
import { type Fields, Refusal } from "./answer.ts";
import type { Fault } from "./faults.ts";
import type { Action } from "./query.ts";
import { parseSeconds, rangeFaults, refuseFaults, textFaults, validationError } from "./validation.ts";

const HOUR = 3600;
const USER_SECONDS = { at: "durationSeconds", min: 900, max: 36 * HOUR };
const ROLE_SECONDS = { at: "durationSeconds", min: 900, max: 12 * HOUR };
const TOKEN_CODE = { at: "tokenCode", min: 6, max: 6, pattern: "[\\d]*" };
const ROLE_ARN = { at: "roleArn", min: 20, max: 2048, pattern: "[\\u0009\\u000A\\u000D\\u0020-\\uFFFD]+" };
const SESSION_NAME = { at: "roleSessionName", min: 2, max: 64, pattern: "[\\w+=,.@-]*" };

/** A request whose signature holds. `fault`: how its answer is to be wrong. */
export type Ask = { parameters: URLSearchParams; caller: Key; now: Date; fault: Fault | undefined };

/** Does what was asked and returns the content of the `…Result` element. Throws Refusal. */
export function perform(action: Action, accounts: Accounts, ask: Ask): Fields {
  if (action === "AssumeRole") return assumeRole(accounts, ask);
  if (action === "GetSessionToken") return getSessionToken(accounts, ask);
  const { arn, userId, accountId } = ask.caller.principal;
  return { Arn: arn, UserId: userId, Account: accountId };
}

function getSessionToken(accounts: Accounts, ask: Ask): Fields {
  if (ask.caller.session !== undefined) throw denied("Cannot call GetSessionToken with session credentials");
  const seconds = parseSeconds(ask.parameters.get("DurationSeconds"), 12 * HOUR);
  const code = ask.parameters.get("TokenCode");
  refuseFaults([...rangeFaults(seconds, USER_SECONDS), ...(code === null ? [] : textFaults(code, TOKEN_CODE))]);
  const mfa = checkMfa(accounts, ask);
  return { Credentials: issue(accounts, ask, { principal: ask.caller.principal, seconds, mfa }) };
}

/** Whether the caller showed a code. Throws for one that is wrong, of another time or used before. */
function checkMfa(accounts: Accounts, { parameters, caller, now }: Ask): boolean {
  const [serial, code] = [parameters.get("SerialNumber"), parameters.get("TokenCode")];
  if (serial === null && code === null) return false;
  if (serial === null || code === null)
    throw mfaFailed(", must provide both MFA serial number and one time pass code.");
  const device = accounts.mfaDevice(caller.principal.arn, serial);
  if (device === undefined)
    throw mfaFailed(
      ", unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.",
    );
  if (code !== device.code(now) || device.used.has(code)) throw mfaFailed(" with invalid MFA one time pass code. ");
  device.used.add(code);
  return true;
}

function assumeRole(accounts: Accounts, ask: Ask): Fields {
  const [roleArn, sessionName] = [ask.parameters.get("RoleArn"), ask.parameters.get("RoleSessionName")];
  const seconds = parseSeconds(ask.parameters.get("DurationSeconds"), HOUR);
  const faults = [...textFaults(roleArn, ROLE_ARN), ...textFaults(sessionName, SESSION_NAME)];
  refuseFaults([...faults, ...rangeFaults(seconds, ROLE_SECONDS)]);
  const role = trustingRole(accounts, roleArn ?? "", ask.caller);
  checkRoleDuration(seconds, role, ask.caller);
  const principal = assumedRole(role, sessionName ?? "", ask.fault);
  return {
    AssumedRoleUser: { AssumedRoleId: principal.userId, Arn: principal.arn },
    // Chaining loses MFA: the new session has not shown a code itself.
    Credentials: issue(accounts, ask, { principal, seconds, mfa: false }),
  };
}

/** A role that is not there and one that does not trust the caller look the same, as with AWS. */
function trustingRole(accounts: Accounts, arn: string, { principal, session }: Key): Role {
  if (!/^arn:[\w-]+:iam::\d{12}:role\/./.test(arn)) throw validationError(`${arn} is invalid`);
  const role = accounts.roles.get(arn);
  const trusted = role?.trusts.some((trust) => principal.names.includes(trust)) === true;
  if (role === undefined || !trusted || (role.requiresMfa && session?.mfa !== true))
    throw denied(`User: ${principal.arn} is not authorized to perform: sts:AssumeRole on resource: ${arn}`);
  return role;
}

function checkRoleDuration(seconds: number, role: Role, caller: Key): void {
  const exceeds = "The requested DurationSeconds exceeds the";
  if (caller.session !== undefined && seconds > HOUR)
    throw validationError(`${exceeds} 1 hour session limit for roles assumed by role chaining.`);
  if (seconds > role.maxDurationSeconds) throw validationError(`${exceeds} MaxSessionDuration set for this role.`);
}

function assumedRole(role: Role, sessionName: string, fault: Fault | undefined): Principal {
  const account = fault === "wrongAccount" ? otherAccount(role.accountId) : role.accountId;
  const arn = `arn:aws:sts::${account}:assumed-role/${role.name}/${sessionName}`;
  return newPrincipal(account, arn, `${role.id}:${sessionName}`, [role.arn]);
}

function otherAccount(accountId: string): string {
  return accountId === "999999999999" ? "888888888888" : "999999999999";
}

/** New credentials as their XML. STS counts in whole seconds. */
function issue(accounts: Accounts, ask: Ask, wish: { principal: Principal; seconds: number; mfa: boolean }): Fields {
  const seconds = ask.fault === "expired" ? -60 : wish.seconds;
  const expiresAt = new Date((Math.floor(ask.now.getTime() / 1000) + seconds) * 1000);
  const { accessKeyId, secretAccessKey, session } = accounts.addSession(wish.principal, { expiresAt, mfa: wish.mfa });
  return {
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    ...(ask.fault === "missing" ? {} : { SessionToken: session.token }),
    Expiration: expiresAt.toISOString().replace(".000Z", "Z"),
  };
}

function mfaFailed(how: string): Refusal {
  return denied(`MultiFactorAuthentication failed${how}`);
}

function denied(message: string): Refusal {
  return new Refusal(403, "AccessDenied", message);
}
