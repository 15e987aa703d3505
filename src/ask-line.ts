import { closeSync, constants, openSync, readSync, writeSync } from "node:fs";
import process from "node:process";
import { createInterface } from "node:readline";
import { Readable, Writable } from "node:stream";
import { ReadStream } from "node:tty";
import { BrokerError, systemCode } from "./errors.ts";

/** A person who is not there must not hold up everybody who waits for the answer. */
const ANSWER_LIMIT_MS = 100_000;
const POLL_MS = 20;

/**
 * One line from a person; closes both descriptors. Throws CANCELLED.
 *
 * readline gives editing and leaves the terminal as it was, also after Ctrl-C. It switches the terminal's own
 * echo off before the question is shown, so an answer that comes at once is not echoed by it. What we echo
 * ends with the first line: what was pasted behind it is often the secret.
 */
export async function askLine(
  question: string,
  hidden: boolean,
  terminal: { input: number; output: number },
): Promise<string> {
  const polled = "Bun" in globalThis && process.platform !== "win32";
  const input = polled ? new PolledTerminal(terminal.input) : new ReadStream(terminal.input);
  const show = (text: string): void => void writeSync(terminal.output, text);
  let answered = false;
  const echo = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      if (!hidden && !answered) show(chunk.toString());
      done();
    },
  });
  const lines = createInterface({ input, output: echo, terminal: true, historySize: 0, prompt: question });
  const put = (): void => (hidden ? show(question) : lines.prompt());
  const limit = new AbortController();
  try {
    return await new Promise<string>((resolve, reject) => {
      lines.once("line", (line) => {
        answered = true;
        resolve(line);
      });
      lines.once("SIGINT", () => reject(cancelled("Ctrl-C")));
      lines.once("close", () => reject(cancelled("end of input")));
      // Back after Ctrl-Z: readline has paused, and switches the echo off again only after this event.
      lines.on("SIGCONT", () => queueMicrotask(() => lines.resume() && put()));
      const timer = setTimeout(() => reject(cancelled(`no answer in ${ANSWER_LIMIT_MS / 1000} s`)), ANSWER_LIMIT_MS);
      limit.signal.addEventListener("abort", () => clearTimeout(timer));
      put();
    });
  } finally {
    limit.abort();
    lines.close();
    if (hidden || !answered) show("\n");
    input.destroy();
    closeSync(terminal.output);
  }
}

/**
 * The standalone binary's runtime (bun 1.4) reads a terminal in a thread that nothing stops: after a question
 * that thread takes the next answer, and the process never ends. So there we look for ourselves.
 */
class PolledTerminal extends Readable {
  /** Never read from: it knows how to switch the mode. */
  readonly #modes: ReadStream;
  readonly #descriptor = openSync("/dev/tty", constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  #timer: NodeJS.Timeout | undefined;

  constructor(descriptor: number) {
    super();
    this.#modes = new ReadStream(descriptor);
  }

  /** What readline looks for. */
  setRawMode(raw: boolean): this {
    this.#modes.setRawMode(raw);
    return this;
  }

  override _read(): void {
    this.#look();
  }

  #look(): void {
    const bytes = Buffer.alloc(4096);
    try {
      const length = readSync(this.#descriptor, bytes);
      this.push(length === 0 ? null : bytes.subarray(0, length));
    } catch (error) {
      if (systemCode(error) === "EAGAIN") this.#timer = setTimeout(() => this.#look(), POLL_MS);
      else this.push(null); // EIO: the terminal is gone
    }
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearTimeout(this.#timer);
    this.#modes.destroy();
    closeSync(this.#descriptor);
    done(error);
  }
}

function cancelled(why: string): BrokerError {
  return new BrokerError("CANCELLED", `the question was not answered (${why}); nothing was changed`, []);
}
