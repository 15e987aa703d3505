import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { MISSING_TOOLS, startKeyring } from "../../test/fakes/bus.ts";
import { compile } from "./machine.ts";
import { type StandIn, startStandIn } from "./stand-in.ts";
import type { Report } from "./types.ts";

/** What all groups share. */
export type Context = {
  /** The one temp folder. */
  folder: string;
  standIn: StandIn;
  /** The bus with an unlocked Secret Service, or what is missing for one. */
  keyring: { env: Record<string, string> } | { missing: string };
  /** A program compiled by bun that does nothing; one that prints its answer and does nothing else. */
  empty: string;
  compileAnswer: (answer: string) => string;
  quick: boolean;
  report: Report;
};

export async function withContext(
  { quick, report }: Pick<Context, "quick" | "report">,
  work: (context: Context) => Promise<void>,
): Promise<void> {
  const folder = temporaryRoot();
  const standIn = await startStandIn(process.argv[1]!);
  const keyring = await tryKeyring();
  const programs = join(folder, "programs");
  try {
    await work({
      folder,
      standIn,
      keyring,
      empty: compile(programs, "empty", "export {};\n"),
      compileAnswer: (answer) =>
        compile(programs, "answer", `import { writeSync } from "node:fs";\nwriteSync(1, ${JSON.stringify(answer)});\n`),
      quick,
      report,
    });
  } finally {
    if ("end" in keyring) await keyring.end();
    await standIn.end();
  }
}

/** Removed at the end, however that comes; also what others make in the temp folder stands in it. */
function temporaryRoot(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "hp-")));
  process.env["TMPDIR"] = folder;
  process.once("exit", () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
  return folder;
}

async function tryKeyring(): Promise<{ env: Record<string, string>; end(): Promise<void> } | { missing: string }> {
  const missing = MISSING_TOOLS.filter((tool) => !tool.includes("python")); // only the tests' actors need it
  if (missing.length > 0) return { missing: `not on PATH: ${missing.join(", ")}` };
  try {
    return await startKeyring();
  } catch (error) {
    return { missing: `gnome-keyring does not answer: ${String(error)}` };
  }
}
