import { Sha256 } from "@aws-crypto/sha256-js";
import {
  AssumeRoleCommand,
  type AssumeRoleCommandInput,
  type Credentials,
  GetCallerIdentityCommand,
  GetSessionTokenCommand,
  type GetSessionTokenCommandInput,
  STSClient,
  type STSServiceException,
} from "@aws-sdk/client-sts";
import { SignatureV4 } from "@smithy/signature-v4";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type StsServer, startStsServer } from "./sts-server.ts";

const ROLE = "arn:aws:iam::111111111111:role/deploy";
const PATH_ROLE = "arn:aws:iam::111111111111:role/team/ops/deploy-ops";
const LONG_ROLE = "arn:aws:iam::111111111111:role/long";
const MFA_ROLE = "arn:aws:iam::111111111111:role/mfa";
const ROOT_ROLE = "arn:aws:iam::111111111111:role/root-trust";
const CHAINED_ROLE = "arn:aws:iam::333333333333:role/chained";
const SERIAL = "arn:aws:iam::222222222222:mfa/ana";
/** Whole seconds, like the times of STS. The SDK signs with the real clock, which is less than 15 minutes away. */
const NOW = new Date(Math.floor(Date.now() / 1000) * 1000);
const FORM = "application/x-www-form-urlencoded";
const WHO_AM_I = "Action=GetCallerIdentity&Version=2011-06-15";
const MISMATCH = expect.stringMatching(
  /^The request signature we calculated does not match the signature you provided\. /,
);
const WRONG_CODE = "MultiFactorAuthentication failed with invalid MFA one time pass code. ";
const CHAINING_CAP =
  "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.";

type Keys = { accessKeyId: string; secretAccessKey: string; sessionToken?: string };

let server: StsServer;
let ana: Keys & { arn: string };

beforeEach(async () => {
  server = await startStsServer();
  ana = server.addUser({ accountId: "222222222222", name: "ana" });
  for (const role of [ROLE, PATH_ROLE]) server.addRole(role, { trusts: [ana.arn] });
  server.addRole(LONG_ROLE, { trusts: [ana.arn], maxDurationSeconds: 43_200 });
  server.addRole(MFA_ROLE, { trusts: [ana.arn], requiresMfa: true });
  server.addRole(ROOT_ROLE, { trusts: ["arn:aws:iam::222222222222:root"] });
});

afterEach(() => server.close());

describe("who asks", () => {
  it("names a user by ARN, id and account", async () => {
    const identity = await whoAmI(ana);
    expect(identity).toMatchObject({ Arn: "arn:aws:iam::222222222222:user/ana", Account: "222222222222" });
    expect(identity.UserId).toMatch(/^AIDA[A-Z2-7]{17}$/);
  });

  it("makes keys of AWS's shape whose secret is a canary", () => {
    expect(ana.accessKeyId).toMatch(/^AKIA[A-Z2-7]{16}$/);
    expect(ana.secretAccessKey).toMatch(/^canary-secret-.{26}$/);
  });

  it("gives a user of the same name a second key, not a second identity", async () => {
    const second = server.addUser({ accountId: "222222222222", name: "ana" });
    expect(second.accessKeyId).not.toBe(ana.accessKeyId);
    expect((await whoAmI(second)).UserId).toBe((await whoAmI(ana)).UserId);
  });

  it.each(["inactive", "deleted"] as const)(
    "refuses a key that is %s, and takes it again when it is active",
    async (state) => {
      server.setKeyState(ana.accessKeyId, state);
      expect(await refusal(whoAmI(ana))).toEqual(invalidToken());
      server.setKeyState(ana.accessKeyId, "active");
      expect(await whoAmI(ana)).toMatchObject({ Arn: ana.arn });
    },
  );

  it("refuses a key that it does not know", async () => {
    expect(await refusal(whoAmI({ ...ana, accessKeyId: "AKIAAAAAAAAAAAAAAAAA" }))).toEqual(invalidToken());
  });

  it("knows only its own users", async () => {
    const other = await startStsServer();
    const stranger = other.addUser({ accountId: "222222222222", name: "ana" });
    await other.close();
    expect(await refusal(whoAmI(stranger))).toEqual(invalidToken());
  });

  it("refuses a session key without its token, with another's, and a user's key with any", async () => {
    const [one, two] = [await sessionOf(ana), await sessionOf(ana)];
    const { accessKeyId, secretAccessKey } = one;
    expect(await refusal(whoAmI({ accessKeyId, secretAccessKey }))).toEqual(invalidToken());
    expect(await refusal(whoAmI({ ...one, sessionToken: two.sessionToken }))).toEqual(invalidToken());
    expect(await refusal(whoAmI({ ...ana, sessionToken: two.sessionToken }))).toEqual(invalidToken());
    expect(await whoAmI(one)).toMatchObject({ Arn: ana.arn });
  });

  it("refuses a session from the second in which it expires", async () => {
    server.setClock(() => NOW);
    const session = await sessionOf(ana, { DurationSeconds: 900 });
    const askAfter = (seconds: number): Promise<Reply> => {
      const date = new Date(NOW.getTime() + seconds * 1000);
      server.setClock(() => date);
      return sendSigned(session, { date });
    };
    expect(await askAfter(899)).toMatchObject({ status: 200 });
    expect(await askAfter(900)).toMatchObject({
      status: 403,
      code: "ExpiredToken",
      message: "The security token included in the request is expired",
    });
  });
});

