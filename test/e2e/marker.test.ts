import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { expectRefusal } from "./canary.ts";
import { ACCOUNTS, BUILDS, makeRig, type Rig, roleOf } from "./rig.ts";

type Answer = {
  awsCredentials: Record<"ACCESS_KEY_ID" | "SECRET_ACCESS_KEY" | "SESSION_TOKEN", string>;
  envs: { HALLPASS_ISSUED: string };
};

describe.each(BUILDS)("keys in our environment that are another unit's, $build", (build) => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await makeRig(build);
    await rig.login();
  });
  afterEach(() => rig.end());

  /** What Terragrunt puts into the environment of a dependency call: the dependent's keys and our marker. */
  const environmentOf = (answer: Answer, marker: string | undefined) => ({
    AWS_ACCESS_KEY_ID: answer.awsCredentials.ACCESS_KEY_ID,
    AWS_SECRET_ACCESS_KEY: answer.awsCredentials.SECRET_ACCESS_KEY,
    AWS_SESSION_TOKEN: answer.awsCredentials.SESSION_TOKEN,
    AWS_SECURITY_TOKEN: answer.awsCredentials.SESSION_TOKEN,
    HALLPASS_ISSUED: marker,
  });
  const answerIn = async (unit: string, env: Record<string, string | undefined> = {}) =>
    JSON.parse((await rig.run([], { cwd: `${rig.live}/${unit}`, env })).stdout) as Answer;

  it.each(["with the marker", "without a marker"])("are never used, %s", async (how) => {
    const dev = await answerIn("dev/us-east-1/app");
    const env = environmentOf(dev, how === "with the marker" ? dev.envs.HALLPASS_ISSUED : undefined);
    const prod = await answerIn("prod/us-east-1/vpc", env);
    expect(prod.awsCredentials.ACCESS_KEY_ID).not.toBe(dev.awsCredentials.ACCESS_KEY_ID);
    const last = rig.sts.calls.at(-1);
    expect(last).toMatchObject({ action: "AssumeRole", roleArn: roleOf(ACCOUNTS.prod) });
    expect(last?.accessKeyId).not.toBe(dev.awsCredentials.ACCESS_KEY_ID);
  });

  it("a marker names its key, its unit and its run, and the run goes on", async () => {
    const dev = await answerIn("dev/us-east-1/app");
    const [version, keyId, run, unit] = dev.envs.HALLPASS_ISSUED.split(".");
    expect([version, keyId]).toEqual(["1", dev.awsCredentials.ACCESS_KEY_ID]);
    expect(Buffer.from(unit!, "base64url").toString()).toBe("dev/us-east-1/app");
    const prod = await answerIn("prod/us-east-1/vpc", environmentOf(dev, dev.envs.HALLPASS_ISSUED));
    expect(prod.envs.HALLPASS_ISSUED.split(".")[2]).toBe(run);
    const other = await answerIn("prod/us-east-1/vpc");
    expect(other.envs.HALLPASS_ISSUED.split(".")[2]).not.toBe(run);
  });

  it("a marker that was copied to another unit's call decides nothing", async () => {
    const dev = await answerIn("dev/us-east-1/app");
    const env = { HALLPASS_ISSUED: dev.envs.HALLPASS_ISSUED };
    const prod = await answerIn("prod/us-east-1/vpc", env);
    expect(Buffer.from(prod.envs.HALLPASS_ISSUED.split(".")[3]!, "base64url").toString()).toBe("prod/us-east-1/vpc");
  });

  it("a marker that we cannot have made refuses", async () => {
    const { envs } = await answerIn("dev/us-east-1/app");
    const refusal = (why: string) => `hallpass: HALLPASS_ISSUED in the environment was not made by hallpass
  because  ${why}
  try      unset HALLPASS_ISSUED, and see what sets it: only hallpass does
`;
    const changed = envs.HALLPASS_ISSUED.replace(/\.ASIA..../, ".ASIAAAAA");
    const cut = envs.HALLPASS_ISSUED.slice(0, -1);
    const cwd = `${rig.live}/dev/us-east-1/app`;
    expectRefusal(await rig.run([], { cwd, env: { HALLPASS_ISSUED: changed } }), 1, refusal("its signature is wrong"));
    for (const text of [cut, "x", "1.a.b.c.d"])
      expectRefusal(
        await rig.run([], { cwd, env: { HALLPASS_ISSUED: text } }),
        1,
        refusal("it does not have the form of one"),
      );
  });
});
