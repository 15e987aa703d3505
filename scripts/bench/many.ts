import { join } from "node:path";
import process from "node:process";
import type { Context } from "./context.ts";
import { accountId, type Build, type Machine, makeMachine, scrubbed } from "./machine.ts";
import { atMost, exactly, rowOf, runOnce, storm } from "./measure.ts";
import { BUCKET, type Counts, takeCounts } from "./stand-in.ts";
import { WARM } from "./single.ts";
import type { Program, Row } from "./types.ts";

/** Many processes at once. */

const GROUP = "storms, all at once";
const SIZES = [10, 100, 300];
const ONE_MINUTE_MS = 60_000;

export async function storms(context: Context): Promise<void> {
  for (const build of ["binary", "Node"] as const) {
    const machine = newMachine(`storm-${build}`, 10, context.standIn.counted, context);
    const issued = {};
    let slowest = 0;
    for (const size of SIZES) {
      // Three times as many take three times as long, and there are three storms of each size.
      if (build === "Node" && slowest * 3 > ONE_MINUTE_MS) leaveOut(size, build, slowest, context);
      else slowest = await stormsOf(size, { build, machine, issued }, context);
    }
  }
}

function leaveOut(size: number, build: Build, ms: number, { report }: Context): void {
  const leftOut = `a third as many took ${Math.round(ms / 1000)} s`;
  report.add({ group: GROUP, name: `${size} × ${build}`, leftOut });
}

/** `issued`: of all storms on the machine, because a warm one answers with the keys of a cold one. */
type Who = { build: Build; machine: Machine; issued: Counts["issued"] };

/** How long the longest took. */
async function stormsOf(size: number, who: Who, context: Context): Promise<number> {
  const { report } = context;
  report.progress(`${GROUP}: ${size} × ${who.build}`);
  const one = Array.from({ length: size }, () => 1);
  const floor = floorOf(size, who, context);
  const chill = await repeat(`${size} cold, 1 account`, one, { ...who, cold: true }, context);
  const hot = await repeat(`${size} warm, 1 account`, one, { ...who, cold: false }, context);
  const rows = [floor, over(floor, chill), over(floor, hot)];
  if (size === 300) rows.push(over(floor, await tenAccounts(size, who, context)));
  if (size === 300 && who.build === "binary") addWallGoal(chill, size, context);
  report.add(...rows);
  return Math.max(...rows.map(({ medianMs }) => medianMs));
}

function floorOf(size: number, { build, machine }: Who, context: Context): Row {
  const argv = build === "binary" ? [context.empty] : [process.execPath, "-e", "0"];
  const name = build === "binary" ? "empty program, bun" : "node -e 0";
  const program: Program = { name, argv, cwd: machine.path, env: scrubbed(machine.path) };
  const folders = Array.from({ length: size }, () => machine.unit(1));
  const times = Array.from({ length: repeats(build, context) }, () => storm(program, folders, outOf(machine)).ms);
  return rowOf(GROUP, `${size} × ${name}`, times);
}

function tenAccounts(size: number, who: Who, context: Context): Promise<Row> {
  const ten = Array.from({ length: size }, (_, index) => index % 10);
  return repeat(`${size} cold, 10 accounts`, ten, { ...who, cold: true }, context);
}

/** Storms over the accounts; what is counted must be right in each of them, not on average. */
async function repeat(
  name: string,
  accounts: readonly number[],
  { build, machine, issued, cold }: Who & { cold: boolean },
  context: Context,
): Promise<Row> {
  const door = context.standIn.counted;
  const seen: Seen[] = [];
  runOnce(machine.ask(build));
  for (let round = 0; round < repeats(build, context); round++) {
    if (cold) machine.forget();
    Object.assign(issued, (await takeCounts(door)).issued);
    const { ms, outputs } = storm(machine.ask(build), accounts.map(machine.unit), outOf(machine));
    const counts = await takeCounts(door);
    Object.assign(issued, counts.issued);
    seen.push({ ms, counts, right: countRight(outputs, accounts, issued) });
  }
  const row = rowOf(
    GROUP,
    `${name}, ${build}`,
    seen.map(({ ms }) => ms),
  );
  const wanted = { roles: cold ? new Set(accounts).size : 0, sessions: cold ? 1 : 0, right: accounts.length };
  return { ...row, goals: goalsOf(seen, wanted) };
}

