import { createRequire } from "node:module";
import process from "node:process";
import { main } from "./cli.ts";
import { realWorld } from "./world.ts";

/** Put in at build time from package.json. */
declare const HALLPASS_VERSION: string;

/** How to run this program again: the binary is itself; Node needs the script that it was started with. */
function self(): readonly [string, ...string[]] {
  return "Bun" in globalThis
    ? [process.execPath]
    : [process.execPath, createRequire(import.meta.url).resolve("../bin/hallpass.js")];
}

process.exitCode = await main(process.argv.slice(2), HALLPASS_VERSION, () => realWorld(HALLPASS_VERSION, self()));
