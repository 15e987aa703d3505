import { closeSync, openSync } from "node:fs";
import type { ReadStream, WriteStream } from "node:tty";
import { BrokerError } from "./errors.ts";
import type { Terminal, World } from "./types.ts";

/*
 * Questions go to the terminal itself, never to stdin or stderr: Terragrunt's parallel calls share stdin,
 * and during discovery it throws stderr away.
 */

/** A person who is not there must not hold up everybody who waits for the answer. */
const ANSWER_LIMIT_MS = 100_000;

const UNIX_TERMINAL = { input: "/dev/tty", output: "/dev/tty" };
const WINDOWS_CONSOLE = { input: String.raw`\\.\CONIN$`, output: String.raw`\\.\CONOUT$` };

/** The controlling terminal: `/dev/tty`, on Windows the console. */
export function openTerminal(platform: NodeJS.Platform, inTurn: World["inTurn"]): Terminal {
  const { input, output } = platform === "win32" ? WINDOWS_CONSOLE : UNIX_TERMINAL;
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
        const { ReadStream, WriteStream } = await import("node:tty");
        return askLine(question, options?.hidden ?? false, new ReadStream(from), new WriteStream(to));
      }),
  };
}

function open(path: string, flags: "r" | "w"): number | undefined {
  try {
    return openSync(path, flags);
  } catch {
    return undefined;
  }
}

/** readline gives editing and leaves the terminal as it was, also after Ctrl-C. A hidden answer is not echoed. */
async function askLine(question: string, hidden: boolean, input: ReadStream, output: WriteStream): Promise<string> {
  const { createInterface } = await import("node:readline");
  const { Writable } = await import("node:stream");
  output.write(question);
  const echo = new Writable({ write: (chunk, _encoding, done) => (hidden ? done() : output.write(chunk, done)) });
  const lines = createInterface({ input, output: echo, terminal: true, historySize: 0 });
  const limit = new AbortController();
  try {
    return await new Promise<string>((resolve, reject) => {
      lines.once("line", resolve);
      lines.once("SIGINT", () => reject(cancelled("Ctrl-C")));
      lines.once("close", () => reject(cancelled("end of input")));
      const timer = setTimeout(() => reject(cancelled(`no answer in ${ANSWER_LIMIT_MS / 1000} s`)), ANSWER_LIMIT_MS);
      limit.signal.addEventListener("abort", () => clearTimeout(timer));
    });
  } finally {
    limit.abort();
    lines.close();
    if (hidden) output.write("\n");
    input.destroy();
    output.destroy();
  }
}

function cancelled(why: string): BrokerError {
  return new BrokerError("CANCELLED", `the question was not answered (${why}); nothing was changed`, []);
}

function noTerminal(): BrokerError {
  return new BrokerError("NO_TERMINAL", "there is no terminal to ask a person on", [
    ["try", "run the same command in a terminal first; the answer is kept for those that have none"],
  ]);
}
