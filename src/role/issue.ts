import { BrokerError } from "../errors.ts";
import { Secret } from "../secret.ts";
import type { AwsKeys, Base, CacheEntry, Credentials, Request, Target, World } from "../types.ts";

/** One hour: the most that AWS gives a role that is asked for with a session, and every role's default maximum. */
const DURATION_SECONDS = 3600;
/** An apply that starts now should not die in its first minutes. */
const MIN_REMAINING_SECONDS = 900;

/** Assumes the target's role with the base's session. Throws what AWS refuses (role/sts-refusal.ts), and WRONG_ACCOUNT. */
export async function issue(keys: AwsKeys, target: Target, base: Base, world: World): Promise<Credentials> {
  const credentials = await world.sts.assumeRole(keys, target.role, sessionName(base), DURATION_SECONDS);
  if (!isFor(target, credentials)) throw wrongAccount(target, credentials);
  return credentials;
}

/**
 * For CloudTrail in the target account: `hallpass-ana`. Not the unit: all units of an account share the session.
 * STS: [\w+=,.@-]{2,64}.
 */
function sessionName(base: Base): string {
  const user = base.principalArn.split("/").at(-1) ?? "";
  return `hallpass-${user.replace(/[^\w+=,.@-]/g, "-")}`.slice(0, 64);
}

/** `arn:aws:sts::666666666666:assumed-role/allow-full-access-from-other-accounts/hallpass-ana` */
function isFor(target: Target, credentials: Credentials): boolean {
  const [, partition, , , account, principal] = credentials.principalArn.split(":");
  const [kind, role] = principal?.split("/") ?? [];
  const expected = [target.partition, target.account.id, "assumed-role", target.role.split("/").at(-1)];
  const came = [partition, account, kind, role];
  return credentials.accountId === target.account.id && expected.every((part, index) => part === came[index]);
}

function wrongAccount(target: Target, credentials: Credentials): BrokerError {
  return new BrokerError("WRONG_ACCOUNT", "AWS answered for another account or role than the one asked for", [
    ["asked", target.role],
    ["came", credentials.principalArn],
    ["try", "see what stands between you and AWS: AWS_ENDPOINT_URL_STS, a proxy"],
  ]);
}

/** How the credentials are kept. What comes out of the cache passes the same check as what comes from AWS. */
export function credentialsEntry(
  target: Target,
  base: Base,
  world: World,
  { minRemainingSeconds = MIN_REMAINING_SECONDS }: Pick<Request, "minRemainingSeconds"> = {},
): CacheEntry<Credentials> {
  return {
    kind: "role",
    inputs: {
      base: base.id,
      role: target.role,
      partition: target.partition,
      endpoint: world.sts.endpoint,
      durationSeconds: DURATION_SECONDS,
      sessionName: sessionName(base),
    },
    what: `the role of ${target.account.name ?? target.account.id}`,
    expiresAt: (credentials) => credentials.expiresAt,
    minRemainingSeconds,
    encode: (made) => ({
      ...made,
      secretAccessKey: made.secretAccessKey.reveal(),
      sessionToken: made.sessionToken.reveal(),
      expiresAt: made.expiresAt.getTime(),
    }),
    decode: (json) => {
      const kept = json as Record<"accessKeyId" | "secretAccessKey" | "sessionToken" | "principalArn", string> & {
        expiresAt: number;
      };
      const credentials = {
        accessKeyId: kept.accessKeyId,
        secretAccessKey: new Secret(kept.secretAccessKey),
        sessionToken: new Secret(kept.sessionToken),
        expiresAt: new Date(kept.expiresAt),
        accountId: target.account.id,
        principalArn: kept.principalArn,
      };
      return isFor(target, credentials) ? credentials : undefined;
    },
  };
}
