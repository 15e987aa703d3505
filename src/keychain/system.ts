import type { ChildProcess } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { BrokerError, type Detail } from "../errors.ts";
import { Secret } from "../secret.ts";
import type { Keychain, World } from "../types.ts";
import type { HelperAnswer, HelperInput, HelperRequest } from "./helper.ts";

/** The name under which a person finds our items in Keychain Access, Seahorse or Credential Manager. */
const SERVICE = "hallpass";

/** A keychain that works answers in milliseconds. After that we ask whether it is alive at all. */
const START_LIMIT_MS = 20_000;
const FIRST_LIMIT_MS = 1000;
const PING_LIMIT_MS = 700;
/** Alive but silent: it shows a prompt of its own (unlock, allow), and a person needs time. */
const PROMPT_LIMIT_MS = 60_000;
/** An item that is never stored. Looking it up needs no unlocking, so only a dead keychain fails to answer. */
const PING_ITEM = "no-such-item";

/** What the helper process needs to reach the session's keychain, and nothing else of our environment. */
const HELPER_ENV = [
  "HOME",
  "USER",
  "LOGNAME",
  "PATH",
  "LANG",
  "DBUS_SESSION_BUS_ADDRESS",
  "XDG_RUNTIME_DIR",
  "DISPLAY",
  "WAYLAND_DISPLAY",
  "XAUTHORITY",
  "SYSTEMROOT",
  "USERPROFILE",
  "APPDATA",
  "LOCALAPPDATA",
];

const FILE_INSTEAD: Detail = ["or", "HALLPASS_KEYCHAIN=file hallpass login   (a file sealed with a passphrase)"];

export type SystemKeychainWorld = Pick<World, "env" | "platform" | "self">;

/** The OS keychain: Secret Service on Linux, Keychain on macOS, Credential Manager on Windows. */
export function systemKeychain(world: SystemKeychainWorld): Keychain {
  const call = (request: HelperRequest): Promise<HelperAnswer> => callWithinLimits(request, world);
  const refused = (answer: HelperAnswer): BrokerError => explain("failed" in answer ? answer.failed : "", world);
  return {
    backend: "system",
    describe: describe(world.platform),
    read: async (item) => {
      const answer = await call({ service: SERVICE, item, op: "read" });
      if (!("secret" in answer)) throw refused(answer);
      return answer.secret === null ? undefined : new Secret(answer.secret);
    },
    write: async (item, secret) => {
      const answer = await call({ service: SERVICE, item, op: "write", secret: secret.reveal() });
      if (!("done" in answer)) throw refused(answer);
    },
    remove: async (item) => {
      const answer = await call({ service: SERVICE, item, op: "remove" });
      if (!("done" in answer)) throw refused(answer);
      return answer.done;
    },
  };
}

function describe(platform: NodeJS.Platform): string {
  if (platform === "darwin") return "the macOS Keychain";
  return platform === "win32" ? "the Windows Credential Manager" : "the login keychain (Secret Service)";
}

/**
 * Ends within 1.7 s against a keychain that is dead, and within a minute against one that waits for a person.
 * The start of the helpers does not count: among hundreds of processes that start at once it can take seconds.
 */
async function callWithinLimits(request: HelperRequest, world: SystemKeychainWorld): Promise<HelperAnswer> {
  const helper = await startHelper(request, world);
  try {
    await withinLimit(helper.ready, START_LIMIT_MS);
    const early = await withinLimit(helper.answer, FIRST_LIMIT_MS);
    if (early) return early;
    if (!(await isAlive(world))) throw silent(FIRST_LIMIT_MS + PING_LIMIT_MS, world);
    const late = await withinLimit(helper.answer, PROMPT_LIMIT_MS);
    if (late) return late;
    throw locked("its unlock prompt was not answered within a minute", world);
  } finally {
    helper.process.kill("SIGKILL");
  }
}

async function isAlive(world: SystemKeychainWorld): Promise<boolean> {
  const ping = await startHelper({ service: SERVICE, item: PING_ITEM, op: "read" }, world);
  try {
    await withinLimit(ping.ready, START_LIMIT_MS);
    return (await withinLimit(ping.answer, PING_LIMIT_MS)) !== undefined;
  } finally {
    ping.process.kill("SIGKILL");
  }
}

async function withinLimit<T>(answer: Promise<T>, limitMs: number): Promise<T | undefined> {
  const stop = new AbortController();
  const limit = sleep(limitMs, undefined, { signal: stop.signal }).catch(() => undefined);
  try {
    return await Promise.race([answer, limit]);
  } finally {
    stop.abort();
  }
}

/** `ready`: it is about to call the keychain, or ended before. */
type Helper = { process: ChildProcess; ready: Promise<void>; answer: Promise<HelperAnswer> };

async function startHelper(request: HelperRequest, world: SystemKeychainWorld): Promise<Helper> {
  const { spawn } = await import("node:child_process");
  const [command, ...args] = world.self;
  const env = Object.fromEntries(
    HELPER_ENV.flatMap((name) => (world.env[name] === undefined ? [] : [[name, world.env[name]]])),
  );
  const child = spawn(command, [...args, "keychain-helper"], { env, cwd: "/", stdio: ["pipe", "pipe", "ignore"] });
  const ready = new Promise<void>((resolve) => {
    child.stdout.once("data", () => resolve());
    child.once("error", () => resolve()).once("close", () => resolve());
  });
  const answer = new Promise<HelperAnswer>((resolve) => {
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (part: string) => (text += part));
    child.on("error", () => resolve({ failed: "the helper process could not be started" }));
    child.on("close", () => resolve(parseAnswer(text)));
  });
  child.stdin.on("error", () => {}); // The helper died before it read: `close` says so.
  child.stdin.end(JSON.stringify({ ...request, parent: process.pid } satisfies HelperInput));
  return { process: child, ready, answer };
}

function parseAnswer(text: string): HelperAnswer {
  try {
    return JSON.parse(text) as HelperAnswer;
  } catch {
    return { failed: "the helper process ended without an answer" };
  }
}

/** Messages of libsecret and GDBus, seen with gnome-keyring 42 (see test/e2e/keyring.test.ts). */
const LOCKED = /locked|dismiss|prompt/i;

function explain(message: string, world: SystemKeychainWorld): BrokerError {
  if (LOCKED.test(message)) return locked(message, world);
  return new BrokerError("KEYCHAIN_UNAVAILABLE", `${describe(world.platform)} cannot be used`, [
    ["it says", message],
    ...choices(world),
  ]);
}

function locked(message: string, world: SystemKeychainWorld): BrokerError {
  return new BrokerError("KEYCHAIN_LOCKED", `${describe(world.platform)} is locked`, [
    ["it says", message],
    ["try", "unlock it (log in to the desktop, or open its password manager), then run this again"],
    FILE_INSTEAD,
  ]);
}

function silent(ms: number, world: SystemKeychainWorld): BrokerError {
  return new BrokerError("KEYCHAIN_SILENT", `${describe(world.platform)} does not answer`, [
    ["waited", `${(ms / 1000).toFixed(1)} s`],
    ...choices(world),
  ]);
}

function choices(world: SystemKeychainWorld): Detail[] {
  const start =
    world.platform === "linux"
      ? "start a Secret Service (gnome-keyring, KWallet, KeePassXC) in this session"
      : "check the system keychain";
  return [["try", start], FILE_INSTEAD];
}
