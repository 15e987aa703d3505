import { execFileSync } from "node:child_process";
import { readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BUILDS, makeRig, type Rig, startProgram } from "./rig.ts";

const ROOT = join(import.meta.dirname, "../..");
const [, BINARY] = BUILDS;

describe("the platform package", () => {
  let rig: Rig;
  let installed: string;
  beforeAll(async () => {
    rig = await makeRig(BINARY);
    const folder = execFileSync(process.execPath, [join(ROOT, "scripts/pack-platform.mjs")], {
      encoding: "utf8",
    }).trim();
    const options = ["--global", "--offline", "--ignore-scripts", "--install-links", "--prefix", `${rig.path}/prefix`];
    execFileSync("npm", ["install", ...options, folder], {
      stdio: "ignore",
      env: { PATH: process.env["PATH"], HOME: rig.path },
    });
    installed = `${rig.path}/prefix/bin/hallpass`;
  });
  afterAll(() => rig.end());

  it("puts the program itself on PATH: no Node start in between, no install script", () => {
    const head = readFileSync(realpathSync(installed)).subarray(0, 4).toString("latin1");
    expect(head).toBe(process.platform === "linux" ? "\u007FELF" : head);
    const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
    expect(execFileSync(installed, ["--version"], { env: {}, encoding: "utf8" })).toBe(`${version}\n`);
  });

  it("finds keytar's native file beside it, through npm's link", async () => {
    const env = { ...rig.env, HALLPASS_KEYCHAIN: "system", DBUS_SESSION_BUS_ADDRESS: "unix:path=/nonexistent" };
    const stdin = `${rig.ana.accessKeyId}\n${rig.ana.secretAccessKey}\n`;
    const { status, stderr } = await startProgram([installed, "login", "--stdin"], { cwd: rig.live, env, stdin }).ended;
    expect(status).toBe(1);
    expect(stderr).toContain("the login keychain (Secret Service) cannot be used");
    expect(stderr).not.toContain("keytar");
  });
});
