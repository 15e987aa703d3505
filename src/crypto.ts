import type { webcrypto } from "node:crypto";

/*
 * The four pieces of cryptography that an answer from the cache needs, by the quickest way of each runtime:
 * on Node node:crypto (2 ms; WebCrypto takes 3.5), in the standalone binary WebCrypto and bun's hasher
 * (0.3 ms; its node:crypto takes 2). Same algorithms, same bytes: test/crypto.test.ts crosses them.
 */

export type Crypto = {
  /** So many bytes of the system's generator, in hex. */
  randomHex(bytes: number): string;
  /** Hex. */
  sha256(text: string): string;
  hmacSha256(key: Uint8Array, text: string): Uint8Array;
  /** AES-256-GCM: the ciphertext with its 16 byte tag behind it. */
  encrypt(key: Uint8Array, nonce: Uint8Array, associated: Uint8Array, text: Uint8Array): Promise<Uint8Array>;
  /** undefined: not what was encrypted under this key, nonce and associated data. */
  decrypt(
    key: Uint8Array,
    nonce: Uint8Array,
    associated: Uint8Array,
    sealed: Uint8Array,
  ): Promise<Uint8Array | undefined>;
};

/** Bun's hasher, as far as we use it. */
type BunHasher = new (
  algorithm: "sha256",
  key?: Uint8Array,
) => { update(text: string): { digest(): Uint8Array; digest(as: "hex"): string } };
type BunRuntime = { CryptoHasher: BunHasher };

const TAG_BYTES = 16;

/** The runtime's own. `import("node:crypto")` would start Node's loader of ES modules first, another 5 ms. */
export function loadCrypto(): Crypto {
  const { Bun } = globalThis as { Bun?: BunRuntime };
  return Bun ? bunCrypto(Bun) : nodeCrypto(process.getBuiltinModule("node:crypto"));
}

function bunCrypto({ CryptoHasher }: BunRuntime): Crypto {
  return {
    randomHex: (bytes) => Buffer.from(globalThis.crypto.getRandomValues(new Uint8Array(bytes))).toString("hex"),
    sha256: (text) => new CryptoHasher("sha256").update(text).digest("hex"),
    hmacSha256: (key, text) => new CryptoHasher("sha256", key).update(text).digest(),
    ...webCipher(globalThis.crypto.subtle),
  };
}

/** WebCrypto, which both runtimes have. */
export function webCipher(subtle: webcrypto.SubtleCrypto): Pick<Crypto, "encrypt" | "decrypt"> {
  const load = (key: Uint8Array, use: "encrypt" | "decrypt") =>
    subtle.importKey("raw", copy(key), "AES-GCM", false, [use]);
  const parameters = (nonce: Uint8Array, associated: Uint8Array) => ({
    name: "AES-GCM",
    iv: copy(nonce),
    additionalData: copy(associated),
  });
  return {
    encrypt: async (key, nonce, associated, text) =>
      new Uint8Array(await subtle.encrypt(parameters(nonce, associated), await load(key, "encrypt"), copy(text))),
    decrypt: async (key, nonce, associated, sealed) => {
      const loaded = await load(key, "decrypt");
      try {
        return new Uint8Array(await subtle.decrypt(parameters(nonce, associated), loaded, copy(sealed)));
      } catch {
        return undefined;
      }
    },
  };
}

/** A view of its own memory, as the type of WebCrypto's arguments wants it. */
function copy(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}

export function nodeCrypto(node: typeof import("node:crypto")): Crypto {
  return {
    randomHex: (bytes) => node.randomBytes(bytes).toString("hex"),
    sha256: (text) => node.createHash("sha256").update(text).digest("hex"),
    hmacSha256: (key, text) => node.createHmac("sha256", key).update(text).digest(),
    encrypt: async (key, nonce, associated, text) => {
      const cipher = node.createCipheriv("aes-256-gcm", key, nonce).setAAD(associated);
      return Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]);
    },
    decrypt: async (key, nonce, associated, sealed) => {
      const body = sealed.subarray(0, sealed.length - TAG_BYTES);
      const decipher = node
        .createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: TAG_BYTES })
        .setAAD(associated);
      decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
      try {
        return Buffer.concat([decipher.update(body), decipher.final()]);
      } catch {
        return undefined;
      }
    },
  };
}
