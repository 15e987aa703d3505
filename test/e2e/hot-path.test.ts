import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BUILDS, makeRig, type Rig } from "./rig.ts";

const [NODE] = BUILDS;

/** What must not be loaded for an answer from the cache: it would cost more than the answer. */
const TOO_DEAR =
  /^(?:NativeModule )?(?:net|tls|http|https|http2|child_process|readline|tty|worker_threads|dns|zlib|internal\/modules\/esm\/load)$/;

describe("an answer from the cache, node", () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await makeRig(NODE);
    await rig.login();
  });
  afterEach(() => rig.end());

  it.each([
    ["hallpass", []],
    ["hallpass credential-process --account --repository", ["credential-process", "--account", "prod", "--repository"]],
  ])("%s loads the program's one file, and no SDK, yargs, parser or keychain", async (_form, words) => {
    const cwd = `${rig.live}/prod/us-east-1/vpc`;
    const args = words.length > 0 ? [...words, rig.live] : [];
    await rig.run(args, { cwd });
    const [report, spy] = [`${rig.path}/loaded.json`, `${rig.path}/spy.cjs`];
    const script = `process.on("exit", () => require("fs").writeFileSync(${JSON.stringify(report)},
      JSON.stringify({ files: Object.keys(require.cache), natives: process.moduleLoadList })))`;
    writeFileSync(spy, script);
    const { status } = await rig.run(args, { cwd, env: { NODE_OPTIONS: `--require ${spy}` } });
    expect(status).toBe(0);
    const { files, natives } = JSON.parse(readFileSync(report, "utf8")) as { files: string[]; natives: string[] };
    const ours = files.map((file) => basename(file)).filter((name) => name !== "spy.cjs");
    expect(ours.toSorted()).toEqual(["errors.cjs", "hallpass.cjs", "main.cjs"]);
    expect(natives.filter((name) => TOO_DEAR.test(name))).toEqual([]);
  });
});
