import * as node from "node:crypto";
import { describe, expect, it } from "vitest";
import { nodeCrypto, webCipher } from "../src/crypto.ts";

const [KEY, NONCE, ASSOCIATED] = [Buffer.alloc(32, 1), Buffer.alloc(12, 2), Buffer.from("name")] as const;
const TEXT = Buffer.from("text");
const ciphers = [nodeCrypto(node), webCipher(globalThis.crypto.subtle)] as const;

describe("the two ciphers", () => {
  it("read each other's bytes", async () => {
    for (const one of ciphers)
      for (const other of ciphers) {
        const sealed = await one.encrypt(KEY, NONCE, ASSOCIATED, TEXT);
        expect(Buffer.from((await other.decrypt(KEY, NONCE, ASSOCIATED, sealed))!)).toEqual(TEXT);
      }
  });

  it("open nothing that was changed, cut, or is another's", async () => {
    for (const cipher of ciphers) {
      const sealed = await cipher.encrypt(KEY, NONCE, ASSOCIATED, TEXT);
      expect(await cipher.decrypt(KEY, NONCE, Buffer.from("other"), sealed)).toBeUndefined();
      expect(await cipher.decrypt(Buffer.alloc(32, 9), NONCE, ASSOCIATED, sealed)).toBeUndefined();
      expect(await cipher.decrypt(KEY, Buffer.alloc(12, 9), ASSOCIATED, sealed)).toBeUndefined();
      expect(await cipher.decrypt(KEY, NONCE, ASSOCIATED, sealed.subarray(0, -1))).toBeUndefined();
      expect(await cipher.decrypt(KEY, NONCE, ASSOCIATED, sealed.subarray(0, 16))).toBeUndefined();
    }
  });
});

describe("the hashes", () => {
  it("are those of the standards (FIPS 180-4 and RFC 4231, test case 2)", () => {
    const hashes = nodeCrypto(node);
    expect(hashes.sha256("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect(Buffer.from(hashes.hmacSha256(Buffer.from("Jefe"), "what do ya want for nothing?")).toString("hex")).toBe(
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    );
  });
});
