import { createCipheriv, createDecipheriv, randomBytes, scrypt } from "node:crypto";
import { promisify } from "node:util";
import { BrokerError } from "../errors.ts";
import { ensurePrivateFolder, readPrivateFile, writePrivateFile } from "../private-file.ts";
import { Secret } from "../secret.ts";
import type { Keychain, World } from "../types.ts";
import { visible } from "../visible.ts";
import { askPassphrase } from "./passphrase.ts";

/*
 * All items in one file, sealed with a passphrase: for machines without an OS keychain.
 *
 * Protects from: whoever gets the file (a disk, a backup) and not the passphrase; each guess costs 128 MB
 * and a third of a second. Does not protect from: a passphrase file that lies beside it, or a process of
 * the same user that watches while it is open. Enough, because the choice is explicit, never a fall-back.
 *
 * Layout: "HPK1" | salt (16) | nonce (12) | tag (16) | ciphertext of a JSON object, name → secret
 */
const MAGIC = Buffer.from("HPK1");
const SALT = { from: 4, to: 20 };
const NONCE = { from: 20, to: 32 };
const TAG = { from: 32, to: 48 };
/** OWASP's scrypt minimum (N = 2^17, r = 8, p = 1): 128 MB of memory for each guess. */
const SCRYPT = { N: 2 ** 17, r: 8, p: 1, maxmem: 256 * 1024 * 1024 };

export type FileKeychainWorld = Pick<World, "env" | "folders" | "uid" | "terminal">;
type Items = Record<string, string>;

/** The sealed file `keychain.sealed` in the state folder. Throws NO_PASSPHRASE, WRONG_PASSPHRASE, KEYCHAIN_DAMAGED. */
export function fileKeychain(world: FileKeychainWorld): Keychain {
  const path = `${world.folders.state}/keychain.sealed`;
  let passphrase: Secret | undefined;
  const unlock = async (isNew: boolean): Promise<Secret> => (passphrase ??= await askPassphrase(path, isNew, world));
  const load = async (): Promise<Items | undefined> => {
    const sealed = readPrivateFile(path, world.uid);
    return sealed && open(sealed, path, await unlock(false));
  };
  const store = async (items: Items): Promise<void> => {
    ensurePrivateFolder(world.folders.state, world.uid);
    writePrivateFile(path, await sealItems(items, await unlock(true)));
  };
  return {
    backend: "file",
    describe: path,
    read: async (item) => {
      const kept = (await load())?.[item];
      return kept === undefined ? undefined : new Secret(kept);
    },
    write: async (item, secret) => store({ ...(await load()), [item]: secret.reveal() }),
    remove: async (item) => {
      const items = await load();
      if (items?.[item] === undefined) return false;
      await store(Object.fromEntries(Object.entries(items).filter(([name]) => name !== item)));
      return true;
    },
  };
}

async function sealItems(items: Items, passphrase: Secret): Promise<Buffer> {
  const [salt, nonce] = [randomBytes(16), randomBytes(12)];
  const cipher = createCipheriv("aes-256-gcm", await stretch(passphrase, salt), nonce).setAAD(MAGIC);
  const body = Buffer.concat([cipher.update(JSON.stringify(items), "utf8"), cipher.final()]);
  return Buffer.concat([MAGIC, salt, nonce, cipher.getAuthTag(), body]);
}

async function open(sealed: Buffer, path: string, passphrase: Secret): Promise<Items> {
  if (sealed.length < TAG.to || !sealed.subarray(0, 4).equals(MAGIC)) throw damaged(path);
  const key = await stretch(passphrase, sealed.subarray(SALT.from, SALT.to));
  const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(NONCE.from, NONCE.to))
    .setAAD(MAGIC)
    .setAuthTag(sealed.subarray(TAG.from, TAG.to));
  try {
    const text = Buffer.concat([decipher.update(sealed.subarray(TAG.to)), decipher.final()]).toString("utf8");
    return JSON.parse(text) as Items;
  } catch (error) {
    throw wrongPassphrase(path, error);
  }
}

function stretch(passphrase: Secret, salt: Buffer): Promise<Buffer> {
  const derive = promisify<string, Buffer, number, typeof SCRYPT, Buffer>(scrypt);
  return derive(passphrase.reveal().normalize("NFKC"), salt, 32, SCRYPT);
}

/** A wrong passphrase and a changed file look the same from here, so the message names both. */
function wrongPassphrase(path: string, cause: unknown): BrokerError {
  return new BrokerError(
    "WRONG_PASSPHRASE",
    "the passphrase does not open the keychain file",
    [
      ["file", visible(path)],
      [
        "try",
        "the passphrase that was given at hallpass login; if it is right, the file was changed: remove it and log in again",
      ],
    ],
    cause,
  );
}

function damaged(path: string): BrokerError {
  return new BrokerError("KEYCHAIN_DAMAGED", "the keychain file is not one that hallpass wrote", [
    ["file", visible(path)],
    ["try", "restore it from a backup, or remove it and run: hallpass login"],
  ]);
}
