import { stripVTControlCharacters } from "node:util";
import { spawn } from "@lydell/node-pty";

/** A program on a terminal of its own: its controlling terminal, and its three streams. */
export type Pty = {
  readonly pid: number;
  /** All that has appeared on the screen, as text: without cursor movements, lines end in \n. */
  screen(): string;
  /** The bytes as they came: what a secret must not be part of. */
  raw(): string;
  /** Waits for a text behind the last one that was waited for. Throws with the screen when it does not come. */
  until(text: string): Promise<void>;
  type(text: string): void;
  /** The exit status, once the program has ended and all is on the screen; 128 + n for signal n. */
  readonly ended: Promise<number>;
  /** Ends the program if it still runs. */
  end(): Promise<void>;
};

export const KEYS = { enter: "\r", ctrlC: "\u0003", ctrlD: "\u0004", ctrlZ: "\u001a", backspace: "\u007f" };

const LIMIT_MS = 20_000;

/** `cols` is large, so that no line is wrapped in the middle of a word. */
export function startPty(
  argv: readonly [string, ...string[]],
  options: { cwd: string; env: Record<string, string> },
): Pty {
  const [command, ...args] = argv;
  const pty = spawn(command, args, { ...options, cols: 400, rows: 50 });
  let text = "";
  let seen = 0;
  let over = false;
  const listeners = new Set<() => void>();
  pty.onData((part) => {
    text += part;
    for (const listener of listeners) listener();
  });
  const ended = new Promise<number>((resolve) => {
    pty.onExit(({ exitCode, signal }) => {
      over = true;
      for (const listener of listeners) listener();
      resolve(signal ? 128 + signal : exitCode);
    });
  });
  const screen = (): string => stripVTControlCharacters(text).replaceAll(/\r+\n/g, "\n");
  const find = (wanted: string): boolean => {
    const at = screen().indexOf(wanted, seen);
    if (at >= 0) seen = at + wanted.length;
    return at >= 0;
  };
  return {
    pid: pty.pid,
    screen,
    raw: () => text,
    type: (keys) => pty.write(keys),
    until: (wanted) =>
      new Promise((resolve, reject) => {
        const giveUp = (why: string): void => {
          stop();
          reject(new Error(`"${wanted}" did not appear ${why}; the screen:\n${screen()}`));
        };
        const timer = setTimeout(() => giveUp(`in ${LIMIT_MS / 1000} s`), LIMIT_MS);
        const stop = (): void => {
          clearTimeout(timer);
          listeners.delete(look);
        };
        const look = (): void => {
          if (find(wanted)) {
            stop();
            resolve();
          } else if (over) giveUp("before the end");
        };
        listeners.add(look);
        look();
      }),
    ended,
    end: async () => {
      if (!over) pty.kill("SIGKILL");
      await ended;
    },
  };
}
