import process from "node:process";
import { setImmediate } from "node:timers/promises";
import { isMainThread } from "node:worker_threads";
import { type Context, withContext } from "./bench/context.ts";
import { roleArn } from "./bench/machine.ts";
import { storms, throttled } from "./bench/many.ts";
import { headLine, newReport, table, thisMachine, versions } from "./bench/print.ts";
import { cold, thousandAccounts, warm } from "./bench/single.ts";
import { serve } from "./bench/stand-in.ts";
import { terragrunt } from "./bench/terragrunt.ts";

/*
 * `npm run bench`: what hallpass costs, whole processes, beside the floors that nothing can go below and beside what
 * users would run instead, all in one run: on another machine or a busy one the ratios still hold. `--quick` runs
 * each less often, `--json` is for machines. The table goes to stdout, progress to stderr; everything is on the
 * loopback and in one temp folder.
 */

const MOST_ACCOUNTS = 200;

async function bench(flags: readonly string[]): Promise<void> {
  const [machine, report] = [thisMachine(), newReport()];
  const quick = flags.includes("--quick");
  await withContext({ quick, report }, async (context) => {
    for (const group of [warm, cold, thousandAccounts, storms, throttled, terragrunt]) await attempt(group, context);
  });
  const { rows } = report;
  const text = flags.includes("--json")
    ? `${JSON.stringify({ machine, versions: versions(), quick, rows }, undefined, 2)}\n`
    : headLine(machine, versions()) + table(rows);
  process.stdout.write(text);
}

/** One that fails does not take the figures of the others with it. */
async function attempt(group: (context: Context) => Promise<void>, context: Context): Promise<void> {
  try {
    await group(context);
  } catch (error) {
    await setImmediate(); // after Ctrl-C, which the program that was measured felt first, we end here
    context.report.add({ group: group.name, name: "failed", leftOut: (error as Error).message.slice(0, 500) });
    process.exitCode = 1;
  }
}

function refuse(flag: string): void {
  process.stderr.write(`bench: no flag ${flag}; there are --quick and --json\n`);
  process.exitCode = 64;
}

if (isMainThread) {
  const unknown = process.argv.slice(2).find((flag) => !["--quick", "--json"].includes(flag));
  await (unknown === undefined ? bench(process.argv.slice(2)) : refuse(unknown));
} else await serve(Array.from({ length: MOST_ACCOUNTS }, (_, index) => roleArn(index)));
