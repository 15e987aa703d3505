import { realpathSync } from "node:fs";
import process from "node:process";
import { main } from "./cli.ts";
import type { World } from "./types.ts";
import { realWorld } from "./world.ts";

/** Put in at build time from package.json. */
declare const HALLPASS_VERSION: string;

/** How to run this program again: the binary is itself; Node needs the script that it was started with. */
function self(): World["self"] {
  return "Bun" in globalThis ? [process.execPath] : [process.execPath, realpathSync(process.argv[1]!)];
}

const makeWorld = (): World => realWorld(HALLPASS_VERSION, self());
void main(process.argv.slice(2), HALLPASS_VERSION, makeWorld).then((status) => (process.exitCode = status));
