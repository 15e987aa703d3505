import type { Crypto } from "../crypto.ts";
import type { CacheEntry } from "../types.ts";

/** SHA-256 (hex) of the inputs as one structured value: no joining of parts, so no two lists of inputs can read the same. */
export function cacheKey(entry: Pick<CacheEntry<unknown>, "kind" | "inputs">, crypto: Crypto): string {
  const sorted = Object.entries(entry.inputs).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return crypto.sha256(JSON.stringify([1, entry.kind, sorted]));
}
