import { readdirSync, renameSync, rmSync } from "node:fs";
import { BrokerError, systemCode } from "../errors.ts";
import { ensurePrivateFolder, readPrivateFile } from "../private-file.ts";
import type { Cache, CacheEntry, World } from "../types.ts";
import { cacheKey } from "./cache-key.ts";
import { mac, sameMac, seal, type SealingKey, unseal } from "./envelope.ts";
import { loadSealingKey, runtimeCopy, SEALING_KEY } from "./sealing-key.ts";

type CacheWorld = Pick<World, "folders" | "uid" | "keychain" | "cwd" | "now" | "say">;

/** File names carry 80 bits of the key; the whole key is authenticated inside the seal. */
const NAME_LENGTH = 20;

/**
 * Sealed values in one folder, shared by all processes of the user. One file a key; see envelope.ts for what
 * the seal is worth, and single-flight.ts for how one process makes what many want.
 */
export function createCache(world: CacheWorld): Cache {
  const folder = `${world.folders.state}/cache`;
  let loaded: Promise<SealingKey> | undefined;
  const key = (): Promise<SealingKey> => (loaded ??= loadSealingKey(world));

  return {
    getOrMake: async (entry, make) => {
      const sealingKey = await key();
      const found = readEntry(entry, folder, sealingKey, world);
      if (found !== undefined) return found;
      return makeShared(entry, make, folder, sealingKey, world);
    },
    peek: async (entry) => {
      const sealingKey = runtimeCopy(world);
      return sealingKey && readEntry(entry, folder, sealingKey, world);
    },
    clear: async () => clearFolder(folder, world),
    sign: async (text) => {
      const sealingKey = await key();
      return { keyId: sealingKey.id, mac: mac(text, sealingKey) };
    },
    verify: async (text, keyId, given) => {
      const sealingKey = await key();
      return sealingKey.id === keyId ? sameMac(mac(text, sealingKey), given) : undefined;
    },
  };
}

async function makeShared<T>(
  entry: CacheEntry<T>,
  make: () => Promise<T>,
  folder: string,
  sealingKey: SealingKey,
  world: CacheWorld,
): Promise<T> {
  if (!isWritable(folder, world)) return make();
  const { singleFlight } = await import("./single-flight.ts");
  let made: T | undefined;
  const key = cacheKey(entry);
  const flight = {
    folder,
    key: key.slice(0, NAME_LENGTH),
    what: entry.what,
    unit: world.cwd,
    find: async () => readEntry(entry, folder, sealingKey, world),
    make: async () => {
      made = await make();
      const text = JSON.stringify({ madeAt: world.now().getTime(), value: entry.encode(made) });
      return { value: made, publish: seal(text, key, sealingKey) };
    },
  };
  try {
    return await singleFlight(flight);
  } catch (error) {
    if (error instanceof BrokerError || systemCode(error) === undefined) throw error;
    world.say(notCached(folder, systemCode(error)!));
    return made ?? make();
  }
}

function notCached(folder: string, why: string): string {
  return `hallpass: nothing is cached, ${folder} cannot be written (${why})\n`;
}

/** A read-only or full disk costs the cache, not the credentials. A folder that others could write to is refused. */
function isWritable(folder: string, world: CacheWorld): boolean {
  try {
    ensurePrivateFolder(folder, world.uid);
    return true;
  } catch (error) {
    if (!(error instanceof BrokerError) || error.code !== "CANNOT_WRITE") throw error;
    world.say(notCached(folder, systemCode(error.cause) ?? "unknown error"));
    return false;
  }
}

/** The value, if it was sealed by us for this key and has enough time left. */
function readEntry<T>(entry: CacheEntry<T>, folder: string, sealingKey: SealingKey, world: CacheWorld): T | undefined {
  const key = cacheKey(entry);
  const path = `${folder}/${key.slice(0, NAME_LENGTH)}`;
  const bytes = readPrivateFile(path, world.uid);
  if (!bytes) return undefined;
  const opened = unseal(bytes, key, sealingKey);
  if (opened === "unknown-key") return undefined;
  if (opened === "damaged") return setAside(path, world);
  const { madeAt, value } = JSON.parse(opened.text) as { madeAt: number; value: unknown };
  const decoded = entry.decode(value);
  return decoded !== undefined && isFresh(entry, decoded, madeAt, world.now()) ? decoded : undefined;
}

/** Short sessions keep a third of their life in reserve, so that a 15 minute session is not always stale. */
function isFresh<T>(entry: CacheEntry<T>, value: T, madeAt: number, now: Date): boolean {
  const expires = entry.expiresAt(value).getTime();
  const reserve = Math.min(entry.minRemainingSeconds * 1000, (expires - madeAt) / 3);
  return madeAt <= now.getTime() + 1000 && expires - now.getTime() > reserve;
}

function setAside(path: string, world: CacheWorld): undefined {
  const aside = `${path}.damaged`;
  renameSync(path, aside);
  world.say(`hallpass: a cached answer was changed by somebody else and is not used; it stands at ${aside}\n`);
  return undefined;
}

function clearFolder(folder: string, world: CacheWorld): number {
  const names = listSealed(folder);
  for (const name of names) rmSync(`${folder}/${name}`, { force: true });
  if (world.folders.runtime !== undefined) rmSync(`${world.folders.runtime}/${SEALING_KEY}`, { force: true });
  return names.length;
}

function listSealed(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => /^[0-9a-f]{20}$/.test(name));
  } catch (error) {
    if (systemCode(error) === "ENOENT") return [];
    throw error;
  }
}
