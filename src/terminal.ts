import { closeSync, fstatSync, openSync } from "node:fs";
import process from "node:process";
import { BrokerError } from "./errors.ts";
import type { Terminal, World } from "./types.ts";

/*
 * Questions go to the terminal itself, never to stdin or stderr: Terragrunt's parallel calls share stdin,
 * and during discovery it throws stderr away.
 */

const UNIX_TERMINAL = { input: "/dev/tty", output: "/dev/tty" };
const WINDOWS_CONSOLE = { input: String.raw`\\.\CONIN$`, output: String.raw`\\.\CONOUT$` };

/** The controlling terminal: `/dev/tty`, on Windows the console. */
export function openTerminal(platform: NodeJS.Platform, inTurn: World["inTurn"]): Terminal {
  const { input, output } = platform === "win32" ? WINDOWS_CONSOLE : UNIX_TERMINAL;
  process.once("exit", leaveAsItIs);
  return {
    get present() {
      const descriptor = open(input, "r");
      if (descriptor !== undefined) closeSync(descriptor);
      return descriptor !== undefined;
    },
    // Two questions in one window would read each other's answers.
    ask: (question, options) =>
      inTurn("an answer on the terminal", async () => {
        const [from, to] = [open(input, "r"), open(output, "w")];
        if (from === undefined || to === undefined) throw noTerminal();
        const { askLine } = await import("./ask-line.ts");
        return askLine(question, options?.hidden ?? false, { input: from, output: to });
      }),
  };
}

/**
 * Node and bun end by putting the terminal into the state in which they found it. Another hallpass may be asking
 * for a secret just then, which would be echoed; or was asking when we started, and the echo would stay off for
 * good. They pass over descriptors that are closed.
 */
function leaveAsItIs(): void {
  for (const descriptor of [0, 1, 2]) if (fstatSync(descriptor).isCharacterDevice()) closeSync(descriptor);
}

function open(path: string, flags: "r" | "w"): number | undefined {
  try {
    return openSync(path, flags);
  } catch {
    return undefined;
  }
}

function noTerminal(): BrokerError {
  return new BrokerError("NO_TERMINAL", "there is no terminal to ask a person on", [
    ["try", "run the same command in a terminal first; the answer is kept for those that have none"],
  ]);
}
