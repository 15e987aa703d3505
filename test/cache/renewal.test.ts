import process from "node:process";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createCache } from "../../src/cache/cache.ts";
import { BrokerError } from "../../src/errors.ts";
import { createTurns } from "../../src/single-flight/in-turn.ts";
import type { Cache, CacheEntry } from "../../src/types.ts";
import { fakeKeychain } from "../fakes/keychain.ts";
import { type Folder, temporaryFolder } from "../fakes/tree.ts";

const MINUTE = 60_000;
const ENTRY: CacheEntry<{ text: string; expiresAt: number }> = {
  kind: "role",
  inputs: {},
  what: "the role of prod",
  expiresAt: (value) => new Date(value.expiresAt),
  minRemainingSeconds: 900,
  encode: (value) => value,
  decode: (json) => json as { text: string; expiresAt: number },
};

describe("a session near its end", () => {
  let folder: Folder;
  let cache: Cache;
  let now: number;
  let said: string[];
  const newCache = () => {
    const { path } = folder;
    const outside = {
      folders: { config: path, state: `${path}/state`, runtime: `${path}/run` },
      uid: process.getuid!(),
      cwd: "/live/prod/vpc",
      now: () => new Date(now),
      say: (text: string) => void said.push(text),
      keychain: fakeKeychain(),
    };
    return createCache({ ...outside, inTurn: createTurns(outside) });
  };
  const made = (text: string) => async () => ({ text, expiresAt: now + 60 * MINUTE });
  const get = async (make: () => Promise<{ text: string; expiresAt: number }>) =>
    (await cache.getOrMake(ENTRY, make)).text;

  beforeEach(async () => {
    [folder, now, said] = [temporaryFolder(), Date.now(), []];
    cache = newCache();
    await get(made("first"));
    now += 50 * MINUTE; // ten minutes are left, fifteen are wanted
  });
  afterEach(() => folder.remove());

  it("is renewed by one, while the others go on with it", async () => {
    let release = (): void => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const renewing = get(async () => {
      started();
      await held;
      return made("second")();
    });
    let started = (): void => {};
    await new Promise<void>((resolve) => (started = resolve));
    expect(await get(made("third"))).toBe("first");
    release();
    expect(await renewing).toBe("second");
    expect(await get(made("fourth"))).toBe("second");
  });

  it.each(["STS_UNREACHABLE", "STS_THROTTLED", "STS_BROKEN"] as const)(
    "serves on when the renewal ends with %s, and says so",
    async (code) => {
      expect(await get(() => Promise.reject(new BrokerError(code, "")))).toBe("first");
      expect(said).toEqual([
        "hallpass: the role of prod could not be renewed yet, the one from before is used until its end\n",
      ]);
    },
  );

  it("does not serve on when AWS refuses the renewal", async () => {
    await expect(get(() => Promise.reject(new BrokerError("ROLE_REFUSED", "")))).rejects.toMatchObject({
      code: "ROLE_REFUSED",
    });
  });

  it("is not used in its last minute", async () => {
    now += 9 * MINUTE;
    await expect(get(() => Promise.reject(new BrokerError("STS_UNREACHABLE", "")))).rejects.toMatchObject({
      code: "STS_UNREACHABLE",
    });
  });
});
