import { ensurePrivateFolder, readPrivateFile, writePrivateFile } from "../private-file.ts";
import { Secret } from "../secret.ts";
import type { Keychain, World } from "../types.ts";
import { askPassphrase } from "./passphrase.ts";
import type { Items, StretchedKey } from "./sealed-items.ts";

/*
 * All items in one file, sealed with a passphrase: for machines without an OS keychain.
 *
 * Protects from: whoever gets the file (a disk, a backup) and not the passphrase; each guess costs 128 MB
 * and a third of a second. Does not protect from: a passphrase file that lies beside it, or a process of
 * the same user that watches while it is open. Enough, because the choice is explicit, never a fall-back.
 */

export type FileKeychainWorld = Pick<World, "env" | "folders" | "uid" | "terminal" | "inTurn">;

/** The sealed file `keychain.sealed` in the state folder. Throws NO_PASSPHRASE, WRONG_PASSPHRASE, KEYCHAIN_DAMAGED. */
export function fileKeychain(world: FileKeychainWorld): Keychain {
  const path = `${world.folders.state}/keychain.sealed`;
  let passphrase: Secret | undefined;
  let key: StretchedKey | undefined;

  const load = async (): Promise<Items | undefined> => {
    const sealed = readPrivateFile(path, world.uid);
    if (!sealed) return undefined;
    const { openItems } = await import("./sealed-items.ts");
    passphrase ??= await askPassphrase(path, false, world);
    const opened = await openItems(sealed, path, passphrase, key);
    ({ key } = opened);
    return opened.items;
  };
  const store = async (items: Items): Promise<void> => {
    ensurePrivateFolder(world.folders.state, world.uid);
    const { newKey, sealItems } = await import("./sealed-items.ts");
    passphrase ??= await askPassphrase(path, true, world);
    key ??= await newKey(passphrase);
    writePrivateFile(path, sealItems(items, key));
  };
  /** Read and written in one turn: two logins at once must not lose one of their keys. */
  const change = <T>(work: () => Promise<T>): Promise<T> => world.inTurn("the keychain file", work);

  return {
    backend: "file",
    describe: path,
    read: async (item) => {
      const kept = (await load())?.[item];
      return kept === undefined ? undefined : new Secret(kept);
    },
    write: (item, secret) => change(async () => store({ ...(await load()), [item]: secret.reveal() })),
    remove: (item) =>
      change(async () => {
        const items = await load();
        if (items?.[item] === undefined) return false;
        await store(Object.fromEntries(Object.entries(items).filter(([name]) => name !== item)));
        return true;
      }),
  };
}
