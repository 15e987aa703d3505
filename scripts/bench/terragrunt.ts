import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeTree } from "../../test/fakes/tree.ts";
import type { Context } from "./context.ts";
import { isOnPath, type Machine, makeMachine, scrubbed } from "./machine.ts";
import { atMost, rowsOf, runOnce } from "./measure.ts";
import type { Program, Row } from "./types.ts";

const UNITS = 40;
const GROUP = `terragrunt run --all validate, ${UNITS} units`;
const CAT = "cat of the answer";
/** Not wholly empty: Terragrunt 1.1 ends with an error where nothing is printed. */
const EMPTY = "empty program that prints it, bun";

/** What the auth command adds to a whole run; Terragrunt calls it twice a unit. */
export async function terragrunt(context: Context): Promise<void> {
  const { folder, standIn, report, quick } = context;
  const tofu = ["tofu", "terraform"].find(isOnPath);
  if (tofu === undefined || !isOnPath("terragrunt"))
    return report.add({ group: GROUP, name: "all", leftOut: "terragrunt, and tofu or terraform: not both on PATH" });
  const path = join(folder, "terragrunt");
  const wish = { path, accounts: 4, folders: 4, door: standIn.url, keychain: { name: "file" } } as const;
  const programs = commandsOf(makeMachine(wish, standIn), tofu, context);
  report.progress(`${GROUP}: ${programs.length} commands`);
  const floors = Object.fromEntries(programs.slice(1).map(({ name }) => [name, CAT]));
  const rows = await rowsOf(GROUP, programs, { runs: quick ? 2 : 7, floors });
  addGoal(rows);
  report.add(...rows);
}

function commandsOf(machine: Machine, tofu: string, context: Context): Program[] {
  const [binary, node] = [machine.ask("binary"), machine.ask("Node")];
  const answer = runOnce(binary).stdout;
  writeFileSync(join(machine.path, "answer.json"), answer);
  const cwd = join(machine.path, "live/a1/units");
  const unit = (index: number) => [
    [`u${index}/terragrunt.hcl`, ""],
    [`u${index}/main.tf`, 'resource "terraform_data" "this" {}\n'],
  ];
  writeTree(cwd, Object.fromEntries(Array.from({ length: UNITS }, (_, index) => unit(index)).flat()));
  const commands: [string, readonly string[]][] = [
    [CAT, ["cat", join(machine.path, "answer.json")]],
    [EMPTY, [context.compileAnswer(answer)]],
    [binary.name, binary.argv],
    [node.name, node.argv],
  ];
  const env = { ...binary.env, ...scrubbed(machine.path), CHECKPOINT_DISABLE: "1" };
  return commands.map(([name, command]) => ({ name, cwd, env, argv: runAll(tofu, command.join(" ")) }));
}

function runAll(tofu: string, command: string): string[] {
  const flags = ["--non-interactive", "--log-level", "error", "--tf-path", tofu, "--auth-provider-cmd", command];
  return ["terragrunt", "run", "--all", ...flags, "validate"];
}

function addGoal(rows: readonly Row[]): void {
  const row = (name: string) => rows.find((found) => found.name === name)!;
  const overCat = (name: string) => row(name).medianMs - row(CAT).medianMs;
  const limit = 1.6 * overCat(EMPTY);
  row("hallpass, binary").goals.push(
    atMost("1.6 × the empty program, over cat", limit, overCat("hallpass, binary"), "ms"),
  );
}
