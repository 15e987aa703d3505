import { chownSync, existsSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import process from "node:process";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { clearFolder, listSessions } from "../../src/cache/contents.ts";
import { fileName, noteUse, readEntry, sealEntry, type Store } from "../../src/cache/entry.ts";
import { sealingKey } from "../../src/cache/envelope.ts";
import { loadCrypto } from "../../src/crypto.ts";
import { ensurePrivateFolder, writePrivateFile } from "../../src/private-file.ts";
import type { CacheEntry } from "../../src/types.ts";
import { type Folder, temporaryFolder } from "../fakes/tree.ts";

type Value = { text: string; expiresAt: number };
const NOON = Date.parse("2026-11-21T12:00:00Z");
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const crypto = loadCrypto();

let folder: Folder;
let store: Store;
let now: number;
let said: string[];
beforeEach(() => {
  [folder, now, said] = [temporaryFolder(), NOON, []];
  const world = {
    uid: process.getuid!(),
    cwd: "/live/prod/vpc",
    now: () => new Date(now),
    say: (text: string) => void said.push(text),
  };
  store = { folder: `${folder.path}/cache`, key: sealingKey(Buffer.alloc(32, 7), crypto), crypto, world };
});
afterEach(() => folder.remove());

async function writeEntry(of: CacheEntry<Value>, value: Value, into: Store): Promise<void> {
  ensurePrivateFolder(into.folder, into.world.uid);
  writePrivateFile(`${into.folder}/${fileName(of, into)}`, await sealEntry(of, value, into));
}

const entry = (account = "prod"): CacheEntry<Value> => ({
  kind: "role",
  inputs: { account },
  what: `the role of ${account}`,
  expiresAt: (value) => new Date(value.expiresAt),
  minRemainingSeconds: 900,
  encode: (value) => value,
  decode: (json) => json as Value,
});
const fileOf = (account = "prod") => `${store.folder}/${fileName(entry(account), store)}`;
const write = (lifetime = HOUR, account = "prod") =>
  writeEntry(entry(account), { text: account, expiresAt: now + lifetime }, store);
const read = async (account = "prod") => (await readEntry(entry(account), store))?.text;

describe("an entry", () => {
  it.each([
    ["at once", HOUR, 0, "prod"],
    ["with 15 minutes and a second left", HOUR, 45 * MINUTE - 1000, "prod"],
    ["with 15 minutes left, no more", HOUR, 45 * MINUTE, undefined],
    ["of 15 minutes, with a third and a second left", 15 * MINUTE, 10 * MINUTE - 1000, "prod"],
    ["of 15 minutes, with a third left, no more", 15 * MINUTE, 10 * MINUTE, undefined],
    ["after its end", HOUR, 2 * HOUR, undefined],
    ["when the clock went back by an hour", HOUR, -HOUR, undefined],
  ])("%s", async (_when, lifetime, later, expected) => {
    await write(lifetime);
    now += later;
    expect(await read()).toBe(expected);
  });

  it("is no other's", async () => {
    await write();
    expect(await read("dev")).toBeUndefined();
    expect(said).toEqual([]);
  });

  it("sealed under a key that is gone is a plain miss, and is written over", async () => {
    await write();
    store = { ...store, key: sealingKey(Buffer.alloc(32, 8), crypto) };
    expect([await read(), said]).toEqual([undefined, []]);
    await write();
    expect(await read()).toBe("prod");
  });
});

describe("a file that is not as we wrote it is set aside, said, and never used:", () => {
  const sayings = () => [
    `hallpass: a cached answer is not as hallpass wrote it, and is not used; it stands at ${fileOf()}.damaged now\n`,
  ];
  const change = (how: (bytes: Buffer) => Buffer) => writeFileSync(fileOf(), how(readFileSync(fileOf())));

  it.each<[string, () => Promise<void> | void]>([
    ["a flipped bit", () => change((bytes) => ((bytes[bytes.length - 1]! ^= 1), bytes))],
    ["a truncation", () => change((bytes) => bytes.subarray(0, -1))],
    ["nothing at all", () => change(() => Buffer.alloc(0))],
    [
      "another entry's file in its place",
      async () => {
        await write(HOUR, "dev");
        renameSync(fileOf("dev"), fileOf());
      },
    ],
    [
      "a link",
      () => {
        renameSync(fileOf(), `${fileOf()}.moved`);
        symlinkSync(`${fileOf()}.moved`, fileOf());
      },
    ],
  ])("%s", async (_what, tamper) => {
    await write();
    await tamper();
    expect(await read()).toBeUndefined();
    expect(said).toEqual(sayings());
    expect(existsSync(fileOf())).toBe(false);
    await write();
    expect(await read()).toBe("prod");
  });

  it.skipIf(process.getuid!() !== 0)("another user's file (needs root)", async () => {
    await write();
    chownSync(fileOf(), 65_534, 65_534);
    expect(await read()).toBeUndefined();
    expect(said).toEqual(sayings());
  });
});

describe("the contents", () => {
  it("are sessions with their ends and who used them last; account files are none", async () => {
    await write(2 * HOUR, "dev");
    await write(HOUR, "prod");
    await writeEntry({ ...entry("x"), kind: "account" }, { text: "x", expiresAt: NOON }, store);
    noteUse(entry("prod"), store);
    expect(await listSessions(store)).toEqual([
      {
        kind: "role",
        what: "the role of prod",
        madeAt: new Date(NOON),
        expiresAt: new Date(NOON + HOUR),
        usedBy: "/live/prod/vpc",
        usedAt: expect.any(Date) as Date,
      },
      { kind: "role", what: "the role of dev", madeAt: new Date(NOON), expiresAt: new Date(NOON + 2 * HOUR) },
    ]);
  });

  it("are gone after clearing, notes and damaged ones too", async () => {
    await write();
    noteUse(entry(), store);
    writeFileSync(`${fileOf()}.damaged`, "");
    expect(clearFolder(store.folder)).toBe(1);
    expect(readdirSync(store.folder)).toEqual([]);
  });
});
