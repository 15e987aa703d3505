import { writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { expectNoCanary, expectRefusal, expectSealedFiles } from "./canary.ts";
import { ACCOUNTS, ANA, BUILDS, makeRig, type Rig, roleOf, type RunOptions } from "./rig.ts";

describe.each(BUILDS)("refusals, $build", (build) => {
  let rig: Rig;
  const prod = () => `${rig.live}/prod/us-east-1/vpc`;
  const run = (args: string[] = [], options: RunOptions = {}) => rig.run(args, { cwd: prod(), ...options });

  beforeEach(async () => {
    rig = await makeRig(build);
    await rig.login();
  });
  afterEach(async () => {
    const handedOut = /"SecretAccessKey"|"SECRET_ACCESS_KEY"|export AWS_SECRET/;
    expectNoCanary(rig.outputs.filter((text) => !handedOut.test(text)));
    await rig.end();
  });

  describe("of STS", () => {
    const asked = (keyId: string) => `  role      ${roleOf(ACCOUNTS.prod)}\n  asked by  ${keyId}\n`;
    const sessionKey = () => `access key ${rig.sts.calls.at(-1)?.accessKeyId}`;

    it("a role that does not trust us: role, account, and whose keys asked", async () => {
      rig.sts.addRole(roleOf(ACCOUNTS.prod), { trusts: ["arn:aws:iam::999999999999:root"] });
      const role = roleOf(ACCOUNTS.prod);
      const stderr = `hallpass: account 666666666666 refused us its role
${asked(ANA)}  AWS says  AccessDenied: User: ${ANA} is not authorized to perform: sts:AssumeRole on resource: ${role}
  try       compare the role's trust policy; a role that is not there is refused the same way
`;
      expectRefusal(await run(), 1, stderr);
      expectSealedFiles(rig);
    });

    it("a key that was deactivated since the login", async () => {
      rig.sts.setKeyState(rig.ana.accessKeyId, "inactive");
      const stderr = `hallpass: AWS does not accept the base credentials
  asked by  access key ${rig.ana.accessKeyId}
  AWS says  InvalidClientTokenId: The security token included in the request is invalid.
  try       hallpass login   (the key was deleted, deactivated, or its secret is another one)
`;
      expectRefusal(await run(), 1, stderr);
    });

    it("an answer from the wrong account", async () => {
      rig.sts.misbehave({ fault: "wrongAccount" });
      const stderr = `hallpass: AWS answered for another account or role than the one asked for
  asked  ${roleOf(ACCOUNTS.prod)}
  came   arn:aws:sts::999999999999:assumed-role/allow-full-access-from-other-accounts/hallpass-ana
  try    see what stands between you and AWS: AWS_ENDPOINT_URL_STS, a proxy
`;
      expectRefusal(await run(), 1, stderr);
    });

    it.each(["expired", "missing"] as const)("an answer with credentials that are %s", async (fault) => {
      rig.sts.misbehave({ fault, action: "AssumeRole" });
      const stderr = `hallpass: the answer to AssumeRole is incomplete or already expired
  expected  key id, secret, session token and an expiry in the future
  try       see what stands between you and AWS: AWS_ENDPOINT_URL_STS, a proxy
`;
      expectRefusal(await run(), 1, stderr);
    });

    it("an answer that is not one of STS", async () => {
      rig.sts.misbehave({ fault: "garbage", action: "AssumeRole" });
      const ended = await run();
      const stderr = `hallpass: AWS STS does not answer
${asked(sessionKey())}  AWS says  something that is not an answer of STS
  try       the network, the proxy, AWS_REGION and AWS_ENDPOINT_URL_STS
`;
      expectRefusal(ended, 1, stderr);
    });

    it("a server that fails is asked three times", async () => {
      rig.sts.misbehave({ fault: "unavailable", action: "AssumeRole" });
      const ended = await run();
      const stderr = `hallpass: AWS STS has a failure of its own, and had it three times
${asked(sessionKey())}  AWS says  ServiceUnavailable: The request has failed due to a temporary failure of the server.
  try       wait a minute; then the AWS Health Dashboard
`;
      expectRefusal(ended, 1, stderr);
      expect(rig.sts.calls.filter((call) => call.action === "AssumeRole")).toHaveLength(3);
    });

    it("a server that is down, or cuts the connection", async () => {
      rig.sts.misbehave({ fault: "close", action: "AssumeRole" });
      const cut = await run();
      const stderr = (where: string, keyId: string) => `hallpass: AWS STS does not answer
${asked(keyId)}  at        ${where}
  try       the network, the proxy, AWS_REGION and AWS_ENDPOINT_URL_STS
`;
      expectRefusal(cut, 1, stderr(`${rig.sts.url}   (the connection was cut)`, sessionKey()));
      const keyId = sessionKey();
      await rig.sts.close();
      expectRefusal(await run(), 1, stderr(`${rig.sts.url}   (ECONNREFUSED)`, keyId));
    });

    it("a server that never answers: within the budget of 15 s", async () => {
      rig.sts.misbehave({ fault: "hang", action: "AssumeRole" });
      const started = Date.now();
      const ended = await run();
      expect(Date.now() - started).toBeLessThan(20_000);
      const stderr = `hallpass: AWS STS does not answer
${asked(sessionKey())}  at        ${rig.sts.url}   (no answer in time)
  try       the network, the proxy, AWS_REGION and AWS_ENDPOINT_URL_STS
`;
      expectRefusal(ended, 1, stderr);
    });

    it("throttling is waited out, up to the budget", async () => {
      rig.sts.misbehave({ fault: "throttle", times: 4, action: "AssumeRole" });
      expect(await run()).toMatchObject({ status: 0, stderr: "" });
      rig.sts.misbehave({ fault: "throttle", action: "AssumeRole" });
      const started = Date.now();
      const ended = await run([], { cwd: `${rig.live}/dev/us-east-1/app` });
      expect(Date.now() - started).toBeLessThan(20_000);
      expect(ended).toMatchObject({ status: 1, stdout: "" });
      expect(ended.stderr).toContain("hallpass: AWS STS throttles us, and did so until the time limit\n");
      expect(ended.stderr).toContain("  AWS says  Throttling: Rate exceeded\n");
    });

    it.each([400, 4000, -400])("a clock that is %i s off", async (seconds) => {
      await run(["--account", "dev"]);
      rig.sts.setClock(() => new Date(Date.now() + seconds * 1000));
      const ended = await run();
      expect(ended).toMatchObject({ status: 1, stdout: "" });
      const clock = seconds > 0 ? "behind" : "ahead of";
      const shape =
        /^hallpass: this machine's clock and AWS's differ too much\n {2}clock {2}(\d+) s (behind|ahead of) AWS\n {2}try {4}set the clock \(NTP\); AWS allows 300 s\n$/;
      const [, said, direction] = shape.exec(ended.stderr) ?? [];
      expect(Math.abs(Number(said) - Math.abs(seconds))).toBeLessThan(3);
      expect(direction).toBe(clock);
    });
  });

  describe("of accounts.json", () => {
    it("a name that is not in it: which names there are", async () => {
      writeFileSync(`${rig.live}/prod/account.hcl`, 'locals {\n  account_name = "prdo"\n}\n');
      const stderr = `hallpass: no account in this repository is called "prdo"
  said by  ${rig.live}/prod/account.hcl:2   account_name = "prdo"
  known    dev, logs, prod, security   (${rig.live}/accounts.json)
  try      account_name = "prod"
`;
      expectRefusal(await run(), 1, stderr);
    });

    it("text that is not JSON: file, line, column", async () => {
      writeFileSync(`${rig.live}/accounts.json`, '{\n  "prod": {"id": "666666666666",}\n}\n');
      const stderr = `hallpass: ${rig.live}/accounts.json:2:33 is not JSON (PropertyNameExpected)
  expected  {"<name>": {"id": "<twelve digits>", "deploy_order": 1, "root_user_email": "…"}}
  try       mend that line; no account is taken from a registry that is broken anywhere
`;
      expectRefusal(await run(), 1, stderr);
    });
  });

  describe("of the environment", () => {
    it.each([
      [
        { HALLPASS_STATE_DIR: "state" },
        64,
        "hallpass: HALLPASS_STATE_DIR is not an absolute path\n  try  HALLPASS_STATE_DIR=$HOME/…\n",
      ],
      [
        { HALLPASS_KEYCHAIN: "kde" },
        64,
        "hallpass: HALLPASS_KEYCHAIN is not a keychain\n  expected  auto, system or file\n  try       unset HALLPASS_KEYCHAIN\n",
      ],
      [
        { AWS_ENDPOINT_URL_STS: "https://sts.example.com" },
        1,
        `hallpass: AWS_ENDPOINT_URL_STS is not one that credentials may come from
  expected  https:// at AWS (…amazonaws.com), or this machine (127.0.0.1, localhost, [::1])
  came      https://sts.example.com
  try       unset AWS_ENDPOINT_URL_STS, or correct it
`,
      ],
      [
        { AWS_REGION: "eu" },
        1,
        `hallpass: AWS_REGION is not one that credentials may come from
  expected  a region such as eu-central-1
  came      eu
  try       unset AWS_REGION, or correct it
`,
      ],
      [
        { HALLPASS_BASE: "nope" },
        1,
        'hallpass: HALLPASS_BASE names "nope", which was never logged in\n  known  default\n  try    hallpass login nope\n',
      ],
    ])("%j", async (env, status, stderr) => {
      expectRefusal(await run([], { env }), status, stderr);
    });
  });

  describe("of the command line", () => {
    it.each([
      [["--foo"], "hallpass: Unknown argument: foo\n  try  hallpass terragrunt --help\n"],
      [
        ["frobnicate"],
        `hallpass: there is no command "frobnicate"
  known  terragrunt, credential-process, exec, env, login, logout, explain, whoami, cache
  try    hallpass --help
`,
      ],
      [["--role", "a", "--role", "b"], "hallpass: --role is given twice\n  try  hallpass terragrunt --help\n"],
      [["--role", ""], "hallpass: --role needs a value\n  try  hallpass terragrunt --help\n"],
      [["explain", "a", "b"], 'hallpass: "b" is one word too many\n  try  hallpass explain --help\n'],
      [["exec", "prod", "aws", "s3"], 'hallpass: "aws" is one word too many\n  try  hallpass exec prod -- aws s3\n'],
      [["exec"], "hallpass: ACCOUNT is missing\n  try  hallpass exec --help\n"],
      [
        ["exec", "prod"],
        "hallpass: there is no command to run\n  try  hallpass exec ACCOUNT -- aws sts get-caller-identity\n",
      ],
      [
        ["credential-process", "--account", "prod"],
        `hallpass: --account needs --repository here: AWS tools call from any directory
  try  hallpass credential-process --account prod --repository DIR
`,
      ],
    ])("%j is wrong usage", async (args, stderr) => {
      expectRefusal(await run(args), 64, stderr);
    });
  });

  it("a state folder that cannot be written: login stores nothing", async () => {
    const stdin = `${rig.ana.accessKeyId}\n${rig.ana.secretAccessKey}\n`;
    const ended = await run(["login", "--stdin"], { env: { HALLPASS_STATE_DIR: "/proc/none" }, stdin });
    const stderr = `hallpass: /proc/none cannot be written (ENOENT)
  try  make its folder writable, or set HALLPASS_STATE_DIR and HALLPASS_RUNTIME_DIR to folders that are
`;
    expectRefusal(ended, 1, stderr);
  });

  it("a wrong secret at login: the old login stays", async () => {
    const stdin = `${rig.ana.accessKeyId}\n${"x".repeat(40)}\n`;
    const ended = await run(["login", "--stdin"], { stdin });
    expect(ended).toMatchObject({ status: 1, stdout: "" });
    expect(ended.stderr).toContain("hallpass: AWS does not accept the base credentials\n");
    expect(ended.stderr).toContain("  AWS says  SignatureDoesNotMatch: ");
    expect(await run()).toMatchObject({ status: 0 });
  });
});
