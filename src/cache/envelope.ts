import type { Crypto } from "../crypto.ts";

/*
 * A sealed value: AES-256-GCM, under a random key that rests in the keychain.
 *
 * Protects from: whoever reads the disk, a backup or another machine's copy of it; and from a sealed file
 * that was changed, cut, or put in another's place, because the cache key is authenticated with it.
 * Does not protect from: a process of the same user while the sealing key is reachable. Such a process
 * could ask hallpass itself.
 *
 * Layout: "HPC1" | key id (8) | name (32) | nonce (12) | ciphertext | tag (16)
 */
const MAGIC = Buffer.from("HPC1");
const HEADER_BYTES = 44;
const NONCE_BYTES = 12;
const LEAST_BYTES = HEADER_BYTES + NONCE_BYTES + 16;

/** 32 random bytes, and a name for them that says nothing about them. */
export type SealingKey = { readonly bytes: Uint8Array; readonly id: string };

export function sealingKey(bytes: Uint8Array, crypto: Crypto): SealingKey {
  return { bytes, id: Buffer.from(crypto.hmacSha256(bytes, "hallpass sealing key id")).toString("hex", 0, 8) };
}

/**
 * `name` (64 hex digits) is what the value is stored under; it is authenticated with it. A nonce is random:
 * 96 bits, far fewer than 2^32 seals a key.
 */
export async function seal(text: string, name: string, key: SealingKey, crypto: Crypto): Promise<Uint8Array> {
  const header = Buffer.concat([MAGIC, Buffer.from(key.id + name, "hex")]);
  const nonce = Buffer.from(crypto.randomHex(NONCE_BYTES), "hex");
  const body = await crypto.encrypt(key.bytes, nonce, header, Buffer.from(text));
  return Buffer.concat([header, nonce, body]);
}

/**
 * The text and the name it was sealed under, or why there is none: `unknown-key` (sealed under a key that is
 * gone: an ordinary miss) or `damaged` (our key, but not what we sealed). Whoever wants a certain name compares it.
 */
export async function unseal(
  sealed: Uint8Array,
  key: SealingKey,
  crypto: Crypto,
): Promise<{ text: string; name: string } | "unknown-key" | "damaged"> {
  const header = Buffer.from(sealed.subarray(0, HEADER_BYTES));
  if (sealed.length < LEAST_BYTES || !header.subarray(0, MAGIC.length).equals(MAGIC)) return "damaged";
  if (header.toString("hex", 4, 12) !== key.id) return "unknown-key";
  const rest = sealed.subarray(HEADER_BYTES);
  const text = await crypto.decrypt(key.bytes, rest.subarray(0, NONCE_BYTES), header, rest.subarray(NONCE_BYTES));
  return text ? { text: Buffer.from(text).toString("utf8"), name: header.toString("hex", 12) } : "damaged";
}

/** HMAC-SHA-256 under a key derived for this use alone, so that a MAC never helps against a seal. */
export function mac(text: string, key: SealingKey, crypto: Crypto): string {
  const derived = crypto.hmacSha256(key.bytes, "hallpass marker");
  return Buffer.from(crypto.hmacSha256(derived, text)).toString("base64url");
}

/** In a time that does not tell where they differ. */
export function sameMac(one: string, other: string): boolean {
  if (one.length !== other.length) return false;
  let difference = 0;
  for (let index = 0; index < one.length; index++) difference |= one.charCodeAt(index) ^ other.charCodeAt(index);
  return difference === 0;
}
