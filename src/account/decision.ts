import type { AccountId, CacheEntry, SaidBy, World } from "../types.ts";

/** A file of the repository, read whole. `path` is absolute. */
export type TextFile = { path: string; text: string };

/** What the two files came to: the account, and which line said what. */
export type Decision = { id: AccountId; name: string; saidBy: SaidBy[] };

/**
 * How a decision is remembered: under the hash of everything it was made from. The walk that finds the files
 * is done each time, so a nearer account.hcl or a changed line is noticed at once. Refusals are not kept.
 */
export function decisionEntry(said: TextFile, registry: TextFile, world: Pick<World, "version">): CacheEntry<Decision> {
  return {
    kind: "account",
    inputs: {
      version: world.version,
      said: said.path,
      saidText: said.text,
      registry: registry.path,
      registryText: registry.text,
    },
    what: "the account",
    expiresAt: () => new Date(8.64e15),
    minRemainingSeconds: 0,
    encode: (decision) => decision,
    decode: (json) => json as Decision,
  };
}
