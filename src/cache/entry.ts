import { readdirSync, renameSync, writeFileSync } from "node:fs";
import type { Crypto } from "../crypto.ts";
import { BrokerError, systemCode } from "../errors.ts";
import { readPrivateFile } from "../private-file.ts";
import type { CacheEntry, World } from "../types.ts";
import { visible } from "../visible.ts";
import { cacheKey } from "./cache-key.ts";
import { seal, type SealingKey, unseal } from "./envelope.ts";

/** Where entries stand and what opens them. */
export type Store = {
  folder: string;
  key: SealingKey;
  crypto: Crypto;
  world: Pick<World, "uid" | "cwd" | "now" | "say">;
};

/** What a sealed file holds. `madeAt` and `expiresAt` in milliseconds of the epoch. */
export type Sealed = {
  kind: CacheEntry<unknown>["kind"];
  what: string;
  madeAt: number;
  expiresAt: number;
  value: unknown;
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

/** A value that was sealed by us for this key. `fresh`: with enough time left; else it is valid, and due to be renewed. */
export type Found<T> = { value: T; fresh: boolean };

/** undefined: not there, not ours, or (nearly) at its end. */
export async function findEntry<T>(entry: CacheEntry<T>, store: Store): Promise<Found<T> | undefined> {
  const name = cacheKey(entry, store.crypto);
  const sealed = await openFile(name.slice(0, NAME_LENGTH), name, store);
  if (!sealed || !isValid(sealed, store.world.now())) return undefined;
  const value = entry.decode(sealed.value);
  return value === undefined ? undefined : { value, fresh: isFresh(entry, sealed, store.world.now()) };
}

/** The value, if it has enough time left. */
export async function readEntry<T>(entry: CacheEntry<T>, store: Store): Promise<T | undefined> {
  const found = await findEntry(entry, store);
  return found?.fresh ? found.value : undefined;
}

/**
 * What a file of the cache holds, if we sealed it under the key that we have and for that name (any, where it
 * is undefined). Anything else that stands there is set aside and said, and never used.
 */
export async function openFile(file: string, name: string | undefined, store: Store): Promise<Sealed | undefined> {
  const path = `${store.folder}/${file}`;
  const bytes = readOwn(path, store.world);
  if (bytes === "unsafe") return setAside(path, store.world);
  if (!bytes) return undefined;
  const opened = await unseal(bytes, store.key, store.crypto);
  if (opened === "unknown-key") return undefined;
  if (opened === "damaged" || !opened.name.startsWith(name ?? file)) return setAside(path, store.world);
  return JSON.parse(opened.text) as Sealed;
}

function readOwn(path: string, world: Store["world"]): Uint8Array | "unsafe" | undefined {
  try {
    return readPrivateFile(path, world.uid);
  } catch (error) {
    if (error instanceof BrokerError && error.code === "UNSAFE_FOLDER") return "unsafe";
    throw error;
  }
}

/** What was made in the future was made by another clock, so its end means nothing. A minute is for the caller's own first request. */
function isValid({ madeAt, expiresAt }: Sealed, now: Date): boolean {
  return madeAt <= now.getTime() + 1000 && expiresAt - now.getTime() > 60_000;
}

/** Short sessions keep a third of their life in reserve, so that a 15 minute session is not always stale. */
function isFresh<T>(entry: CacheEntry<T>, { madeAt, expiresAt }: Sealed, now: Date): boolean {
  const reserve = Math.min(entry.minRemainingSeconds * 1000, (expiresAt - madeAt) / 3);
  return expiresAt - now.getTime() > reserve;
}

/** Two processes may find the same damage: the second rename then finds nothing. */
function setAside(path: string, world: Store["world"]): undefined {
  const aside = `${path}.damaged`;
  try {
    renameSync(path, aside);
    const what = "a cached answer is not as hallpass wrote it, and is not used";
    world.say(`hallpass: ${what}; it stands at ${visible(aside)} now\n`);
  } catch (error) {
    if (systemCode(error) !== "ENOENT")
      world.say(`hallpass: ${visible(path)} is not as hallpass wrote it, and is not used\n`);
  }
  return undefined;
}

/** The value as it stands in its file. */
export function sealEntry<T>(entry: CacheEntry<T>, value: T, { key, crypto, world }: Store): Promise<Uint8Array> {
  const { kind, what } = entry;
  const [madeAt, expiresAt] = [world.now().getTime(), entry.expiresAt(value).getTime()];
  const sealed: Sealed = { kind, what, madeAt, expiresAt, value: entry.encode(value) };
  return seal(JSON.stringify(sealed), cacheKey(entry, crypto), key, crypto);
}

/** Which unit took the value last, beside it and in the clear: for `whoami`. Never worth a failure. */
export function noteUse<T>(entry: CacheEntry<T>, store: Store): void {
  try {
    writeFileSync(`${store.folder}/${fileName(entry, store)}.used`, store.world.cwd, { mode: 0o600 });
  } catch {
    // A disk that is full or read-only: the answer matters, the note does not.
  }
}
