import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { mac, sameMac, seal, sealingKey, unseal } from "../../src/cache/envelope.ts";

const KEY = sealingKey(Buffer.alloc(32, 7));
const NAME = "a".repeat(64);
const TEXT = "canary text, longer than one block of AES";

describe("seal", () => {
  it("comes back under the same name and key", () => {
    expect(unseal(seal(TEXT, NAME, KEY), NAME, KEY)).toEqual({ text: TEXT });
  });

  it("holds nothing readable and is different each time", () => {
    const [one, two] = [seal(TEXT, NAME, KEY), seal(TEXT, NAME, KEY)];
    expect(one.toString("latin1")).not.toContain("canary");
    expect(one.equals(two)).toBe(false);
  });

  it("notices a single flipped bit, wherever it is", () => {
    const sealed = seal(TEXT, NAME, KEY);
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const flipped = Buffer.from(sealed);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      const isKeyId = bit >> 3 >= 4 && bit >> 3 < 12;
      expect(unseal(flipped, NAME, KEY), `bit ${bit}`).toBe(isKeyId ? "unknown-key" : "damaged");
    }
  });

  it("notices every truncation, also to nothing", () => {
    const sealed = seal(TEXT, NAME, KEY);
    for (let length = 0; length < sealed.length; length++)
      expect(unseal(sealed.subarray(0, length), NAME, KEY), `${length} bytes`).toBe("damaged");
  });

  it("does not open in another's place", () => {
    expect(unseal(seal(TEXT, NAME, KEY), "b".repeat(64), KEY)).toBe("damaged");
  });

  it("is a plain miss under another key", () => {
    expect(unseal(seal(TEXT, NAME, KEY), NAME, sealingKey(randomBytes(32)))).toBe("unknown-key");
  });
});

describe("mac", () => {
  it("depends on the text and on the key", () => {
    const other = sealingKey(randomBytes(32));
    expect(sameMac(mac("a", KEY), mac("a", KEY))).toBe(true);
    expect(sameMac(mac("a", KEY), mac("b", KEY))).toBe(false);
    expect(sameMac(mac("a", KEY), mac("a", other))).toBe(false);
    expect(sameMac(mac("a", KEY), "")).toBe(false);
  });
});
