/** A program as it is measured: with nothing in its environment but what stands here. */
export type Program = {
  name: string;
  argv: readonly string[];
  cwd: string;
  env: Record<string, string>;
  /** Before each run, outside the measured time. */
  before?: () => void;
  /** What it must print; a run that prints something else ends the benchmark. */
  prints?: RegExp;
};

/** `text` says what is to be reached and what was. */
export type Goal = { text: string; reached: boolean };

export type Row = {
  group: string;
  name: string;
  runs: number;
  medianMs: number;
  leastMs: number;
  rssMb?: number;
  floor?: { name: string; ratio: number };
  note?: string;
  goals: Goal[];
};

export type LeftOut = { group: string; name: string; leftOut: string };

/** What a group of rows is told of this machine and of the rows before it. */
export type Report = {
  add(...rows: readonly (Row | LeftOut)[]): void;
  find(group: string, name: string): Row | undefined;
  progress(text: string): void;
};
