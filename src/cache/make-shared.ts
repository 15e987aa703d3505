import { BrokerError, systemCode } from "../errors.ts";
import { ensurePrivateFolder } from "../private-file.ts";
import type { CacheEntry } from "../types.ts";
import { fileName, readEntry, sealEntry, type Store } from "./entry.ts";
import { singleFlight } from "../single-flight/single-flight.ts";

/**
 * Makes what is not in the cache, once over all processes. A read-only or full disk costs the cache, not the
 * credentials: then this process works for itself, and says so.
 */
export async function makeShared<T>(entry: CacheEntry<T>, make: () => Promise<T>, store: Store): Promise<T> {
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
    });
  } catch (error) {
    const why = whyNotWritten(error);
    if (why === undefined) throw error;
    store.world.say(`hallpass: nothing is cached, ${store.folder} cannot be written (${why})\n`);
    return made ?? make();
  }
}

/** The system's code where the disk is at fault; undefined for everything else, also a folder that is not safe. */
function whyNotWritten(error: unknown): string | undefined {
  if (!(error instanceof BrokerError)) return systemCode(error);
  return error.code === "CANNOT_WRITE" ? (systemCode(error.cause) ?? "unknown error") : undefined;
}
