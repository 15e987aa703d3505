import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import process from "node:process";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { expectRefusal } from "./canary.ts";
import { BUILDS, makeRig, type Rig } from "./rig.ts";

/** Mounting needs root and, in some containers, more than that. */
const canMount =
  process.getuid?.() === 0 && spawnSync("unshare", ["-m", "mount", "-t", "tmpfs", "none", "/mnt"]).status === 0;
const isRoot = process.getuid?.() === 0;
const NOBODY = 65_534;

describe.each(BUILDS)("disks and other users, $build", (build) => {
  let rig: Rig;
  let cwd: string;
  const mounts: string[] = [];
  beforeEach(async () => {
    rig = await makeRig(build);
    cwd = `${rig.live}/prod/us-east-1/vpc`;
    await rig.login();
  });
  afterEach(async () => {
    for (const path of mounts.splice(0)) execFileSync("umount", [path]);
    await rig.end();
  });
  /** The state folder with what login wrote, on a file system of its own. */
  const mountState = (options: string) => {
    const copy = `${rig.path}/copy`;
    cpSync(rig.state, copy, { recursive: true });
    execFileSync("mount", ["-t", "tmpfs", "-o", `mode=0700,${options}`, "none", rig.state]);
    mounts.push(rig.state);
    cpSync(copy, rig.state, { recursive: true });
  };
  const answered = (stdout: string) => Object.keys(JSON.parse(stdout) as object);
  /** The whole answer, and on stderr nothing but the warning, however often. */
  const expectAnswerWithWarning = async (code: string) => {
    const { status, stdout, stderr } = await rig.run([], { cwd });
    expect({ status, keys: answered(stdout) }).toEqual({ status: 0, keys: ["awsCredentials", "envs"] });
    const warning = `hallpass: nothing is cached, ${rig.state}/cache cannot be written (${code})`;
    expect(new Set(stderr.trimEnd().split("\n"))).toEqual(new Set([warning]));
  };

  it.skipIf(!canMount)("a full disk: the credentials are printed, with a warning (needs mount)", async () => {
    await rig.run([], { cwd: `${rig.live}/security` }); // the sealing key is in the keychain by now
    rmSync(`${rig.state}/cache`, { recursive: true });
    mountState("size=64k");
    spawnSync("dd", ["if=/dev/zero", `of=${rig.state}/filler`, "bs=1k", "count=100"]);
    await expectAnswerWithWarning("ENOSPC");
  });

  it.skipIf(!canMount)("a read-only disk: the same (needs mount)", async () => {
    await rig.run([], { cwd: `${rig.live}/security` });
    rmSync(`${rig.state}/cache`, { recursive: true });
    mountState("size=1m");
    execFileSync("mount", ["-o", "remount,ro", rig.state]);
    await expectAnswerWithWarning("EROFS");
  });

  it.skipIf(!isRoot)("a runtime folder that another user made first is refused (needs root)", async () => {
    rmSync(`${rig.path}/run`, { recursive: true, force: true });
    mkdirSync(`${rig.path}/run`, { mode: 0o777 });
    execFileSync("chown", [`${NOBODY}`, `${rig.path}/run`]);
    const stderr = `hallpass: ${rig.path}/run belongs to user ${NOBODY}, expected 0
  try  see who made it and remove it, or name another folder: HALLPASS_STATE_DIR, HALLPASS_RUNTIME_DIR
`;
    expectRefusal(await rig.run([], { cwd }), 1, stderr);
  });

  it.skipIf(!isRoot)("another user gets nothing out of our folders (needs root)", async () => {
    await rig.run([], { cwd });
    chmodSync(rig.path, 0o755);
    for (const folder of [rig.state, `${rig.path}/run`]) {
      const listed = spawnSync("ls", [folder], { uid: NOBODY, gid: NOBODY });
      expect({ folder, status: listed.status }).not.toEqual({ folder, status: 0 });
    }
  });

  it("a runtime folder that is a link, or that others may write to, is refused", async () => {
    const run = `${rig.path}/run`;
    rmSync(run, { recursive: true, force: true });
    mkdirSync(`${rig.path}/elsewhere`, { mode: 0o700 });
    symlinkSync(`${rig.path}/elsewhere`, run);
    const way = `  try  see who made it and remove it, or name another folder: HALLPASS_STATE_DIR, HALLPASS_RUNTIME_DIR\n`;
    expectRefusal(await rig.run([], { cwd }), 1, `hallpass: ${run} is not a folder\n${way}`);
    rmSync(run);
    mkdirSync(run);
    chmodSync(run, 0o770);
    expectRefusal(await rig.run([], { cwd }), 1, `hallpass: ${run} can be read or written by others\n${way}`);
    expect(existsSync(`${rig.path}/elsewhere/sealing-key`)).toBe(false);
  });

  it("a damaged answer in the cache is set aside, said, and fetched anew", async () => {
    await rig.run([], { cwd });
    const before = rig.sts.calls.length;
    const files = rig.files().filter(({ path }) => /\/cache\/[0-9a-f]{20}$/.test(path));
    for (const { path, bytes } of files) writeFileSync(path, bytes.subarray(0, -1));
    const { status, stdout, stderr } = await rig.run([], { cwd });
    expect({ status, keys: answered(stdout) }).toEqual({ status: 0, keys: ["awsCredentials", "envs"] });
    const said = files.map(
      ({ path }) =>
        `hallpass: a cached answer is not as hallpass wrote it, and is not used; it stands at ${path}.damaged now`,
    );
    expect(stderr.trimEnd().split("\n").toSorted()).toEqual(said.toSorted());
    expect(rig.sts.calls.slice(before).map(({ action }) => action)).toEqual(["GetSessionToken", "AssumeRole"]);
    expect(await rig.run([], { cwd })).toMatchObject({ status: 0, stderr: "" });
  });
});
