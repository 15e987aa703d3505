import { readdirSync, unlinkSync } from "node:fs";
import { systemCode } from "../errors.ts";

/*
 * The lock folder `<key>.l` of a flight (single-flight.ts) and what stands in it:
 * `s<id>` the leader's listening socket; `r<id>` the file that it will rename out as the result.
 * An id is `<pid, base 36>-<random>`, new for each claim, so a late verdict about a dead leader can never
 * remove anything of its successor.
 */

/** The id of the process whose socket stands in the lock. A result file without a socket is a dead leader's. */
export function leaderOf(lock: string): string | undefined {
  const names = listOrNothing(lock);
  const socket = names.find((name) => name.startsWith("s"));
  if (socket === undefined) for (const name of names) forget(`${lock}/${name}`);
  return socket?.slice(1);
}

/** The process that an id names. */
export function pidOf(id: string): number {
  return Number.parseInt(id, 36);
}

/** Takes the lock from a leader: first its right to publish, then its socket. */
export function depose(lock: string, id: string): void {
  forget(`${lock}/r${id}`);
  forget(`${lock}/s${id}`);
}

/** Removes a file that another process may have removed already. */
export function forget(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw error;
  }
}

/** The names in a folder; none where there is no such folder. */
export function listOrNothing(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return [];
    throw error;
  }
}
