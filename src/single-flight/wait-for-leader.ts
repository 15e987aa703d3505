import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { BrokerError, systemCode, type WireError } from "../errors.ts";
import { visible } from "../visible.ts";
import { depose, pidOf } from "./lock-folder.ts";
import { socketPath } from "./socket-path.ts";

/** Who leads, as told to those who wait. `since` is in milliseconds of the epoch. */
export type Holder = { pid: number; unit: string; what: string; since: number };

/** `again`: look for the result, and take the lead if there is none. */
export type Verdict = { kind: "again" } | { kind: "failed"; error: WireError };

/** Long enough for a person to find a phone and type a code; then somebody has to look. */
export const WAIT_LIMIT_MS = 120_000;
/** A stopped process (Ctrl-Z, SIGSTOP) sends no heartbeat but keeps its socket. */
const STOPPED_AFTER_MS = 800;
const SILENT_AFTER_MS = 15_000;

/**
 * Waits until the leader has finished, failed, died or been deposed. `again`: look for the result, and take
 * the lead if there is none. Throws WAITED_TOO_LONG, counted from `started` (milliseconds of the epoch).
 */
export async function waitForLeader(
  lock: string,
  leader: string,
  flight: { what: string },
  started: number,
): Promise<Verdict> {
  const { createConnection } = await import("node:net");
  const connection = new Connection(createConnection(socketPath(lock, `s${leader}`)));
  try {
    for (;;) {
      const end = await Promise.race([connection.ended, sleep(200, undefined, { ref: false })]);
      if (end) return await settle(end, lock, leader, connection);
      if (Date.now() - started > WAIT_LIMIT_MS) throw waitedTooLong(flight.what, connection.holder);
      if (isDead(leader, connection.silentFor())) {
        depose(lock, leader);
        return { kind: "again" };
      }
    }
  } finally {
    connection.close();
  }
}

type End = { kind: "said"; verdict: Verdict } | { kind: "broken"; code: string };

async function settle(end: End, lock: string, leader: string, connection: Connection): Promise<Verdict> {
  if (end.kind === "said") return end.verdict;
  if (end.code === "EAGAIN") await sleep(20 + Math.random() * 30);
  else if (end.code === "ECONNREFUSED" && !connection.holder) depose(lock, leader);
  return { kind: "again" };
}

function isDead(leader: string, silentMs: number): boolean {
  if (silentMs > SILENT_AFTER_MS) return true;
  return silentMs > STOPPED_AFTER_MS && isStopped(pidOf(leader));
}

/** State `T` in the third field of /proc/<pid>/stat; the second may hold blanks and brackets. Elsewhere only silence tells. */
function isStopped(pid: number): boolean {
  try {
    return /\) [Tt] /.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return false;
  }
}

/** The leader's line-by-line report: who it is, heartbeats (empty lines), how it ended. We send nothing. */
class Connection {
  holder: Holder | undefined;
  readonly ended: Promise<End>;
  readonly #socket: Socket;
  #lastHeard = Date.now();
  #text = "";

  constructor(socket: Socket) {
    this.#socket = socket;
    this.ended = new Promise((resolve) => {
      this.#socket.setEncoding("utf8");
      this.#socket.on("data", (text: string) => this.#hear(text, resolve));
      this.#socket.on("error", (error) => resolve({ kind: "broken", code: systemCode(error) ?? "unknown" }));
      this.#socket.on("close", () => resolve({ kind: "broken", code: "closed" }));
    });
  }

  silentFor(): number {
    return Date.now() - this.#lastHeard;
  }

  close(): void {
    this.#socket.destroy();
  }

  #hear(text: string, resolve: (end: End) => void): void {
    this.#lastHeard = Date.now();
    const lines = (this.#text + text).split("\n");
    this.#text = lines.pop()!;
    for (const line of lines.filter((whole) => whole !== "")) {
      const message = JSON.parse(line) as { holder: Holder } | { ok: true } | { failed: WireError };
      if ("holder" in message) this.holder = message.holder;
      else if ("failed" in message) resolve({ kind: "said", verdict: { kind: "failed", error: message.failed } });
      else resolve({ kind: "said", verdict: { kind: "again" } });
    }
  }
}

export function waitedTooLong(what: string, holder: Holder | undefined): BrokerError {
  const seconds = WAIT_LIMIT_MS / 1000;
  const who =
    holder && `process ${holder.pid}, for ${visible(holder.unit)}, since ${new Date(holder.since).toISOString()}`;
  return new BrokerError("WAITED_TOO_LONG", `waited ${seconds} s for another hallpass to get ${visible(what)}`, [
    ["held by", who ?? "a process that does not say who it is"],
    ["try", holder ? `answer its prompt, or: kill ${holder.pid}` : "run it again"],
  ]);
}
