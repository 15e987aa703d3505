import { createCipheriv, createDecipheriv, randomBytes, scrypt } from "node:crypto";
import { BrokerError } from "../errors.ts";
import type { Secret } from "../secret.ts";
import { visible } from "../visible.ts";

/*
 * Layout: "HPK1" | salt (16) | nonce (12) | tag (16) | ciphertext of a JSON object, name → secret
 */
const MAGIC = Buffer.from("HPK1");
const SALT = { from: 4, to: 20 };
const NONCE = { from: 20, to: 32 };
const TAG = { from: 32, to: 48 };
/** OWASP's scrypt minimum (N = 2^17, r = 8, p = 1): 128 MB of memory for each guess. */
const SCRYPT = { N: 2 ** 17, r: 8, p: 1, maxmem: 256 * 1024 * 1024 };

export type Items = Readonly<Record<string, string>>;
/** A key that was stretched once serves for the file's next version too: the salt stays, the nonce is new. */
export type StretchedKey = { bytes: Buffer; salt: Buffer };

export async function newKey(passphrase: Secret): Promise<StretchedKey> {
  const salt = randomBytes(16);
  return { salt, bytes: await stretch(passphrase, salt) };
}

export function sealItems(items: Items, key: StretchedKey): Buffer {
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", key.bytes, nonce).setAAD(MAGIC);
  const body = Buffer.concat([cipher.update(JSON.stringify(items), "utf8"), cipher.final()]);
  return Buffer.concat([MAGIC, key.salt, nonce, cipher.getAuthTag(), body]);
}

/** Throws KEYCHAIN_DAMAGED, WRONG_PASSPHRASE. `known` saves the stretching where it has the file's salt. */
export async function openItems(
  sealed: Buffer,
  path: string,
  passphrase: Secret,
  known: StretchedKey | undefined,
): Promise<{ items: Items; key: StretchedKey }> {
  if (sealed.length < TAG.to || !sealed.subarray(0, 4).equals(MAGIC)) throw damaged(path);
  const salt = sealed.subarray(SALT.from, SALT.to);
  const key = known?.salt.equals(salt) ? known : { salt, bytes: await stretch(passphrase, salt) };
  const decipher = createDecipheriv("aes-256-gcm", key.bytes, sealed.subarray(NONCE.from, NONCE.to))
    .setAAD(MAGIC)
    .setAuthTag(sealed.subarray(TAG.from, TAG.to));
  try {
    const text = Buffer.concat([decipher.update(sealed.subarray(TAG.to)), decipher.final()]).toString("utf8");
    return { items: JSON.parse(text) as Items, key };
  } catch (error) {
    throw wrongPassphrase(path, error);
  }
}

function stretch(passphrase: Secret, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, key: Buffer): void => (error ? reject(error) : resolve(key));
    scrypt(passphrase.reveal().normalize("NFKC"), salt, 32, SCRYPT, done);
  });
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
