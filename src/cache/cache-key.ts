import { createHash } from "node:crypto";
import type { CacheEntry } from "../types.ts";

/** SHA-256 (hex) of the inputs as one structured value: no joining of parts, so no two lists of inputs can read the same. */
export function cacheKey(entry: Pick<CacheEntry<unknown>, "kind" | "inputs">): string {
  const sorted = Object.entries(entry.inputs).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return createHash("sha256")
    .update(JSON.stringify([1, entry.kind, sorted]))
    .digest("hex");
}