type Seen = { ms: number; counts: Counts; right: number };

/** Of all rounds the one that is furthest from what is wanted. */
function goalsOf(seen: readonly Seen[], wanted: { roles: number; sessions: number; right: number }): Row["goals"] {
  const worst = (goal: number, of: (one: Seen) => number) =>
    seen.map(of).toSorted((a, b) => Math.abs(b - goal) - Math.abs(a - goal))[0]!;
  return [
    exactly(
      "AssumeRole",
      wanted.roles,
      worst(wanted.roles, ({ counts }) => counts.actions["AssumeRole"] ?? 0),
    ),
    exactly(
      "session",
      wanted.sessions,
      worst(wanted.sessions, ({ counts }) => counts.actions["GetSessionToken"] ?? 0),
    ),
    exactly(
      "right answers",
      wanted.right,
      worst(wanted.right, ({ right }) => right),
    ),
  ];
}

/** Whole answers whose key the stand-in issued for a role of the account that was asked for. */
function countRight(outputs: readonly string[], accounts: readonly number[], issued: Counts["issued"]): number {
  return outputs.filter((text, index) => issued[keyOf(text)] === accountId(accounts[index]!)).length;
}

function keyOf(text: string): string {
  try {
    const { awsCredentials: keys } = JSON.parse(text) as { awsCredentials: Record<string, string> };
    return keys["SECRET_ACCESS_KEY"] && keys["SESSION_TOKEN"] ? (keys["ACCESS_KEY_ID"] ?? "") : "";
  } catch {
    return "";
  }
}

function addWallGoal(row: Row, size: number, { report }: Context): void {
  const hit = report.find(WARM, "hallpass, binary");
  if (hit)
    row.goals.push(atMost(`${size} warm hits + 1 s`, (size * hit.medianMs) / 1000 + 1, row.medianMs / 1000, "s"));
}

/** Two hundred accounts at once, on a cold morning, against an STS that throttles. */
export async function throttled(context: Context): Promise<void> {
  const [door, accounts] = [context.standIn.throttled, Array.from({ length: 200 }, (_, index) => index)];
  const group = `200 accounts cold at once, STS lets ${BUCKET.perSecond}/s pass after ${BUCKET.burst}`;
  for (const build of ["binary", "Node"] as const) {
    context.report.progress(`${group}: ${build}`);
    const machine = newMachine(`throttled-${build}`, 200, door, context);
    runOnce(machine.ask(build)); // makes the sealing key
    machine.forget();
    await takeCounts(door);
    const { ms, outputs } = storm(machine.ask(build), accounts.map(machine.unit), outOf(machine));
    const { throttled: refused, actions, issued } = await takeCounts(door);
    const least = ((accounts.length + 1 - BUCKET.burst) / BUCKET.perSecond) * 1000;
    context.report.add({
      ...rowOf(group, `hallpass, ${build}`, [ms]),
      floor: { name: "what the bucket allows", ratio: ms / least },
      note: `${refused} calls throttled`,
      goals: [
        exactly("right answers", accounts.length, countRight(outputs, accounts, issued)),
        exactly("AssumeRole", accounts.length, actions["AssumeRole"] ?? 0),
      ],
    });
  }
}

function newMachine(name: string, accounts: number, door: string, { folder, standIn }: Context): Machine {
  const wish = { path: join(folder, name), accounts, folders: accounts, door, keychain: { name: "file" } } as const;
  return makeMachine(wish, standIn);
}

/** Node takes eight times as long. */
function repeats(build: Build, { quick }: Context): number {
  return quick || build === "Node" ? 1 : 3;
}

function outOf({ path }: Machine): string {
  return join(path, "out");
}

function over(floor: Row, row: Row): Row {
  return { ...row, floor: { name: "as many that do nothing", ratio: row.medianMs / floor.medianMs } };
}
