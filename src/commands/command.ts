import type { World } from "../types.ts";

/** A flag of a command. Each may be given once. */
type Flag = { type: "string" | "boolean"; describe: string };
export type Flags = Readonly<Record<string, Flag>>;

/** What the flags and words of a call came to. `rest` is what stands behind `--`. */
export type Args<F extends Flags> = {
  flags: { [K in keyof F]: (F[K]["type"] extends "boolean" ? boolean : string) | undefined };
  operands: readonly string[];
  rest: readonly string[];
};

/** A command is data and one function: parsing it needs no knowledge of it. `run` returns the exit status. */
export type Command<F extends Flags = Flags> = {
  name: string;
  /** The words after the name: `[NAME]`, `ACCOUNT -- COMMAND`. */
  operands: string;
  /** How many words it takes. */
  takes: readonly [least: number, most: number];
  describe: string;
  flags: F;
  examples: readonly (readonly [line: string, does: string])[];
  run(args: Args<F>, world: World): Promise<number>;
};

/** Keeps the flags' own types while the command is written, and makes it one of the list afterwards. */
export function defineCommand<const F extends Flags>(command: Command<F>): Command {
  return command;
}

/** The flags that several commands share, worded once. */
export const SHARED = {
  account: { type: "string", describe: "this account of the registry instead of the directory's own" },
  role: { type: "string", describe: "another role: a name in that account, or an ARN" },
  repository: { type: "string", describe: "the repository (or a folder in it) whose accounts are meant" },
  json: { type: "boolean", describe: "print JSON" },
} as const satisfies Flags;

/** Leaves out what was not given, as the optional properties of a Request want it. */
export function given<T extends Record<string, string | undefined>>(values: T): { [K in keyof T]?: string } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: string;
  };
}
