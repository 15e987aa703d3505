import { beforeEach, describe, expect, it } from "vitest";
import { Secret } from "../../src/secret.ts";
import type { Keychain } from "../../src/types.ts";

/** What hallpass relies on in every keychain. `open` gives a second look at what the first wrote: a new process, so to speak. */
export function describeContract(open: () => Keychain): void {
  describe("keeps the contract", () => {
    let keychain: Keychain;
    beforeEach(() => {
      keychain = open();
    });
    const kept = async (item: string): Promise<string | undefined> => (await open().read(item))?.reveal();

    it("reads nothing where nothing was written", async () => {
      expect(await keychain.read("contract/absent")).toBeUndefined();
    });

    it("reads back what was written, and then what was written over it", async () => {
      await keychain.write("contract/item", new Secret("first"));
      expect(await kept("contract/item")).toBe("first");
      await keychain.write("contract/item", new Secret("second"));
      expect(await kept("contract/item")).toBe("second");
    });

    it("removes an item once", async () => {
      await keychain.write("contract/gone", new Secret("secret"));
      expect(await keychain.remove("contract/gone")).toBe(true);
      expect(await kept("contract/gone")).toBeUndefined();
      expect(await keychain.remove("contract/gone")).toBe(false);
    });

    it("has nothing to remove where nothing was written", async () => {
      expect(await keychain.remove("contract/never")).toBe(false);
    });

    it.each([
      ["letters of all kinds", "pässwörd 密码 🔑 \u202e e\u0301"],
      ["quotes, backslashes and line ends", `'"\\\n\r\n\t{}$(id)%s`],
      ["20,000 characters", "0123456789".repeat(2000)],
    ])("keeps %s as they are", async (_what, text) => {
      await keychain.write("contract/text", new Secret(text));
      expect(await kept("contract/text")).toBe(text);
    });

    it("keeps items apart, also where one's name begins with the other's", async () => {
      await keychain.write("contract/a", new Secret("of a"));
      await keychain.write("contract/a/b", new Secret("of a/b"));
      expect(await kept("contract/a")).toBe("of a");
      expect(await keychain.remove("contract/a")).toBe(true);
      expect(await kept("contract/a/b")).toBe("of a/b");
    });

    it("hands out secrets that nobody prints by accident", async () => {
      await keychain.write("contract/shy", new Secret("canary"));
      expect(JSON.stringify({ read: await keychain.read("contract/shy") })).toBe('{"read":"[secret]"}');
    });
  });
}
