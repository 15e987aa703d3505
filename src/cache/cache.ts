import { rmSync } from "node:fs";
import { loadCrypto } from "../crypto.ts";
import type { Cache, CacheEntry, World } from "../types.ts";
import { mac, sameMac, type SealingKey } from "./envelope.ts";
import { findEntry, noteUse, readEntry, type Store } from "./entry.ts";
import { loadSealingKey, runtimeCopy, SEALING_KEY } from "./sealing-key.ts";

type CacheWorld = Pick<World, "folders" | "uid" | "keychain" | "cwd" | "now" | "say" | "inTurn">;

/**
 * Sealed values in one folder, shared by all processes of the user. One file a key; see envelope.ts for what
 * the seal is worth, and single-flight.ts for how one process makes what many want.
 */
export function createCache(world: CacheWorld): Cache {
  const folder = `${world.folders.state}/cache`;
  const crypto = loadCrypto();
  let loaded: SealingKey | undefined;
  /** With the copy in memory, else with the keychain's key. */
  const open = async (): Promise<Store> => {
    loaded ??= runtimeCopy(world, crypto) ?? (await loadSealingKey(world, crypto));
    return { folder, key: loaded, crypto, world };
  };
  /** undefined where the keychain would have to be opened. */
  const openFree = (): Store | undefined => {
    loaded ??= runtimeCopy(world, crypto);
    return loaded && { folder, key: loaded, crypto, world };
  };

  return {
    getOrMake: async (entry, make) => {
      const store = await open();
      const found = await findEntry(entry, store);
      const value = found?.fresh ? found.value : await makeMissing(entry, make, found?.value, store);
      noteUse(entry, store);
      return value;
    },
    prepare: async () => void (await open()),
    remember: async (entry, make) => {
      const store = openFree();
      if (!store) return make();
      return (await readEntry(entry, store)) ?? makeMissing(entry, make, undefined, store);
    },
    peek: async <T>(entry: CacheEntry<T>) => {
      const store = openFree();
      return store && readEntry(entry, store);
    },
    list: async () => {
      const { listSessions } = await import("./contents.ts");
      const store = openFree();
      return store ? listSessions(store) : [];
    },
    clear: async () => {
      const { clearFolder } = await import("./contents.ts");
      return clearFolder(folder);
    },
    forget: async () => {
      const { clearFolder } = await import("./contents.ts");
      await world.keychain.remove(SEALING_KEY);
      if (world.folders.runtime !== undefined) rmSync(`${world.folders.runtime}/${SEALING_KEY}`, { force: true });
      clearFolder(folder);
    },
    sign: async (text) => {
      const { key } = await open();
      return { keyId: key.id, mac: mac(text, key, crypto) };
    },
    verify: async (text, keyId, given) => {
      const { key } = await open();
      return key.id === keyId ? sameMac(mac(text, key, crypto), given) : undefined;
    },
  };
}

/** Loaded for a miss only: it brings the lock over processes with it. */
async function makeMissing<T>(
  entry: CacheEntry<T>,
  make: () => Promise<T>,
  valid: T | undefined,
  store: Store,
): Promise<T> {
  const { makeShared } = await import("./make-shared.ts");
  return makeShared(entry, make, valid, store);
}
