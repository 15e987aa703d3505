import { describe, expect, it } from "vitest";
import { mac, sameMac, seal, sealingKey, unseal } from "../../src/cache/envelope.ts";
import { loadCrypto } from "../../src/crypto.ts";

const CRYPTO = loadCrypto();
const KEY = sealingKey(Buffer.alloc(32, 7), CRYPTO);
const OTHER_KEY = sealingKey(Buffer.alloc(32, 8), CRYPTO);
const NAME = "a".repeat(64);
const TEXT = "canary text, longer than one block of AES";
const sealed = () => seal(TEXT, NAME, KEY, CRYPTO);
const unsealed = (bytes: Uint8Array, key = KEY) => unseal(bytes, key, CRYPTO);

describe("seal", () => {
  it("comes back under the same key, with its name", async () => {
    expect(await unsealed(await sealed())).toEqual({ text: TEXT, name: NAME });
  });

  it("holds nothing readable and is different each time", async () => {
    const [one, two] = [Buffer.from(await sealed()), await sealed()];
    expect(one.toString("latin1")).not.toContain("canary");
    expect(one.equals(two)).toBe(false);
  });

  it("notices a single flipped bit, wherever it is", async () => {
    const whole = await sealed();
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const flipped = Buffer.from(whole);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      const isKeyId = bit >> 3 >= 4 && bit >> 3 < 12;
      expect(await unsealed(flipped), `bit ${bit}`).toBe(isKeyId ? "unknown-key" : "damaged");
    }
  });

  it("notices every truncation, also to nothing", async () => {
    const whole = await sealed();
    for (let length = 0; length < whole.length; length++)
      expect(await unsealed(whole.subarray(0, length)), `${length} bytes`).toBe("damaged");
  });

  it("says under which name it was sealed, and the name cannot be changed", async () => {
    const renamed = Buffer.from(await sealed());
    renamed.fill(0xbb, 12, 44);
    expect(await unsealed(renamed)).toBe("damaged");
  });

  it("is a plain miss under another key", async () => {
    expect(await unsealed(await sealed(), OTHER_KEY)).toBe("unknown-key");
  });
});

describe("mac", () => {
  it("depends on the text and on the key", () => {
    const of = (text: string, key = KEY) => mac(text, key, CRYPTO);
    expect(sameMac(of("a"), of("a"))).toBe(true);
    expect(sameMac(of("a"), of("b"))).toBe(false);
    expect(sameMac(of("a"), of("a", OTHER_KEY))).toBe(false);
    expect(sameMac(of("a"), "")).toBe(false);
  });
});
