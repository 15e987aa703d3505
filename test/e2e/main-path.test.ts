import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { expectNoCanary } from "./canary.ts";
import { ACCOUNTS, ANA, BUILDS, makeRig, type Rig, roleOf } from "./rig.ts";

const UNITS = {
  dev: "dev/us-east-1/app",
  prod: "prod/us-east-1/vpc",
  logs: "logs/us-east-1/bucket",
  security: "security/_global/users",
} as const;

describe.each(BUILDS)("the main path, $build", (build) => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await makeRig(build);
    await rig.login();
  });
  afterEach(() => rig.end());

  it("gives every unit its own account's role, with one session for all", async () => {
    for (const [account, unit] of Object.entries(UNITS)) {
      const { status, stdout, stderr } = await rig.run([], { cwd: `${rig.live}/${unit}` });
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      const answer = JSON.parse(stdout) as { awsCredentials: Record<string, string>; envs: Record<string, string> };
      expect(Object.keys(answer)).toEqual(["awsCredentials", "envs"]);
      expect(Object.keys(answer.awsCredentials)).toEqual(["ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN"]);
      const last = rig.sts.calls.at(-1);
      expect(last).toMatchObject({
        action: "AssumeRole",
        roleArn: roleOf(ACCOUNTS[account as keyof typeof ACCOUNTS]),
        sessionName: "hallpass-ana",
      });
      expect(last?.error).toBeUndefined();
    }
    expect(rig.sts.calls.map((call) => call.action)).toEqual([
      "GetCallerIdentity",
      "GetSessionToken",
      ...Array.from({ length: 4 }, () => "AssumeRole"),
    ]);
  });

  it("answers the second call from the cache: same keys, no call of STS", async () => {
    const cwd = `${rig.live}/${UNITS.prod}`;
    const first = await rig.run([], { cwd });
    const calls = rig.sts.calls.length;
    const second = await rig.run(["terragrunt"], { cwd });
    const keys = (text: string) => (JSON.parse(text) as { awsCredentials: unknown }).awsCredentials;
    expect(keys(second.stdout)).toEqual(keys(first.stdout));
    expect(rig.sts.calls.length).toBe(calls);
  });

  it("answers credential_process for the working directory, an account of a repository, and a role", async () => {
    const role = roleOf(ACCOUNTS.prod);
    const forms = [
      { args: ["credential-process"], cwd: `${rig.live}/${UNITS.prod}` },
      { args: ["credential-process", "--account", "prod", "--repository", rig.live], cwd: "/" },
      { args: ["credential-process", "--role", role], cwd: "/" },
    ];
    for (const { args, cwd } of forms) {
      const { stdout, status } = await rig.run(args, { cwd });
      expect(status).toBe(0);
      expect(JSON.parse(stdout)).toEqual({
        Version: 1,
        AccessKeyId: expect.stringMatching(/^ASIA/) as string,
        SecretAccessKey: expect.stringContaining("canary") as string,
        SessionToken: expect.stringContaining("canary") as string,
        Expiration: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/) as string,
      });
      expect(rig.sts.calls.at(-1)).toMatchObject({ action: "AssumeRole", roleArn: role });
    }
  });

  it("explains without asking anybody", async () => {
    const calls = rig.sts.calls.length;
    const { stdout, status } = await rig.run(["explain"], { cwd: `${rig.live}/${UNITS.prod}` });
    expect(status).toBe(0);
    expect(stdout).toBe(`account  prod  666666666666
  prod/us-east-1      no account.hcl
  prod/account.hcl:2  account_name = "prod"   decides
  accounts.json:7     prod → 666666666666
unit     prod/us-east-1/vpc
role     arn:aws:iam::666666666666:role/allow-full-access-from-other-accounts
base     keychain "default"   ${ANA}
cache    nothing
`);
    expect(rig.sts.calls.length).toBe(calls);
  });

  it("runs a command with the account's credentials and passes its status on", async () => {
    const script = 'echo "$AWS_ACCESS_KEY_ID $AWS_PROFILE"; exit 7';
    const { stdout, status } = await rig.run(["exec", "prod", "--", "sh", "-c", script], {
      env: { AWS_PROFILE: "other" },
    });
    expect(stdout).toMatch(/^ASIA\w+ \n$/);
    expect(status).toBe(7);
  });

  it("prints lines that a shell can evaluate", async () => {
    const { stdout } = await rig.run(["env", "prod", "--shell", "bash"]);
    expect(stdout).toContain("unset AWS_PROFILE\n");
    expect(stdout).toMatch(/export AWS_ACCESS_KEY_ID='ASIA\w+'\n/);
    expect(stdout).toMatch(/export HALLPASS_ISSUED='1\.ASIA[^']+'\n/);
  });

  it("shows who we are and which sessions are open, without a secret and without asking anybody", async () => {
    const cwd = `${rig.live}/${UNITS.prod}`;
    await rig.run([], { cwd });
    const calls = rig.sts.calls.length;
    const whoami = await rig.run(["whoami"]);
    const who = `^${ANA} {3}account 222222222222, "default" in the file keychain, stored \\d+ s ago\n`;
    const role = `the role of prod {${ANA.length + 13 - "the role of prod".length + 2}}59 min left`;
    expect(whoami.stdout).toMatch(
      new RegExp(
        `${who}session .*time .*used last by\n${role}.*${cwd}, \\d+ s ago\na session of ${ANA} {2}11 h 59 min left`,
      ),
    );
    const listed = JSON.parse((await rig.run(["cache", "list", "--json"])).stdout) as {
      what: string;
      usedBy?: string;
    }[];
    expect(listed.map(({ what, usedBy }) => [what, usedBy])).toEqual([
      ["the role of prod", cwd],
      [`a session of ${ANA}`, cwd],
    ]);
    expect(rig.sts.calls.length).toBe(calls);
    const cleared = await rig.run(["cache", "clear"]);
    expect(cleared).toMatchObject({ status: 0, stderr: "hallpass: 3 sealed values are gone\n" });
    expect((await rig.run(["cache", "list"])).stdout).toBe("nothing is kept\n");
    expectNoCanary([whoami.stdout, whoami.stderr, JSON.stringify(listed)]);
  });

  it("forgets everything at logout", async () => {
    await rig.run([], { cwd: `${rig.live}/${UNITS.prod}` });
    const { status, stderr } = await rig.run(["logout"]);
    expect({ status, stderr }).toEqual({
      status: 0,
      stderr: `hallpass: "default" is logged out of ${rig.state}/keychain.sealed, and no session is kept any more\n`,
    });
    const again = await rig.run([], { cwd: `${rig.live}/${UNITS.prod}` });
    expect(again).toMatchObject({ status: 1, stdout: "" });
    expect(again.stderr).toBe(`hallpass: there are no base credentials to ask AWS with
  expected  an IAM user's access key in the keychain
  not used  AWS_ACCESS_KEY_ID and AWS_PROFILE: in the middle of a run they are another unit's
  try       hallpass login
`);
  });
});
