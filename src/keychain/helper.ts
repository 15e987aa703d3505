import { lstatSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { text } from "node:stream/consumers";

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
/** With it the process id of whoever asks. */
export type HelperInput = HelperRequest & { parent: number };
/** What we write to stdout. `failed` is the keychain's own message; it holds no secret. */
export type HelperAnswer = { secret: string | null } | { done: boolean } | { failed: string };

/** Written before the keychain is called: from then on the time is the keychain's. Blank in front of the answer's JSON. */
const READY = "\n";

type Keytar = Pick<typeof import("keytar"), "getPassword" | "setPassword" | "deletePassword">;

/** Written and removed again, to find out whether the keychain can be written to. */
const PROBE_ITEM = "probe";
const PARENT_CHECK_MS = 500;

/** Answers one request from stdin and ends. A synchronous read would fail now and then, with thirty of us at once. */
export async function runHelper(): Promise<void> {
  const { parent, ...request } = JSON.parse(await text(process.stdin)) as HelperInput;
  endWith(parent);
  const answer = await answerRequest(request).catch((error: unknown): HelperAnswer => ({ failed: messageOf(error) }));
  writeSync(1, JSON.stringify(answer));
}

async function answerRequest(request: HelperRequest): Promise<HelperAnswer> {
  const keytar = await loadKeytar();
  writeSync(1, READY);
  const { service, item } = request;
  if (request.op === "read") return { secret: await keytar.getPassword(service, item) };
  if (request.op === "remove") return { done: await remove(keytar, service, item) };
  await keytar.setPassword(service, item, request.secret);
  return { done: true };
}

/**
 * libsecret does not remove a locked item, and says the same as if there were none. Reading asks the person to
 * unlock it; what then still seems absent is absent only if the keychain can be written to. Throws where it is locked.
 */
async function remove(keytar: Keytar, service: string, item: string): Promise<boolean> {
  if (process.platform === "linux" && (await keytar.getPassword(service, item)) === null) {
    await keytar.setPassword(service, PROBE_ITEM, PROBE_ITEM);
    await keytar.deletePassword(service, PROBE_ITEM);
  }
  return keytar.deletePassword(service, item);
}

/** The parent ends us when we take too long; if it is killed itself meanwhile, nobody else would. */
function endWith(parent: number): void {
  const check = (): boolean => process.ppid === parent || process.kill(process.pid, "SIGKILL");
  setInterval(check, PARENT_CHECK_MS).unref();
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
  return error instanceof Error ? error.message.trim().slice(0, 300) : "unknown error";
}
