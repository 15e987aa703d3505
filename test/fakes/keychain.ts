import type { Secret } from "../../src/secret.ts";
import type { Keychain, KeychainBackend } from "../../src/types.ts";

/** A keychain in memory. It keeps the contract of the real ones (test/keychain/contract.ts); `items` shows what it holds. */
export function fakeKeychain(backend: KeychainBackend = "system"): Keychain & { readonly items: Map<string, Secret> } {
  const items = new Map<string, Secret>();
  return {
    backend,
    describe: "a keychain in memory",
    items,
    read: async (item) => items.get(item),
    write: async (item, secret) => void items.set(item, secret),
    remove: async (item) => items.delete(item),
  };
}
