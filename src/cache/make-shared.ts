import { BrokerError, type ErrorCode, systemCode } from "../errors.ts";
import { ensurePrivateFolder } from "../private-file.ts";
import { singleFlight } from "../single-flight/single-flight.ts";
import type { CacheEntry } from "../types.ts";
import { visible } from "../visible.ts";
import { fileName, readEntry, sealEntry, type Store } from "./entry.ts";

/**
 * Makes what is not in the cache, once over all processes. `valid` is what is there and due to be renewed: one
 * process renews it ahead of time, while the others go on with it.
 *
 * A read-only or full disk costs the cache, not the credentials: then this process works for itself, and says so.
 */
export async function makeShared<T>(
  entry: CacheEntry<T>,
  make: () => Promise<T>,
  valid: T | undefined,
  store: Store,
): Promise<T> {
  let made: T | undefined;
  try {
    ensurePrivateFolder(store.folder, store.world.uid);
    return await singleFlight({
      folder: store.folder,
      key: fileName(entry, store),
      what: entry.what,
      unit: store.world.cwd,
      find: () => readEntry(entry, store),
      make: async () => {
        made = await make();
        return { value: made, publish: await sealEntry(entry, made, store) };
      },
      ...(valid !== undefined && { meanwhile: valid }),
    });
  } catch (error) {
    if (valid !== undefined && isPassing(error)) return goOnWith(valid, entry.what, store);
    const why = whyNotWritten(error);
    if (why === undefined) throw error;
    store.world.say(`hallpass: nothing is cached, ${visible(store.folder)} cannot be written (${why})\n`);
    return made ?? make();
  }
}

/** Failures that say nothing about us: what AWS gave before is still good until its end. */
const PASSING: ReadonlySet<ErrorCode> = new Set(["STS_UNREACHABLE", "STS_THROTTLED", "STS_BROKEN", "WAITED_TOO_LONG"]);

function isPassing(error: unknown): boolean {
  return error instanceof BrokerError && PASSING.has(error.code);
}

function goOnWith<T>(valid: T, what: string, { world }: Store): T {
  world.say(`hallpass: ${visible(what)} could not be renewed yet, the one from before is used until its end\n`);
  return valid;
}

/** The system's code where the disk is at fault; undefined for everything else, also a folder that is not safe. */
function whyNotWritten(error: unknown): string | undefined {
  if (!(error instanceof BrokerError)) return systemCode(error);
  return error.code === "CANNOT_WRITE" ? (systemCode(error.cause) ?? "unknown error") : undefined;
}
