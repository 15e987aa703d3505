import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";

/*
 * A sealed value: AES-256-GCM, under a random key that rests in the keychain.
 *
 * Protects from: whoever reads the disk, a backup or another machine's copy of it; and from a sealed file
 * that was changed, cut, or put in another's place, because the cache key is authenticated with it.
 * Does not protect from: a process of the same user while the sealing key is reachable. Such a process
 * could ask hallpass itself.
 *
 * Layout: "HPC1" | key id (8) | nonce (12) | tag (16) | ciphertext
 */
const MAGIC = Buffer.from("HPC1");
const KEY_ID = { from: 4, to: 12 };
const NONCE = { from: 12, to: 24 };
const TAG = { from: 24, to: 40 };

/** 32 random bytes, and a name for them that says nothing about them. */
export type SealingKey = { readonly bytes: Buffer; readonly id: string };

export function sealingKey(bytes: Buffer): SealingKey {
  return { bytes, id: createHash("sha256").update("hallpass sealing key id").update(bytes).digest("hex").slice(0, 16) };
}

/** `name` is what the value is stored under; only that name opens it again. A nonce is random: 96 bits, far fewer than 2^32 seals a key. */
export function seal(text: string, name: string, key: SealingKey): Buffer {
  const nonce = randomBytes(12);
  const header = Buffer.concat([MAGIC, Buffer.from(key.id, "hex")]);
  const cipher = createCipheriv("aes-256-gcm", key.bytes, nonce).setAAD(Buffer.concat([header, Buffer.from(name)]));
  const body = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
  return Buffer.concat([header, nonce, cipher.getAuthTag(), body]);
}

/**
 * The text, or why there is none: `unknown-key` (sealed under a key that is gone: an ordinary miss) or
 * `damaged` (our key, but not what we sealed: never used, and the person hears of it).
 */
export function unseal(sealed: Buffer, name: string, key: SealingKey): { text: string } | "unknown-key" | "damaged" {
  if (sealed.length < TAG.to || !sealed.subarray(0, 4).equals(MAGIC)) return "damaged";
  if (sealed.subarray(KEY_ID.from, KEY_ID.to).toString("hex") !== key.id) return "unknown-key";
  const decipher = createDecipheriv("aes-256-gcm", key.bytes, sealed.subarray(NONCE.from, NONCE.to))
    .setAAD(Buffer.concat([sealed.subarray(0, KEY_ID.to), Buffer.from(name)]))
    .setAuthTag(sealed.subarray(TAG.from, TAG.to));
  try {
    return { text: Buffer.concat([decipher.update(sealed.subarray(TAG.to)), decipher.final()]).toString("utf8") };
  } catch {
    return "damaged";
  }
}

/** HMAC-SHA-256 under a key derived for this use alone, so that a MAC never helps against a seal. */
export function mac(text: string, key: SealingKey): string {
  const derived = createHmac("sha256", key.bytes).update("hallpass marker").digest();
  return createHmac("sha256", derived).update(text).digest("base64url");
}

export function sameMac(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
