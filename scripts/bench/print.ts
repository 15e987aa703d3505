import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus, loadavg, release, totalmem } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { ROOT } from "./machine.ts";
import { round } from "./measure.ts";
import type { LeftOut, Report, Row } from "./types.ts";

export type Machine = { cpu: string; cores: number; memoryGb: number; system: string; load: number; date: string };
export type Versions = { hallpass: string; node: string; bun: string; terragrunt?: string };

export function thisMachine(): Machine {
  const [cpu, ...others] = cpus();
  return {
    cpu: cpu?.model.trim() ?? "unknown",
    cores: others.length + 1,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${release()} ${process.arch}`,
    load: loadavg()[0]!,
    date: new Date().toISOString().slice(0, 16).replace("T", " "),
  };
}

export function versions(): Versions {
  const versionIn = (file: string) => (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
  const require = createRequire(join(ROOT, "package.json"));
  const terragrunt = terragruntVersion();
  return {
    hallpass: versionIn(join(ROOT, "package.json")),
    node: process.versions.node,
    bun: versionIn(require.resolve("bun/package.json")),
    ...(terragrunt === undefined ? {} : { terragrunt }),
  };
}

function terragruntVersion(): string | undefined {
  try {
    const said = execFileSync("terragrunt", ["--version"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    return /v(\d+\.\d+\.\d+)/.exec(said)?.[1];
  } catch {
    return undefined;
  }
}

/** Collects the rows; progress goes to stderr at once. */
export function newReport(): Report & { rows: (Row | LeftOut)[] } {
  const rows: (Row | LeftOut)[] = [];
  const started = performance.now();
  return {
    rows,
    add: (...more) => void rows.push(...more),
    find: (group, name) => rows.filter(isRow).find((row) => row.group === group && row.name === name),
    progress: (text) =>
      void process.stderr.write(`${((performance.now() - started) / 1000).toFixed(0).padStart(4)} s  ${text}\n`),
  };
}

export function headLine(machine: Machine, { hallpass, node, bun, terragrunt }: Versions): string {
  const { cpu, cores, memoryGb, system, load, date } = machine;
  const tools = `node ${node}, bun ${bun}${terragrunt === undefined ? "" : `, terragrunt ${terragrunt}`}`;
  return `hallpass ${hallpass} on ${cpu}, ${cores} cores, ${memoryGb} GB, ${system}; ${tools}; ${date}, load ${round(load)}\n`;
}

export function table(rows: readonly (Row | LeftOut)[]): string {
  const groups = [...new Set(rows.map(({ group }) => group))];
  const parts = groups.map((group) => {
    const own = rows.filter((row) => row.group === group);
    return [`\n${heading(group)}`, ...own.flatMap(lines)].join("\n");
  });
  return `${parts.join("\n")}\n\n${summary(rows.filter(isRow))}\n`;
}

const WIDTH = 36;

function heading(group: string): string {
  return `${group}\n${" ".repeat(WIDTH)}${["runs", "median", "least", "RSS"].map((word) => word.padStart(10)).join("")}   to its floor`;
}

function lines(row: Row | LeftOut): string[] {
  if (!isRow(row)) return [`  ${row.name.padEnd(WIDTH - 2)}  left out: ${row.leftOut}`];
  const { runs, medianMs, leastMs, rssMb, floor, note, goals } = row;
  const cells = [String(runs), time(medianMs), time(leastMs), rssMb === undefined ? "" : `${Math.round(rssMb)} MB`];
  const ratio = floor ? `   ${round(floor.ratio)} × ${floor.name}` : "";
  const figures = cells.map((cell) => cell.padStart(10)).join("");
  const noted = note === undefined ? "" : `   ${note}`;
  const marks = goals.map(({ text, reached }) => `      ${reached ? "✓" : "✗"} ${text}`);
  return [`  ${row.name.padEnd(WIDTH - 2)}${figures}${ratio}${noted}`.trimEnd(), ...marks];
}

function summary(rows: readonly Row[]): string {
  const goals = rows.flatMap((row) => row.goals);
  return `${goals.filter(({ reached }) => reached).length} of ${goals.length} figures reached`;
}

function time(ms: number): string {
  return ms < 1000 ? `${round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

function isRow(row: Row | LeftOut): row is Row {
  return !("leftOut" in row);
}
