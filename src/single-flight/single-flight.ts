import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmdirSync, rmSync, statSync, writeSync } from "node:fs";
import type { Server, Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { loadCrypto } from "../crypto.ts";
import { BrokerError, fromWire, systemCode, toWire, type WireError } from "../errors.ts";
import { forget, leaderOf, listOrNothing } from "./lock-folder.ts";
import { socketPath } from "./socket-path.ts";
import { type Holder, WAIT_LIMIT_MS, waitedTooLong, waitForLeader } from "./wait-for-leader.ts";

/*
 * One process works, the others that want the same wait for it.
 *
 * The lock is a folder `<key>.l` (lock-folder.ts) that holds the leader's listening socket. It is taken by renaming a folder
 * of one's own onto it, which the kernel does for one process only, and only while it is missing or empty.
 * A dead leader's socket refuses connections, so death is noticed at once, however it came; no date or
 * process id has to be believed. The result is published by renaming a file out of the lock folder: who was
 * deposed meanwhile finds its file gone, and with it the right to publish.
 *
 * Results travel only through that file, which the caller seals. Whoever squats a name can delay, not deceive.
 * DECISIONS.md tells what else was measured.
 */

/** What is to be done once. `key` is a file name; `folder` is private and holds the lock and the result. */
export type Flight<T> = {
  folder: string;
  key: string;
  /** For those who wait: what for, and in which unit. */
  what: string;
  unit: string;
  /** The result, if it is there and usable now. */
  find(): Promise<T | undefined>;
  /** Makes it. `publish` is written to the file `<key>` for the others; without it they take their turn. */
  make(): Promise<{ value: T; publish?: Uint8Array }>;
  /** What those who would have to wait take instead of waiting. */
  meanwhile?: T;
  /** Whether a failure is also that of those who wait (default), or each tries for itself. */
  sharesFailure?: boolean;
};

const HEARTBEAT_MS = 250;
const STALE_CLAIM_MS = 60_000;

/** The value, found, awaited or made. Throws what `make` threw, here or in the leader; WAITED_TOO_LONG. */
export async function singleFlight<T>(flight: Flight<T>): Promise<T> {
  const started = Date.now();
  for (;;) {
    const found = await flight.find();
    if (found !== undefined) return found;
    if (Date.now() - started > WAIT_LIMIT_MS) throw waitedTooLong(flight.what, undefined);
    const lock = `${flight.folder}/${flight.key}.l`;
    const leader = leaderOf(lock);
    if (leader === undefined) {
      const claim = await claimLock(flight, lock);
      if (claim) return lead(flight, lock, claim);
    } else if (flight.meanwhile !== undefined) {
      return flight.meanwhile;
    } else {
      const verdict = await waitForLeader(lock, leader, flight, started);
      if (verdict.kind === "failed") throw fromWire(verdict.error);
    }
    await sleep(Math.random() * 10);
  }
}

type Claim = { id: string; descriptor: number; server: Server; sockets: Set<Socket> };

/** undefined: another process was quicker. */
async function claimLock<T>(flight: Flight<T>, lock: string): Promise<Claim | undefined> {
  const id = `${process.pid.toString(36)}-${loadCrypto().randomHex(4)}`;
  const own = `${flight.folder}/${flight.key}.u${id}`;
  mkdirSync(own, { mode: 0o700 });
  const descriptor = openSync(`${own}/r${id}`, "wx", 0o600);
  const listener = await listen(socketPath(own, `s${id}`), holder(flight));
  try {
    renameSync(own, lock);
    return { id, descriptor, ...listener };
  } catch (error) {
    listener.server.close();
    closeSync(descriptor);
    rmSync(own, { recursive: true, force: true });
    if (["ENOTEMPTY", "EEXIST", "ENOENT", "EPERM"].includes(systemCode(error) ?? "")) return undefined;
    throw error;
  }
}

function holder<T>(flight: Flight<T>): Holder {
  return { pid: process.pid, unit: flight.unit, what: flight.what, since: Date.now() };
}

async function listen(path: string, who: Holder): Promise<{ server: Server; sockets: Set<Socket> }> {
  const { createServer } = await import("node:net");
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => sockets.delete(socket)).on("close", () => sockets.delete(socket));
    socket.write(`${JSON.stringify({ holder: who })}\n`);
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(path, resolve));
  return { server, sockets };
}

async function lead<T>(flight: Flight<T>, lock: string, claim: Claim): Promise<T> {
  const heart = setInterval(() => claim.sockets.forEach((socket) => socket.write("\n")), HEARTBEAT_MS);
  try {
    const value = await workAndPublish(flight, lock, claim);
    await finish(lock, claim, "ok");
    return value;
  } catch (error) {
    forget(`${lock}/r${claim.id}`);
    await finish(lock, claim, failureFor(flight, error));
    throw error;
  } finally {
    clearInterval(heart);
    closeSync(claim.descriptor);
    sweepClaims(flight);
  }
}

/** What the others hear of a failure. A bug is not shared: each of them meets it, or not. */
function failureFor<T>(flight: Flight<T>, error: unknown): "ok" | WireError {
  return error instanceof BrokerError && flight.sharesFailure !== false ? toWire(error) : "ok";
}

/** Looks once more before it works: the last leader may have published between our look and our claim. */
async function workAndPublish<T>(flight: Flight<T>, lock: string, claim: Claim): Promise<T> {
  const found = await flight.find();
  if (found !== undefined) {
    forget(`${lock}/r${claim.id}`);
    return found;
  }
  const { value, publish } = await flight.make();
  if (publish) publishResult(flight, lock, claim, publish);
  else forget(`${lock}/r${claim.id}`);
  return value;
}

/**
 * Writes through the descriptor that was opened at the claim, then renames: a leader that was deposed
 * meanwhile finds its file gone (ENOENT). Its value is still right for this process; the others have a new leader.
 */
function publishResult<T>(flight: Flight<T>, lock: string, claim: Claim, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) written += writeSync(claim.descriptor, bytes, written);
  fsyncSync(claim.descriptor);
  try {
    renameSync(`${lock}/r${claim.id}`, `${flight.folder}/${flight.key}`);
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw error;
  }
}

/** Frees the lock first, then tells everybody who waits, those still in the accept queue as well. */
async function finish(lock: string, claim: Claim, outcome: "ok" | WireError): Promise<void> {
  forget(`${lock}/s${claim.id}`);
  if (outcome !== "ok") await sleep(20);
  const line = `${JSON.stringify(outcome === "ok" ? { ok: true } : { failed: outcome })}\n`;
  const told = [...claim.sockets].map((socket) => new Promise<void>((resolve) => socket.end(line, resolve)));
  await Promise.race([Promise.all(told), sleep(200, undefined, { ref: false })]);
  claim.server.close();
  for (const socket of claim.sockets) socket.unref();
  removeIfEmpty(lock);
}

/** A successor may stand there already; then it is not empty. */
function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch (error) {
    if (!["ENOTEMPTY", "EEXIST", "ENOENT"].includes(systemCode(error) ?? "")) throw error;
  }
}

/** Claims of processes that died before they took the lock. */
function sweepClaims<T>(flight: Flight<T>): void {
  for (const name of listOrNothing(flight.folder)) {
    if (!name.startsWith(`${flight.key}.u`)) continue;
    const path = `${flight.folder}/${name}`;
    const age = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (age > STALE_CLAIM_MS) rmSync(path, { recursive: true, force: true });
  }
}