describe("the signature", () => {
  it.each([true, false])("is accepted when it is right, the body's hash among the headers: %s", async (hashHeader) => {
    expect(await sendSigned(ana, { hashHeader })).toMatchObject({ status: 200 });
  });

  it("is needed", async () => {
    expect(await send(WHO_AM_I, { "content-type": FORM })).toMatchObject({
      status: 403,
      code: "MissingAuthenticationToken",
      message: "Request is missing Authentication Token",
    });
  });

  it.each([
    ["another secret", { secret: "canary-secret-that-is-another-one-000000" }],
    ["another service", { service: "s3" }],
    ["a changed body, its hash header kept", { sent: `${WHO_AM_I}&x=1` }],
    ["a changed body, no hash header", { sent: `${WHO_AM_I}&x=1`, hashHeader: false }],
    ["a scope of another service", { rewrite: ["/sts/", "/s3/"] as const }],
    ["a scope of another day", { rewrite: [/\/\d{8}\//, "/20260101/"] as const }],
    ["a changed header", { tampered: { "content-type": `${FORM}; charset=utf-8` } }],
    ["a changed date", { tampered: { "x-amz-date": stamp(new Date(Date.now() - 60_000)) } }],
    ["a signed header that did not come", { tampered: { "x-amz-content-sha256": undefined } }],
  ])("refuses %s", async (_, change) => {
    expect(await sendSigned(ana, change)).toMatchObject({
      status: 403,
      code: "SignatureDoesNotMatch",
      message: MISMATCH,
    });
  });

  it.each(["content-type", "host", "x-amz-date", "x-amz-security-token"])("must cover %s", async (header) => {
    const session = await sessionOf(ana);
    expect(await sendSigned(session, { unsigned: header })).toMatchObject({
      status: 403,
      code: "SignatureDoesNotMatch",
      message: `'${header}' must be a 'SignedHeader' in the AWS Authorization.`,
    });
  });

  it.each([
    ["no date", { "x-amz-date": undefined }],
    ["a date with separators", { "x-amz-date": "2026-01-01T00:00:00Z" }],
    ["a date that no calendar has", { "x-amz-date": "20261399T000000Z" }],
    ["another scheme", { authorization: "Bearer canary" }],
    ["no signature", { authorization: "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/sts/aws4_request" }],
  ])("refuses %s as incomplete", async (_, tampered) => {
    expect(await sendSigned(ana, { tampered })).toMatchObject({ status: 400, code: "IncompleteSignature" });
  });

  it("may be 15 minutes old or early, and not a second more", async () => {
    server.setClock(() => new Date("2026-01-01T12:30:00Z"));
    const at = (time: string) => sendSigned(ana, { date: new Date(`2026-01-01T${time}Z`) });
    expect(await at("12:15:00")).toMatchObject({ status: 200 });
    expect(await at("12:45:00")).toMatchObject({ status: 200 });
    expect(await at("12:14:59")).toMatchObject({
      status: 403,
      code: "SignatureDoesNotMatch",
      message: "Signature expired: 20260101T121459Z is now earlier than 20260101T121500Z (20260101T123000Z - 15 min.)",
    });
    expect(await at("12:45:01")).toMatchObject({
      status: 403,
      code: "SignatureDoesNotMatch",
      message:
        "Signature not yet current: 20260101T124501Z is still later than 20260101T124500Z (20260101T123000Z + 15 min.)",
    });
  });
});

describe("the request", () => {
  it.each([
    ["another path", { path: "/sts" }, "InvalidAction"],
    ["a query in the URL", { path: `/?${WHO_AM_I}` }, "InvalidAction"],
    ["another method", { method: "PUT" }, "InvalidAction"],
    ["another content type", { contentType: "application/json" }, "MalformedQueryString"],
    ["a broken escape", { body: `${WHO_AM_I}&x=%zz` }, "MalformedQueryString"],
    ["no action", { body: "Version=2011-06-15" }, "InvalidAction"],
    ["an unknown action", { body: "Action=AssumeRoot&Version=2011-06-15" }, "InvalidAction"],
    ["no version", { body: "Action=GetCallerIdentity" }, "InvalidAction"],
    ["another version", { body: "Action=GetCallerIdentity&Version=2010-05-08" }, "InvalidAction"],
  ])("refuses %s", async (_, change, code) => {
    expect(await sendSigned(ana, change)).toMatchObject({ status: 400, code });
  });

  it("is looked at before its signature, and refused in the words of STS", async () => {
    const answer = await send("Action=A%26B&Version=1", { "content-type": FORM });
    expect(answer.message).toBe("Could not find operation A&B for version 1");
    expect(answer.text).toMatch(
      /^<ErrorResponse xmlns="https:\/\/sts\.amazonaws\.com\/doc\/2011-06-15\/"><Error><Type>Sender<\/Type><Code>InvalidAction<\/Code><Message>Could not find operation A&amp;B for version 1<\/Message><\/Error><RequestId>[0-9a-f-]{36}<\/RequestId><\/ErrorResponse>$/,
    );
  });
});

describe("GetSessionToken", () => {
  it("gives the user a session of 12 hours that is recognisable and works", async () => {
    server.setClock(() => NOW);
    const { Credentials } = await client(ana).send(new GetSessionTokenCommand({}));
    expect(Credentials).toMatchObject({
      AccessKeyId: expect.stringMatching(/^ASIA[A-Z2-7]{16}$/),
      SecretAccessKey: expect.stringMatching(/^canary-secret-.{26}$/),
      SessionToken: expect.stringMatching(/^canary-token-.{200,}$/),
      Expiration: new Date(NOW.getTime() + 43_200_000),
    });
    expect(await whoAmI(keysOf(Credentials))).toMatchObject({ Arn: ana.arn, Account: "222222222222" });
  });

  it.each([900, 129_600])("gives %i seconds", async (DurationSeconds) => {
    server.setClock(() => NOW);
    const { Credentials } = await client(ana).send(new GetSessionTokenCommand({ DurationSeconds }));
    expect(Credentials!.Expiration).toEqual(new Date(NOW.getTime() + DurationSeconds * 1000));
  });

  it.each([
    [
      899,
      "Value '899' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900",
    ],
    [
      129_601,
      "Value '129601' at 'durationSeconds' failed to satisfy constraint: Member must have value less than or equal to 129600",
    ],
  ])("refuses %i seconds", async (DurationSeconds, fault) => {
    const asked = client(ana).send(new GetSessionTokenCommand({ DurationSeconds }));
    expect(await refusal(asked)).toEqual(invalid(`1 validation error detected: ${fault}`));
  });

  it("refuses a duration that is no number", async () => {
    const body = "Action=GetSessionToken&Version=2011-06-15&DurationSeconds=900.0";
    expect(await sendSigned(ana, { body })).toMatchObject({ status: 400, code: "MalformedInput" });
  });

  it("refuses session keys, of a user and of a role", async () => {
    const expected = denied("Cannot call GetSessionToken with session credentials");
    for (const session of [await sessionOf(ana), await roleSession(ana, ROLE)])
      expect(await refusal(client(session).send(new GetSessionTokenCommand({})))).toEqual(expected);
  });
});

describe("an MFA code", () => {
  beforeEach(() => {
    server.setClock(() => NOW);
    server.addMfaDevice(ana.arn, { serial: SERIAL, code: codeOf });
  });

  it("makes a session that a role which asks for MFA accepts", async () => {
    const session = await sessionOf(ana, { SerialNumber: SERIAL, TokenCode: codeOf(NOW) });
    expect(await roleSession(session, MFA_ROLE)).toMatchObject({ accessKeyId: expect.stringMatching(/^ASIA/) });
  });

  it.each<[string, () => Promise<Keys>]>([
    ["the long-lived key", () => Promise.resolve(ana)],
    ["a session without MFA", () => sessionOf(ana)],
    ["a role's session got with MFA", async () => roleSession(await mfaSession(), ROOT_ROLE)],
  ])("is what such a role misses in %s", async (_, keys) => {
    server.addRole(MFA_ROLE, { trusts: [ana.arn, ROOT_ROLE], requiresMfa: true });
    expect(await refusal(roleSession(await keys(), MFA_ROLE))).toMatchObject({
      status: 403,
      code: "AccessDenied",
      message: expect.stringMatching(/^User: .* is not authorized to perform: sts:AssumeRole on resource: .*\/mfa$/),
    });
  });

  it.each([-30_000, 30_000])("of the time %i ms from now is refused", async (difference) => {
    const TokenCode = codeOf(new Date(NOW.getTime() + difference));
    expect(await refusal(sessionOf(ana, { SerialNumber: SERIAL, TokenCode }))).toEqual(denied(WRONG_CODE));
  });

  it("is good once, also for two who come at the same time", async () => {
    const outcomes = await Promise.all([refusal(mfaSession()), refusal(mfaSession())]);
    expect(outcomes.filter((outcome) => outcome !== "no refusal")).toEqual([denied(WRONG_CODE)]);
    expect(await refusal(mfaSession())).toEqual(denied(WRONG_CODE));
  });

  it("is still good after it came with a refused request", async () => {
    const tooLong = { SerialNumber: SERIAL, TokenCode: codeOf(NOW), DurationSeconds: 1 };
    expect(await refusal(sessionOf(ana, tooLong))).toMatchObject({ code: "ValidationError" });
    expect(await refusal(mfaSession())).toBe("no refusal");
  });

  it("needs its device, and the device its code", async () => {
    const half = denied(
      "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.",
    );
    expect(await refusal(sessionOf(ana, { SerialNumber: SERIAL }))).toEqual(half);
    expect(await refusal(sessionOf(ana, { TokenCode: codeOf(NOW) }))).toEqual(half);
  });

  it("of another user's device, or of none, is refused", async () => {
    const ben = server.addUser({ accountId: "222222222222", name: "ben" });
    const expected = denied(
      "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.",
    );
    const TokenCode = codeOf(NOW);
    expect(await refusal(sessionOf(ben, { SerialNumber: SERIAL, TokenCode }))).toEqual(expected);
    expect(await refusal(sessionOf(ana, { SerialNumber: `${SERIAL}-2`, TokenCode }))).toEqual(expected);
  });

  it.each(["12345", "1234567", "12345x"])("must have six digits: %s", async (TokenCode) => {
    expect(await refusal(sessionOf(ana, { SerialNumber: SERIAL, TokenCode }))).toMatchObject({
      status: 400,
      code: "ValidationError",
      message: expect.stringContaining(`1 validation error detected: Value '${TokenCode}' at 'tokenCode'`),
    });
  });
});

describe("AssumeRole", () => {
  it("gives a session of the role for an hour", async () => {
    server.setClock(() => NOW);
    const { Credentials, AssumedRoleUser } = await assume(ana, { RoleArn: ROLE });
    expect(Credentials).toMatchObject({
      AccessKeyId: expect.stringMatching(/^ASIA[A-Z2-7]{16}$/),
      SecretAccessKey: expect.stringMatching(/^canary-secret-.{26}$/),
      SessionToken: expect.stringMatching(/^canary-token-.{200,}$/),
      Expiration: new Date(NOW.getTime() + 3_600_000),
    });
    expect(AssumedRoleUser?.Arn).toBe("arn:aws:sts::111111111111:assumed-role/deploy/unit");
    expect(AssumedRoleUser?.AssumedRoleId).toMatch(/^AROA[A-Z2-7]{17}:unit$/);
    expect(await whoAmI(keysOf(Credentials))).toMatchObject({
      Arn: AssumedRoleUser?.Arn,
      UserId: AssumedRoleUser?.AssumedRoleId,
      Account: "111111111111",
    });
  });

  it("leaves a role's path out of the session's ARN", async () => {
    const { AssumedRoleUser } = await assume(ana, { RoleArn: PATH_ROLE });
    expect(AssumedRoleUser?.Arn).toBe("arn:aws:sts::111111111111:assumed-role/deploy-ops/unit");
  });

  it.each(["aa", "a".repeat(64), "A_z0+=,.@-"])("takes the session name %s", async (RoleSessionName) => {
    const { AssumedRoleUser } = await assume(ana, { RoleArn: ROLE, RoleSessionName });
    expect(AssumedRoleUser?.Arn).toBe(`arn:aws:sts::111111111111:assumed-role/deploy/${RoleSessionName}`);
  });

  it.each([
    ["a", "Member must have length greater than or equal to 2"],
    ["a".repeat(65), "Member must have length less than or equal to 64"],
    ["bad/name", "Member must satisfy regular expression pattern: [\\w+=,.@-]*"],
    ["line\nbreak", "Member must satisfy regular expression pattern: [\\w+=,.@-]*"],
  ])("refuses the session name %s", async (RoleSessionName, constraint) => {
    const fault = `Value '${RoleSessionName}' at 'roleSessionName' failed to satisfy constraint: ${constraint}`;
    expect(await refusal(assume(ana, { RoleArn: ROLE, RoleSessionName }))).toEqual(
      invalid(`1 validation error detected: ${fault}`),
    );
  });

  it("needs a role and a session name, and says all that is wrong at once", async () => {
    const body = "Action=AssumeRole&Version=2011-06-15&DurationSeconds=1";
    const { status, code, message } = await sendSigned(ana, { body });
    expect({ status, code }).toEqual({ status: 400, code: "ValidationError" });
    expect(message).toBe(
      "3 validation errors detected: " +
        "Value null at 'roleArn' failed to satisfy constraint: Member must not be null; " +
        "Value null at 'roleSessionName' failed to satisfy constraint: Member must not be null; " +
        "Value '1' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900",
    );
  });

  it.each([
    [
      "too short",
      "deploy",
      "1 validation error detected: Value 'deploy' at 'roleArn' failed to satisfy constraint: Member must have length greater than or equal to 20",
    ],
    ["no role", "arn:aws:iam::111111111111:user/ana", "arn:aws:iam::111111111111:user/ana is invalid"],
  ])("refuses a role ARN that is %s", async (_, RoleArn, message) => {
    expect(await refusal(assume(ana, { RoleArn }))).toEqual(invalid(message));
  });

  it.each([
    [
      LONG_ROLE,
      899,
      "1 validation error detected: Value '899' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900",
    ],
    [
      LONG_ROLE,
      43_201,
      "1 validation error detected: Value '43201' at 'durationSeconds' failed to satisfy constraint: Member must have value less than or equal to 43200",
    ],
    [ROLE, 3601, "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."],
  ])("of %s for %i seconds is refused", async (RoleArn, DurationSeconds, message) => {
    expect(await refusal(assume(ana, { RoleArn, DurationSeconds }))).toEqual(invalid(message));
  });

  it.each([
    [LONG_ROLE, 900],
    [LONG_ROLE, 43_200],
    [ROLE, 3600],
  ])("of %s for %i seconds lasts so long", async (RoleArn, DurationSeconds) => {
    server.setClock(() => NOW);
    const { Credentials } = await assume(ana, { RoleArn, DurationSeconds });
    expect(Credentials?.Expiration).toEqual(new Date(NOW.getTime() + DurationSeconds * 1000));
  });

  it("with a session is capped at an hour, of a user as of a role", async () => {
    server.addRole(LONG_ROLE, { trusts: [ana.arn, ROLE], maxDurationSeconds: 43_200 });
    for (const session of [await sessionOf(ana), await roleSession(ana, ROLE)]) {
      expect(await refusal(assume(session, { RoleArn: LONG_ROLE, DurationSeconds: 3601 }))).toEqual(
        invalid(CHAINING_CAP),
      );
      expect(await refusal(assume(session, { RoleArn: LONG_ROLE, DurationSeconds: 3600 }))).toBe("no refusal");
    }
  });

  it("refuses a role that is not there and one that trusts someone else with the same text", async () => {
    const ben = server.addUser({ accountId: "222222222222", name: "ben" });
    const text = (role: string) => `User: ${ben.arn} is not authorized to perform: sts:AssumeRole on resource: ${role}`;
    expect(await refusal(assume(ben, { RoleArn: ROLE }))).toEqual(denied(text(ROLE)));
    expect(await refusal(assume(ben, { RoleArn: `${ROLE}-gone` }))).toEqual(denied(text(`${ROLE}-gone`)));
  });

  it("lets all of an account in where the role trusts its root, and nobody else", async () => {
    const ben = server.addUser({ accountId: "222222222222", name: "ben" });
    const eve = server.addUser({ accountId: "444444444444", name: "eve" });
    expect(await refusal(assume(ben, { RoleArn: ROOT_ROLE }))).toBe("no refusal");
    expect(await refusal(assume(eve, { RoleArn: ROOT_ROLE }))).toMatchObject({ status: 403, code: "AccessDenied" });
  });

  it.each([
    ["the role", PATH_ROLE],
    ["the session", "arn:aws:sts::111111111111:assumed-role/deploy-ops/unit"],
    ["the role's account", "arn:aws:iam::111111111111:root"],
  ])("chains from a role's session where the next role trusts %s", async (_, trust) => {
    const session = await roleSession(ana, PATH_ROLE);
    server.addRole(CHAINED_ROLE, { trusts: [ana.arn] });
    expect(await refusal(assume(session, { RoleArn: CHAINED_ROLE }))).toEqual(
      denied(
        `User: arn:aws:sts::111111111111:assumed-role/deploy-ops/unit is not authorized to perform: sts:AssumeRole on resource: ${CHAINED_ROLE}`,
      ),
    );
    server.addRole(CHAINED_ROLE, { trusts: [trust] });
    expect(await refusal(assume(session, { RoleArn: CHAINED_ROLE }))).toBe("no refusal");
  });
});

describe("misbehaviour", () => {
  it.each([
    ["throttle", 400, "Throttling", "Rate exceeded", "Sender"],
    [
      "unavailable",
      503,
      "ServiceUnavailable",
      "The request has failed due to a temporary failure of the server.",
      "Receiver",
    ],
    ["internal", 500, "InternalFailure", "The request processing has failed because of an unknown error.", "Receiver"],
  ] as const)("%s answers %i %s", async (fault, status, code, message, type) => {
    server.misbehave({ fault });
    const answer = await sendSigned(ana);
    expect(answer).toMatchObject({ status, code, message });
    expect(answer.text).toContain(`<Error><Type>${type}</Type>`);
  });

  it("stays until behave(), or as many times as it was told", async () => {
    server.misbehave({ fault: "throttle", times: 2 });
    const codes = [await refusal(whoAmI(ana)), await refusal(whoAmI(ana)), await refusal(whoAmI(ana))];
    expect(codes).toMatchObject([{ code: "Throttling" }, { code: "Throttling" }, "no refusal"]);
    server.misbehave({ fault: "internal" });
    for (let i = 0; i < 3; i++) expect(await refusal(whoAmI(ana))).toMatchObject({ code: "InternalFailure" });
    server.behave();
    expect(await refusal(whoAmI(ana))).toBe("no refusal");
  });

  it("meets only the action it was told", async () => {
    server.misbehave({ fault: "throttle", action: "AssumeRole", times: 1 });
    expect(await refusal(whoAmI(ana))).toBe("no refusal");
    expect(await refusal(assume(ana, { RoleArn: ROLE }))).toMatchObject({ code: "Throttling" });
  });

  it("comes in the order in which it was told", async () => {
    server.misbehave({ fault: "throttle", times: 1 });
    server.misbehave({ fault: "internal", times: 1 });
    expect(await refusal(whoAmI(ana))).toMatchObject({ code: "Throttling" });
    expect(await refusal(whoAmI(ana))).toMatchObject({ code: "InternalFailure" });
  });

  it("closes the connection unanswered", async () => {
    server.misbehave({ fault: "close", times: 1 });
    expect(await refusal(whoAmI(ana))).toMatchObject({
      status: undefined,
      message: expect.stringMatching(/hang up|reset/i),
    });
    expect(server.calls).toHaveLength(1);
  });

  it("hangs until the server is closed", async () => {
    server.misbehave({ fault: "hang", times: 1 });
    const hung = refusal(whoAmI(ana));
    expect(await Promise.race([hung, elapsed(100)])).toBe("elapsed");
    expect(server.calls).toHaveLength(1);
    await server.close();
    expect(await hung).toMatchObject({ status: undefined, message: expect.stringMatching(/hang up|reset/i) });
  });

  it("answers slowly, and then rightly", async () => {
    server.misbehave({ fault: "slow", ms: 120, times: 1 });
    const start = performance.now();
    expect(await whoAmI(ana)).toMatchObject({ Arn: ana.arn });
    expect(performance.now() - start).toBeGreaterThanOrEqual(115);
  });

  it("answers 200 with what is not XML", async () => {
    server.misbehave({ fault: "garbage" });
    expect(await sendSigned(ana)).toMatchObject({ status: 200, text: "It works & this is not XML <" });
    expect(await refusal(whoAmI(ana))).not.toBe("no refusal");
  });

  it("hands out credentials that truly are of another account", async () => {
    server.misbehave({ fault: "wrongAccount", times: 1 });
    await whoAmI(ana);
    const { AssumedRoleUser, Credentials } = await assume(ana, { RoleArn: ROLE });
    expect(AssumedRoleUser?.Arn).toBe("arn:aws:sts::999999999999:assumed-role/deploy/unit");
    expect(await whoAmI(keysOf(Credentials))).toMatchObject({ Account: "999999999999" });
    server.addRole("arn:aws:iam::999999999999:role/nine", { trusts: [ana.arn] });
    server.misbehave({ fault: "wrongAccount", times: 1 });
    const nine = await assume(ana, { RoleArn: "arn:aws:iam::999999999999:role/nine" });
    expect(nine.AssumedRoleUser?.Arn).toBe("arn:aws:sts::888888888888:assumed-role/nine/unit");
  });

  it("hands out credentials that have expired", async () => {
    server.misbehave({ fault: "expired", times: 2 });
    await whoAmI(ana);
    for (const keys of [await sessionOf(ana), await roleSession(ana, ROLE)])
      expect(await refusal(whoAmI(keys))).toMatchObject({ status: 403, code: "ExpiredToken" });
    expect(await refusal(whoAmI(await roleSession(ana, ROLE)))).toBe("no refusal");
  });

  it("leaves the token out", async () => {
    server.misbehave({ fault: "missing", times: 1 });
    await sessionOf(ana);
    const { Credentials } = await assume(ana, { RoleArn: ROLE });
    expect(Object.keys(Credentials ?? {}).toSorted()).toEqual(["AccessKeyId", "Expiration", "SecretAccessKey"]);
  });
});

describe("what the server tells of itself", () => {
  it("writes down every request, the refused ones with their code", async () => {
    server.setClock(() => NOW);
    await assume(ana, { RoleArn: ROLE });
    await refusal(whoAmI({ ...ana, secretAccessKey: "canary-wrong" }));
    await send("x", {});
    expect(server.calls).toEqual([
      { action: "AssumeRole", accessKeyId: ana.accessKeyId, roleArn: ROLE, sessionName: "unit", at: NOW },
      { action: "GetCallerIdentity", accessKeyId: ana.accessKeyId, at: NOW, error: "SignatureDoesNotMatch" },
      { action: "", accessKeyId: "", at: NOW, error: "MalformedQueryString" },
    ]);
  });

  it("puts its own clock into the Date of every answer", async () => {
    server.setClock(() => new Date("2031-05-06T07:08:09Z"));
    const date = "Tue, 06 May 2031 07:08:09 GMT";
    expect(await sendSigned(ana)).toMatchObject({ code: "SignatureDoesNotMatch", date });
    expect(await sendSigned(ana, { date: new Date("2031-05-06T07:08:09Z") })).toMatchObject({ status: 200, date });
    server.misbehave({ fault: "garbage" });
    expect(await sendSigned(ana)).toMatchObject({ status: 200, date });
  });

  it("holds the next request only, until it is released", async () => {
    const { arrived, release } = server.hold();
    const held = refusal(whoAmI(ana));
    await arrived;
    expect(server.calls).toHaveLength(1);
    expect(await refusal(assume(ana, { RoleArn: ROLE }))).toBe("no refusal");
    expect(await Promise.race([held, elapsed(50)])).toBe("elapsed");
    release();
    expect(await held).toBe("no refusal");
  });

  it("answers on the loopback at the port it was given, and no more once closed", async () => {
    const port = Number(new URL(server.url).port);
    expect(server.url).toBe(`http://127.0.0.1:${port}`);
    await expect(startStsServer({ port })).rejects.toThrow("EADDRINUSE");
    await server.close();
    server = await startStsServer({ port });
    expect(server.url).toBe(`http://127.0.0.1:${port}`);
  });

  it("refuses to be set up wrongly", () => {
    expect(() => server.addRole("arn:aws:iam::111111111111:user/x", { trusts: [] })).toThrow("not a role ARN");
    expect(() => server.setKeyState("AKIA", "deleted")).toThrow("no such key");
    expect(() => server.addMfaDevice("arn:aws:iam::222222222222:user/x", { serial: "", code: codeOf })).toThrow(
      "no such user",
    );
  });
});

function client({ accessKeyId, secretAccessKey, sessionToken }: Keys): STSClient {
  const credentials = { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
  return new STSClient({ endpoint: server.url, region: "us-east-1", maxAttempts: 1, credentials });
}

function whoAmI(keys: Keys) {
  return client(keys).send(new GetCallerIdentityCommand({}));
}

function assume(keys: Keys, input: Omit<AssumeRoleCommandInput, "RoleSessionName"> & { RoleSessionName?: string }) {
  return client(keys).send(new AssumeRoleCommand({ RoleSessionName: "unit", ...input }));
}

async function roleSession(keys: Keys, RoleArn: string): Promise<Required<Keys>> {
  return keysOf((await assume(keys, { RoleArn })).Credentials);
}

async function sessionOf(user: Keys, input: GetSessionTokenCommandInput = {}): Promise<Required<Keys>> {
  return keysOf((await client(user).send(new GetSessionTokenCommand(input))).Credentials);
}

function mfaSession(): Promise<Required<Keys>> {
  return sessionOf(ana, { SerialNumber: SERIAL, TokenCode: codeOf(NOW) });
}

function keysOf(issued: Credentials | undefined): Required<Keys> {
  const { AccessKeyId, SecretAccessKey, SessionToken } = issued ?? {};
  return { accessKeyId: AccessKeyId ?? "", secretAccessKey: SecretAccessKey ?? "", sessionToken: SessionToken ?? "" };
}

/** Like TOTP: another code every 30 seconds. */
function codeOf(now: Date): string {
  return String(Math.floor(now.getTime() / 30_000) % 1_000_000).padStart(6, "0");
}

async function refusal(asked: Promise<unknown>): Promise<unknown> {
  try {
    await asked;
    return "no refusal";
  } catch (error) {
    const { name, message, $metadata } = error as STSServiceException;
    return { status: $metadata?.httpStatusCode, code: name, message };
  }
}

function invalidToken() {
  return {
    status: 403,
    code: "InvalidClientTokenId",
    message: "The security token included in the request is invalid.",
  };
}

function invalid(message: string) {
  return { status: 400, code: "ValidationError", message };
}

function denied(message: string) {
  return { status: 403, code: "AccessDenied", message };
}

type Reply = { status: number; date: string | null; text: string; code?: string; message?: string };
type Change = {
  method?: string;
  path?: string;
  contentType?: string;
  body?: string;
  date?: Date;
  secret?: string;
  service?: string;
  /** Leave this header out of the signature. */
  unsigned?: string;
  /** Whether the signed headers hold the hash of the body, as those of the SDK do. */
  hashHeader?: boolean;
  /** The body that is sent in the place of the signed one. */
  sent?: string;
  /** What is replaced in the finished Authorization header, and with what. */
  rewrite?: readonly [RegExp | string, string];
  /** Headers that are changed, or taken away, after they were signed. */
  tampered?: Record<string, string | undefined>;
};

/** One request without the SDK, which could not be made to send most of these. */
async function sendSigned(keys: Keys, change: Change = {}): Promise<Reply> {
  const { method = "POST", path = "/", contentType = FORM, body = WHO_AM_I, date = new Date() } = change;
  const signer = new SignatureV4({
    service: change.service ?? "sts",
    region: "eu-west-1",
    credentials: { ...keys, secretAccessKey: change.secret ?? keys.secretAccessKey },
    sha256: Sha256,
    applyChecksum: change.hashHeader ?? true,
  });
  const { host, pathname, searchParams } = new URL(path, server.url);
  const headers = { host, "content-type": contentType };
  const signed = await signer.sign(
    {
      method,
      protocol: "http:",
      hostname: host,
      path: pathname,
      query: Object.fromEntries(searchParams),
      headers,
      body,
    },
    { signingDate: date, unsignableHeaders: new Set([change.unsigned ?? ""]) },
  );
  const authorization = (signed.headers["authorization"] ?? "").replace(...(change.rewrite ?? ["", ""]));
  return send(change.sent ?? body, { ...signed.headers, authorization, ...change.tampered }, { method, path });
}

async function send(
  body: string,
  headers: Record<string, string | undefined>,
  to = { method: "POST", path: "/" },
): Promise<Reply> {
  const sent = Object.entries(headers).filter((header): header is [string, string] => header[1] !== undefined);
  const response = await fetch(server.url + to.path, { method: to.method, body, headers: sent });
  const text = await response.text();
  const [, code, message] = /<Code>(.*)<\/Code><Message>(.*)<\/Message>/s.exec(text) ?? [];
  const said = code === undefined || message === undefined ? {} : { code, message: message.replaceAll("&amp;", "&") };
  return { status: response.status, date: response.headers.get("date"), text, ...said };
}

function stamp(date: Date): string {
  return date.toISOString().replace(/[-:]|\.\d{3}/g, "");
}

function elapsed(ms: number): Promise<string> {
  return new Promise((resolve) => setTimeout(() => resolve("elapsed"), ms));
}
