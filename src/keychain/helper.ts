import { lstatSync, readFileSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";

/*
 * The child process that talks to the OS keychain. A call into the keychain may never return (a bus owner
 * that does not answer, a prompt nobody sees) and cannot be interrupted from inside the process: so it runs
 * in one that the parent can kill. The secret comes and goes on pipes, never on argv.
 */

/** What the parent writes to our stdin, as one JSON text. */
export type HelperRequest = { service: string; item: string } & (
  | { op: "read" }
  | { op: "write"; secret: string }
  | { op: "remove" }
);
/** What we write to stdout. `failed` is the keychain's own message; it holds no secret. */
export type HelperAnswer = { secret: string | null } | { done: boolean } | { failed: string };

type Keytar = Pick<typeof import("keytar"), "getPassword" | "setPassword" | "deletePassword">;

/** Answers one request from stdin and ends. */
export async function runHelper(): Promise<void> {
  const request = JSON.parse(readFileSync(0, "utf8")) as HelperRequest;
  const answer = await answerRequest(request).catch((error: unknown): HelperAnswer => ({ failed: messageOf(error) }));
  writeSync(1, JSON.stringify(answer));
}

async function answerRequest(request: HelperRequest): Promise<HelperAnswer> {
  const keytar = await loadKeytar();
  const { service, item } = request;
  if (request.op === "read") return { secret: await keytar.getPassword(service, item) };
  if (request.op === "remove") return { done: await keytar.deletePassword(service, item) };
  await keytar.setPassword(service, item, request.secret);
  return { done: true };
}

/** In the standalone binary keytar's native file stands beside the program; otherwise it is a package. */
async function loadKeytar(): Promise<Keytar> {
  if (!("Bun" in globalThis)) return (await import("keytar")).default;
  const path = join(dirname(process.execPath), "keytar.node");
  refuseForeign(path);
  const loaded = { exports: {} as Keytar };
  process.dlopen(loaded, path);
  return loaded.exports;
}

/** We are about to run this file's code: it must be as hard to change as the program itself. */
function refuseForeign(path: string): void {
  const [file, program] = [lstatSync(path), lstatSync(process.execPath)];
  const owned = process.platform === "win32" || file.uid === program.uid || file.uid === 0;
  if (!file.isFile() || !owned || (process.platform !== "win32" && (file.mode & 0o022) !== 0))
    throw new TypeError(`${path} is not a file that only the owner of hallpass can change`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message.slice(0, 300) : "unknown error";
}
