import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import type { Context } from "./context.ts";
import { type Keychain, makeMachine, scrubbed, whyNot } from "./machine.ts";
import { atMost, exactly, rowsOf, runOnce } from "./measure.ts";
import { awsCli, awsVault } from "./rivals.ts";
import { takeCounts } from "./stand-in.ts";
import type { Program, Row } from "./types.ts";

/** One process at a time: answers from the cache, answers without one, and a thousand accounts. */

export const WARM = "warm hit";
const FLOORS = { "hallpass, binary": "empty program, bun", "hallpass, Node": "node -e 0" };

export async function warm(context: Context): Promise<void> {
  const { folder, standIn, report, quick } = context;
  const path = join(folder, "warm");
  const machine = makeMachine(
    { path, accounts: 4, folders: 4, door: standIn.counted, keychain: { name: "file" } },
    standIn,
  );
  writeFileSync(join(path, "answer.json"), runOnce(machine.ask("binary")).stdout);
  await takeCounts(standIn.counted);
  const cat = { name: "cat of the answer", argv: ["cat", join(path, "answer.json")], cwd: path, env: scrubbed(path) };
  const programs = [cat, ...emptyPrograms(path, context), ...secretTool(path, context)];
  const measured = [...programs, machine.ask("binary"), machine.ask("Node")];
  report.progress(`${WARM}: ${measured.length} programs`);
  const rows = await rowsOf(WARM, measured, { runs: quick ? 10 : 40, folder, floors: FLOORS });
  const { actions } = await takeCounts(standIn.counted);
  addWarmGoals(rows, Object.keys(actions).length);
  report.add(...rows);
}

function emptyPrograms(cwd: string, { empty }: Context): Program[] {
  const env = scrubbed(cwd);
  return [
    { name: "empty program, bun", argv: [empty], cwd, env },
    { name: "node -e 0", argv: [process.execPath, "-e", "0"], cwd, env },
  ];
}

/** None, and a line that says why, where no Secret Service answers. */
function secretTool(cwd: string, { keyring, report }: Context): Program[] {
  const name = "secret-tool lookup";
  if ("missing" in keyring) {
    report.add({ group: WARM, name, leftOut: keyring.missing });
    return [];
  }
  const env = { ...scrubbed(cwd), ...keyring.env };
  const options = { env, input: "a secret of the benchmark" };
  execFileSync("secret-tool", ["store", "--label=bench", "kind", "hallpass-bench"], options);
  return [{ name, argv: ["secret-tool", "lookup", "kind", "hallpass-bench"], cwd, env, prints: /^a secret/ }];
}

function addWarmGoals(rows: readonly Row[], stsCalls: number): void {
  const row = (name: string) => rows.find((found) => found.name === name);
  const [binary, node] = [row("hallpass, binary")!, row("hallpass, Node")!];
  const limit = row("empty program, bun")!.medianMs + 3;
  binary.goals.push(atMost("empty + 3 ms", limit, binary.medianMs, "ms"));
  const rival = row("secret-tool lookup");
  if (rival) binary.goals.push(atMost("secret-tool", rival.medianMs, binary.medianMs, "ms"));
  if (binary.rssMb !== undefined) binary.goals.push(atMost("45 MB resident", 45, binary.rssMb, "MB"));
  binary.goals.push(exactly("calls of STS", 0, stsCalls));
  node.goals.push(atMost("1.15 × node -e 0", 1.15 * row("node -e 0")!.medianMs, node.medianMs, "ms"));
}

/** The cache folder is removed before each run; the login, its keychain and the sealing key stay. */
export async function cold(context: Context): Promise<void> {
  const { keyring, report } = context;
  await coldWith({ name: "file" }, "cold, file keychain", context);
  const group = "cold, Secret Service";
  if ("missing" in keyring) report.add({ group, name: "hallpass", leftOut: keyring.missing });
  else await coldWith({ name: "system", env: keyring.env }, group, context);
}

async function coldWith(keychain: Keychain, group: string, context: Context): Promise<void> {
  const { folder, standIn, report, quick } = context;
  const path = join(folder, `cold-${keychain.name}`);
  const machine = makeMachine({ path, accounts: 4, folders: 4, door: standIn.url, keychain }, standIn);
  const builds = (["binary", "Node"] as const).map((build) =>
    Object.assign(machine.ask(build), { before: machine.forget }),
  );
  const rivals = [awsCli(machine, context), awsVault(machine, keychain, context)].filter((rival) => {
    const leftOut = whyNot(rival);
    if (leftOut !== undefined) report.add({ group, name: rival.name, leftOut });
    return leftOut === undefined;
  });
  report.progress(`${group}: ${rivals.length + 4} programs`);
  const mine = "hallpass, binary";
  const floors = { ...FLOORS, ...Object.fromEntries(rivals.map(({ name }) => [name, mine])) };
  const programs = [...emptyPrograms(path, context), ...builds, ...rivals];
  const rows = await rowsOf(group, programs, { runs: quick ? 5 : 20, folder, floors });
  const binary = rows.find(({ name }) => name === mine)!;
  if (keychain.name === "system") binary.goals.push(atMost("90 ms", 90, binary.medianMs, "ms"));
  report.add(...rows);
}

/** One answer from the cache where accounts.json has 4 accounts and where it has 1,000. */
export async function thousandAccounts({ folder, standIn, report, quick }: Context): Promise<void> {
  const group = "accounts.json with 1,000 accounts, warm";
  const [few, many] = [4, 1000].map((accounts) => {
    const path = join(folder, `accounts-${accounts}`);
    return makeMachine({ path, accounts, folders: 4, door: standIn.url, keychain: { name: "file" } }, standIn);
  });
  const programs = (["binary", "Node"] as const).flatMap((build) => [
    { ...few!.ask(build), name: `${build}, 4 accounts` },
    { ...many!.ask(build), name: `${build}, 1,000 accounts` },
  ]);
  report.progress(group);
  const builds = ["binary", "Node"];
  const floors = Object.fromEntries(builds.map((build) => [`${build}, 1,000 accounts`, `${build}, 4 accounts`]));
  report.add(...(await rowsOf(group, programs, { runs: quick ? 10 : 40, folder, floors })));
}
