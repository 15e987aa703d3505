import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { Goal, Program, Row } from "./types.ts";

/*
 * Whole processes, from before the start until after the end, their output read. Every figure holds the millisecond
 * or so that starting a process costs us; differences do not, and ratios to a floor are a little flattered by it.
 */

const TIME = "/usr/bin/time";
const LIMIT_MS = 120_000;
const RSS_RUNS = 3;

/** The times of each program. They take turns, and another begins each round, so that load hits all alike. */
async function interleave(programs: readonly Program[], runs: number): Promise<Map<string, number[]>> {
  const times = new Map(programs.map(({ name }): [string, number[]] => [name, []]));
  for (const program of programs) runOnce(program); // the files are in memory then
  for (let run = 0; run < runs; run++) {
    await setImmediate(); // the only moment at which Ctrl-C is noticed
    for (let turn = 0; turn < programs.length; turn++) {
      const program = programs[(run + turn) % programs.length]!;
      times.get(program.name)!.push(runOnce(program).ms);
    }
  }
  return times;
}

/** Throws where the program fails or prints something else than it should. */
export function runOnce(program: Program, prefix: readonly string[] = []): { ms: number; stdout: string } {
  const { argv, cwd, env, prints } = program;
  const [command, ...args] = [...prefix, ...argv];
  program.before?.();
  const started = performance.now();
  const options = { cwd, env, encoding: "utf8", timeout: LIMIT_MS, killSignal: "SIGKILL", maxBuffer: 1e8 } as const;
  const { status, stdout, stderr, error } = spawnSync(command!, args, options);
  const ms = performance.now() - started;
  if (status !== 0 || prints?.test(stdout) === false)
    throw new Error(`${program.name} ended with ${error?.message ?? status}:\n${stdout}${stderr}`);
  return { ms, stdout };
}

/** The most memory that one process of it held. GNU time is small: a child starts with the figure of its parent. */
function residentMb(program: Program, folder: string): { rssMb?: number } {
  if (!existsSync(TIME)) return {};
  const file = join(folder, "rss");
  const sizes = Array.from({ length: RSS_RUNS }, () => {
    runOnce(program, [TIME, "-f", "%M", "-o", file]);
    return Number(readFileSync(file, "utf8")) / 1024;
  });
  return { rssMb: median(sizes) };
}

/** A row for each program; `floors` names another one of them. Without a folder for it, memory is not looked at. */
export async function rowsOf(
  group: string,
  programs: readonly Program[],
  { runs, folder, floors }: { runs: number; folder?: string; floors: Readonly<Record<string, string>> },
): Promise<Row[]> {
  const times = await interleave(programs, runs);
  return programs.map((program) => {
    const row = rowOf(group, program.name, times.get(program.name)!);
    const floor = floors[program.name];
    const base = times.get(floor ?? "");
    return {
      ...row,
      ...(folder === undefined ? {} : residentMb(program, folder)),
      ...(base ? { floor: { name: floor!, ratio: row.medianMs / median(base) } } : {}),
    };
  });
}

export function rowOf(group: string, name: string, times: readonly number[]): Row {
  return { group, name, runs: times.length, medianMs: median(times), leastMs: Math.min(...times), goals: [] };
}

/** One process in each of the folders, all at once: from the first start until the last has ended. */
export function storm(program: Program, folders: readonly string[], out: string): { ms: number; outputs: string[] } {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, "folders"), `${folders.join("\n")}\n`);
  // A shell, because it starts a process in a tenth of the time that Node needs.
  const script = `out=$1; shift; n=0; while read -r folder; do
    (cd "$folder" && exec "$@") >"$out/$n" 2>"$out/$n.err" & n=$((n+1)); done <"$out/folders"; wait`;
  const { ms } = runOnce({ ...program, argv: ["sh", "-c", script, "sh", out, ...program.argv], prints: /^$/ });
  return { ms, outputs: folders.map((_, index) => readFileSync(join(out, String(index)), "utf8")) };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** `what` names the limit: "empty + 3 ms". */
export function atMost(what: string, limit: number, got: number, unit: string): Goal {
  const value = `${round(limit)} ${unit}`;
  const named = what.startsWith(value) ? what : `${what} (${value})`;
  return { text: `≤ ${named}: ${round(got)} ${unit}`, reached: got <= limit };
}

export function exactly(what: string, wanted: number, got: number): Goal {
  return { text: `${what} = ${wanted}: ${got}`, reached: got === wanted };
}

/** Three digits that count; whole numbers stay whole. */
export function round(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
}
