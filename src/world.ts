import { fstatSync, statSync, writeSync } from "node:fs";
import process from "node:process";
import { createCache } from "./cache/cache.ts";
import { BrokerError, systemCode } from "./errors.ts";
import { findFolders } from "./folders.ts";
import { chooseKeychain } from "./keychain/choose.ts";
import { createSts } from "./role/sts.ts";
import { createTurns } from "./single-flight/in-turn.ts";
import { openTerminal } from "./terminal.ts";
import type { World } from "./types.ts";

/** The real world, built once by main.ts. Building it opens nothing. */
export function realWorld(version: string, self: World["self"]): World {
  const { platform } = process;
  const env = { ...process.env };
  // For the SDK in this process, not for programs that we start: its notice about Node 20 would stand in stderr.
  process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] = "true";
  // The SDK opens these two whatever it is given, and a FIFO there would hang it for ever.
  for (const file of ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"]) process.env[file] = devNull(platform);
  const uid = process.getuid?.() ?? -1;
  const folders = findFolders(env, platform, uid);
  const outside = {
    env,
    cwd: currentFolder(),
    platform,
    uid,
    folders,
    self,
    version,
    now: () => new Date(),
    print: (text: string) => writeAll(1, text),
    say: (text: string) => writeAll(2, text),
    stdoutIsTerminal: isTerminal(1),
    runChild,
  };
  const inTurn = createTurns(outside);
  const terminal = openTerminal(platform, inTurn);
  const keychain = chooseKeychain({ ...outside, terminal, inTurn });
  return {
    ...outside,
    terminal,
    inTurn,
    keychain,
    cache: createCache({ ...outside, keychain, inTurn }),
    sts: createSts(outside),
  };
}

/**
 * A character device that is not /dev/null. `process.stdout.isTTY` would build a stream first, which costs
 * more than the answer.
 */
function isTerminal(descriptor: number): boolean {
  const file = fstatSync(descriptor);
  return file.isCharacterDevice() && file.rdev !== statSync("/dev/null", { throwIfNoEntry: false })?.rdev;
}

function devNull(platform: NodeJS.Platform): string {
  return platform === "win32" ? String.raw`\\.\nul` : "/dev/null";
}

function currentFolder(): string {
  try {
    return process.cwd();
  } catch (error) {
    throw new BrokerError(
      "NO_SUCH_FOLDER",
      "the working directory was removed",
      [["try", "cd to a folder that is there"]],
      error,
    );
  }
}

/** Synchronous, so that the text is out before the process ends; a full pipe (EAGAIN) is waited for. */
function writeAll(descriptor: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let written = 0; written < bytes.length;) {
    try {
      written += writeSync(descriptor, bytes, written);
    } catch (error) {
      if (systemCode(error) !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

/** The child's own exit status; 128 + n where signal n ended it, as shells say it. Signals for us are passed on. */
async function runChild(
  command: string,
  args: readonly string[],
  env: Record<string, string | undefined>,
): Promise<number> {
  const { spawn } = await import("node:child_process");
  const { constants } = await import("node:os");
  const child = spawn(command, args, { env, stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.once("error", (error) => reject(notStarted(command, error)));
    child.once("exit", (status, signal) => resolve(signal ? 128 + constants.signals[signal] : (status ?? 1)));
  });
}

function notStarted(command: string, cause: Error): BrokerError {
  return new BrokerError(
    "USAGE",
    `the command could not be started (${systemCode(cause) ?? cause.name})`,
    [
      ["command", command],
      ["try", "hallpass exec ACCOUNT -- COMMAND, with a command that is on PATH"],
    ],
    cause,
  );
}
