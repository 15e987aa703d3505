import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { HAS_MOTO, type Moto, startMoto, tryProgram } from "../fakes/moto.ts";
import { ACCOUNTS, ANA, BUILDS, type Ended, makeRig, type Rig, ROLE, roleOf, startProgram } from "./rig.ts";

const HAS_CLI = tryProgram("aws", "--version") !== undefined;
const HAS_BOTO3 = tryProgram("python3", "-c", "import boto3") !== undefined;
const PROD_SESSION = `arn:aws:sts::${ACCOUNTS.prod}:assumed-role/${ROLE}/hallpass-ana`;
const WHO_AM_I = ["aws", "sts", "get-caller-identity", "--query", "[Account, Arn]", "--output", "text"];

let moto: Moto;
beforeAll(async () => {
  if (HAS_MOTO) moto = await startMoto();
});
afterAll(() => moto?.stop());

describe.skipIf(!HAS_MOTO).each(BUILDS)("with moto as STS (needs moto[server]), $build", (build) => {
  let rig: Rig;
  let env: Record<string, string>;
  let login: Ended;
  beforeEach(async () => {
    await moto.reset();
    rig = await makeRig(build);
    env = { ...rig.env, AWS_ENDPOINT_URL_STS: moto.url };
    const ana = await moto.addUser({ accountId: ACCOUNTS.security, name: "ana" });
    const stdin = `${ana.accessKeyId}\n${ana.secretAccessKey}\n`;
    login = await rig.run(["login", "--stdin"], { env, stdin });
  });
  afterEach(() => rig.end());

  const inProd = (...args: string[]) => rig.run(args, { env, cwd: join(rig.live, "prod/us-east-1/vpc") });

  it("logs a user in whom moto knows", () => {
    expect(login.status).toBe(0);
    expect(login.stderr).toContain(`✓ ${ANA} in account ${ACCOUNTS.security}\n`);
    expect(asked()).toEqual(["GetCallerIdentity"]);
  });

  it("answers Terragrunt with keys of the unit's account", async () => {
    const { status, stdout, stderr } = await inProd();
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const { awsCredentials, envs, ...rest } = JSON.parse(stdout) as Record<string, Record<string, string>>;
    expect(rest).toEqual({});
    expect(awsCredentials).toEqual({
      ACCESS_KEY_ID: expect.stringMatching(/^ASIA[A-Z0-9]{16}$/) as string,
      SECRET_ACCESS_KEY: expect.stringMatching(/^.{40}$/) as string,
      SESSION_TOKEN: expect.stringMatching(/^.{100,}$/) as string,
    });
    expect(envs).toEqual({ HALLPASS_ISSUED: expect.stringContaining(awsCredentials!["ACCESS_KEY_ID"]!) as string });
    expect(await moto.accountOf(awsCredentials!["ACCESS_KEY_ID"]!)).toBe(ACCOUNTS.prod);
  });

  it("answers credential_process with keys of an hour", async () => {
    const { status, stdout } = await inProd("credential-process");
    expect(status).toBe(0);
    const answer = JSON.parse(stdout) as Record<string, string>;
    expect(Object.keys(answer)).toEqual(["Version", "AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"]);
    expect(answer["Version"]).toBe(1);
    const minutes = (Date.parse(answer["Expiration"]!) - Date.now()) / 60_000;
    expect(minutes).toBeGreaterThan(58);
    expect(minutes).toBeLessThanOrEqual(60);
    expect(await moto.accountOf(answer["AccessKeyId"]!)).toBe(ACCOUNTS.prod);
  });

  it("asks for one session, and for each role once", async () => {
    for (const account of ["prod", "dev", "prod"])
      await rig.run(["credential-process", "--account", account, "--repository", rig.live], { env, cwd: "/" });
    expect(asked()).toEqual(["GetCallerIdentity", "GetSessionToken", "AssumeRole", "AssumeRole"]);
    expect(moto.calls.slice(2).map((call) => call.roleArn)).toEqual([roleOf(ACCOUNTS.prod), roleOf(ACCOUNTS.dev)]);
    expect(rig.sts.calls).toEqual([]);
  });

  it.skipIf(!HAS_CLI)("hands out keys whose secret and token fit, by the AWS CLI", async () => {
    const { AccessKeyId, SecretAccessKey, SessionToken } = JSON.parse(
      (await inProd("credential-process")).stdout,
    ) as Record<string, string>;
    const keys = {
      ...env,
      AWS_DEFAULT_REGION: "us-east-1",
      AWS_ACCESS_KEY_ID: AccessKeyId!,
      AWS_SESSION_TOKEN: SessionToken!,
    };
    await moto.checkSignatures();
    const whole = await startProgram(WHO_AM_I, { cwd: "/", env: { ...keys, AWS_SECRET_ACCESS_KEY: SecretAccessKey! } })
      .ended;
    expect(whole).toMatchObject({ status: 0, stdout: `${ACCOUNTS.prod}\t${PROD_SESSION}\n` });
    // The same with another secret: were it let in too, the line above would prove nothing.
    const broken = await startProgram(WHO_AM_I, { cwd: "/", env: { ...keys, AWS_SECRET_ACCESS_KEY: "x".repeat(40) } })
      .ended;
    expect(broken.stderr).toContain("SignatureDoesNotMatch");
  });

  it.skipIf(!HAS_CLI)("serves a profile of the AWS CLI from another directory", async () => {
    await inProd();
    await moto.checkSignatures();
    const ended = await startProgram([...WHO_AM_I, "--profile", "prod"], { cwd: "/", env: withProfile() }).ended;
    expect(ended).toMatchObject({ status: 0, stdout: `${ACCOUNTS.prod}\t${PROD_SESSION}\n` });
  });

  it.skipIf(!HAS_BOTO3)("serves a profile of boto3 from another directory", async () => {
    await inProd();
    await moto.checkSignatures();
    const script = `import boto3
print(boto3.Session(profile_name="prod").client("sts").get_caller_identity()["Arn"])`;
    const ended = await startProgram(["python3", "-c", script], { cwd: "/", env: withProfile() }).ended;
    expect(ended).toMatchObject({ status: 0, stdout: `${PROD_SESSION}\n` });
  });

  function asked(): string[] {
    return moto.calls.map((call) => call.action);
  }

  /** An environment whose only credentials are those of a profile. */
  function withProfile(): Record<string, string> {
    const config = join(rig.path, "aws-config");
    const words = [...build.command, "credential-process", "--account", "prod", "--repository", rig.live];
    writeFileSync(config, `[profile prod]\nregion = us-east-1\ncredential_process = "${words.join('" "')}"\n`);
    return { ...env, AWS_CONFIG_FILE: config };
  }
});
