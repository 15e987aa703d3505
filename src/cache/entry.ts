import { readdirSync, renameSync } from "node:fs";
import type { Crypto } from "../crypto.ts";
import { BrokerError, systemCode } from "../errors.ts";
import { ensurePrivateFolder, readPrivateFile, writePrivateFile } from "../private-file.ts";
import type { CacheEntry, World } from "../types.ts";
import { cacheKey } from "./cache-key.ts";
import { seal, type SealingKey, unseal } from "./envelope.ts";

/** Where entries stand and what opens them. */
export type Store = {
  folder: string;
  key: SealingKey;
  crypto: Crypto;
  world: Pick<World, "uid" | "cwd" | "now" | "say">;
};

/** File names carry 80 bits of the key; the whole key is authenticated inside the seal. */
const NAME_LENGTH = 20;

export function fileName<T>(entry: CacheEntry<T>, { crypto }: Store): string {
  return cacheKey(entry, crypto).slice(0, NAME_LENGTH);
}

/** The names of the sealed values in a folder. */
export function listSealed(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => /^[0-9a-f]{20}$/.test(name));
  } catch (error) {
    if (systemCode(error) === "ENOENT") return [];
    throw error;
  }
}

/** The value, if it was sealed by us for this key and has enough time left. */
export async function readEntry<T>(
  entry: CacheEntry<T>,
  { folder, key, crypto, world }: Store,
): Promise<T | undefined> {
  const name = cacheKey(entry, crypto);
  const path = `${folder}/${name.slice(0, NAME_LENGTH)}`;
  const bytes = readPrivateFile(path, world.uid);
  if (!bytes) return undefined;
  const opened = await unseal(bytes, name, key, crypto);
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

/** Two processes may find the same damage: the second rename then finds nothing. */
function setAside(path: string, world: Store["world"]): undefined {
  const aside = `${path}.damaged`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw error;
  }
  world.say(`hallpass: a cached answer was changed by somebody else and is not used; it stands at ${aside}\n`);
  return undefined;
}

/** The value as it stands in its file. */
export function sealEntry<T>(entry: CacheEntry<T>, value: T, { key, crypto, world }: Store): Promise<Uint8Array> {
  const text = JSON.stringify({ madeAt: world.now().getTime(), value: entry.encode(value) });
  return seal(text, cacheKey(entry, crypto), key, crypto);
}

/** For values that any process may make again: no lock, and nothing said where it cannot be written. */
export async function writeEntry<T>(entry: CacheEntry<T>, value: T, store: Store): Promise<void> {
  const sealed = await sealEntry(entry, value, store);
  try {
    ensurePrivateFolder(store.folder, store.world.uid);
    writePrivateFile(`${store.folder}/${fileName(entry, store)}`, sealed);
  } catch (error) {
    if (!(error instanceof BrokerError) || error.code !== "CANNOT_WRITE") throw error;
  }
}
