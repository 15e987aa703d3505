import { execFileSync } from "node:child_process";
import { chmodSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { BrokerError, renderError } from "../../src/errors.ts";
import { chooseKeychain } from "../../src/keychain/choose.ts";
import { fileKeychain, type FileKeychainWorld } from "../../src/keychain/file.ts";
import { systemKeychain } from "../../src/keychain/system.ts";
import { Secret } from "../../src/secret.ts";
import { createTurns } from "../../src/single-flight/in-turn.ts";
import type { Keychain, Terminal } from "../../src/types.ts";
import { BUILDS, makeRig, startProgram } from "../e2e/rig.ts";
import { type Keyring, MISSING_TOOLS, startKeyring } from "../fakes/bus.ts";
import { fakeKeychain } from "../fakes/keychain.ts";
import { type Folder, temporaryFolder } from "../fakes/tree.ts";
import { describeContract } from "./contract.ts";

const NOBODY: Terminal = { present: false, ask: () => Promise.reject(new TypeError("nobody was to be asked")) };

/** The whole text that a person would see of a failure. */
async function refusal(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(BrokerError);
  return renderError(error, "test");
}

describe("a keychain in memory", () => {
  const keychain = fakeKeychain();
  describeContract(() => keychain);
});

describe("the keychain file", () => {
  let folder: Folder;
  let passphraseFile: string;
  let path: string;

  beforeEach(() => {
    folder = temporaryFolder();
    path = join(folder.path, "state/keychain.sealed");
    passphraseFile = join(folder.path, "passphrase");
    writePassphrase("canary passphrase\n");
  });
  afterEach(() => folder.remove());

  const writePassphrase = (text: string, mode = 0o600): void => {
    writeFileSync(passphraseFile, text);
    chmodSync(passphraseFile, mode);
  };
  const open = (changes: Partial<FileKeychainWorld> = {}): Keychain => {
    const folders = { config: "/nowhere", state: join(folder.path, "state"), runtime: join(folder.path, "run") };
    const uid = process.getuid!();
    return fileKeychain({
      env: { HALLPASS_PASSPHRASE_FILE: passphraseFile },
      folders,
      uid,
      terminal: NOBODY,
      inTurn: createTurns({ folders, uid, cwd: "/" }),
      ...changes,
    });
  };
  const noPassphrase = (why: string): string => `hallpass: ${why}
  try  HALLPASS_PASSPHRASE_FILE=<a file of yours with mode 0600>, or run hallpass on a terminal
`;
  const wrongPassphrase = (): string => `hallpass: the passphrase does not open the keychain file
  file  ${path}
  try   the passphrase that was given at hallpass login; if it is right, the file was changed: remove it and log in again
`;
  const damaged = (): string => `hallpass: the keychain file is not one that hallpass wrote
  file  ${path}
  try   restore it from a backup, or remove it and run: hallpass login
`;

  describeContract(open);

  it("asks for no passphrase while there is no file", async () => {
    const keychain = open({ env: {} });
    expect(await keychain.read("item")).toBeUndefined();
    expect(await keychain.remove("item")).toBe(false);
  });

  it("is only for its owner, and holds neither secret, name nor passphrase in the open", async () => {
    await open().write("base/default/1", new Secret("canary secret"));
    const bytes = readFileSync(path);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(["canary", "base", "default", "secret"].filter((word) => bytes.includes(word))).toEqual([]);
  });

  it("is sealed anew each time: the same content never gives the same bytes", async () => {
    const keychain = open();
    await keychain.write("item", new Secret("same"));
    const first = readFileSync(path);
    await keychain.write("item", new Secret("same"));
    const second = readFileSync(path);
    expect(second.length).toBe(first.length);
    // nonce, tag and ciphertext; a nonce used twice under one key would give both contents away
    for (const [from, to] of [
      [20, 32],
      [32, 48],
      [48, first.length],
    ] as const)
      expect(second.subarray(from, to).equals(first.subarray(from, to))).toBe(false);
  });

  it("of two users with the same passphrase has keys that differ: each has a salt of its own", async () => {
    const saltOfNewFile = async (): Promise<string> => {
      rmSync(path, { force: true });
      await open().write("item", new Secret("same"));
      return readFileSync(path).subarray(4, 20).toString("hex");
    };
    expect(await saltOfNewFile()).not.toBe(await saltOfNewFile());
  });

  it("keeps what two processes write at the same time", async () => {
    await open().write("before", new Secret("0"));
    await Promise.all(["one", "two", "three"].map((item) => open().write(item, new Secret(item))));
    const names = ["before", "one", "two", "three"];
    const all = await Promise.all(names.map(async (name) => (await open().read(name))?.reveal()));
    expect(all).toEqual(["0", "one", "two", "three"]);
  });

  describe("the passphrase", () => {
    it("that is wrong opens nothing and overwrites nothing", async () => {
      await open().write("item", new Secret("secret"));
      const before = readFileSync(path);
      writePassphrase("another\n");
      expect(await refusal(open().read("item"))).toBe(wrongPassphrase());
      expect(await refusal(open().write("item", new Secret("new")))).toBe(wrongPassphrase());
      expect(await refusal(open().remove("item"))).toBe(wrongPassphrase());
      expect(readFileSync(path).equals(before)).toBe(true);
    });

    it("is the file's first line, whatever ends it, in whatever form its letters are written", async () => {
      writePassphrase("caf\u00e9 \r\nsecond line");
      await open().write("item", new Secret("secret"));
      writePassphrase("cafe\u0301 ");
      expect((await open().read("item"))?.reveal()).toBe("secret");
      writePassphrase("caf\u00e9");
      expect(await refusal(open().read("item"))).toBe(wrongPassphrase());
    });

    it.each(["", "\n", "\r\n", "\nsecond line"])("is never empty: %j", async (text) => {
      writePassphrase(text);
      expect(await refusal(open().write("item", new Secret("secret")))).toBe(
        noPassphrase("an empty passphrase protects nothing"),
      );
    });

    it.each(["640", "604", "620", "602"])("is not taken from a file that others can use (mode %s)", async (mode) => {
      writePassphrase("canary\n", Number.parseInt(mode, 8));
      expect(await refusal(open().write("item", new Secret("secret")))).toBe(
        noPassphrase(`${passphraseFile} can be read by others`),
      );
    });

    it.runIf(process.getuid!() === 0)("is not taken from another user's file", async () => {
      execFileSync("chown", ["65534", passphraseFile]);
      expect(await refusal(open().write("item", new Secret("secret")))).toBe(
        noPassphrase(`${passphraseFile} can be read by others`),
      );
    });

    // In a process of its own: one that waited for the FIFO's writer could not even be told to stop.
    it.each(BUILDS)("is not taken from a FIFO, and nobody waits for its writer, $build", async (build) => {
      const fifo = join(folder.path, "fifo");
      execFileSync("mkfifo", ["-m", "600", fifo]);
      const rig = await makeRig(build);
      const stdin = `${rig.ana.accessKeyId}\n${rig.ana.secretAccessKey}\n`;
      const env = { HALLPASS_PASSPHRASE_FILE: fifo };
      const ended = await rig.run(["login", "--stdin"], { env, stdin, limitMs: 10_000 });
      await rig.end();
      const stderr = noPassphrase(`${fifo} is not a regular file`);
      expect(ended).toEqual({ status: 1, signal: null, stdout: "", stderr });
    });

    it.each([
      ["missing", "no-such-file", "cannot be read (ENOENT)"],
      ["a folder", ".", "is not a regular file"],
    ])("is not taken from what is %s", async (_what, name, why) => {
      const file = join(folder.path, name);
      const keychain = open({ env: { HALLPASS_PASSPHRASE_FILE: file } });
      expect(await refusal(keychain.write("item", new Secret("secret")))).toBe(noPassphrase(`${file} ${why}`));
    });

    it("is asked for on a terminal: twice for a new file, then once, and once for all of a process", async () => {
      const questions: string[] = [];
      const person = (answers: string[]): Terminal => ({
        present: true,
        ask: async (question, options) => {
          questions.push(`${question}${options?.hidden ? "(hidden)" : "(shown)"}`);
          return answers.shift() ?? "no more answers";
        },
      });
      const first = open({ env: {}, terminal: person(["typed", "typed"]) });
      await first.write("one", new Secret("1"));
      await first.write("two", new Secret("2"));
      const again = open({ env: {}, terminal: person(["typed"]) });
      expect((await again.read("one"))?.reveal()).toBe("1");
      expect(await again.remove("two")).toBe(true);
      const question = `hallpass  passphrase of ${path}  (hidden)`;
      expect(questions).toEqual([question, "hallpass  the same again  (hidden)", question]);
    });

    it("is refused where the two answers differ", async () => {
      const answers = ["one", "other"];
      const terminal: Terminal = { present: true, ask: async () => answers.shift()! };
      expect(await refusal(open({ env: {}, terminal }).write("item", new Secret("secret")))).toBe(
        noPassphrase("the two passphrases differ"),
      );
    });

    it("cannot be asked for without a terminal", async () => {
      await open().write("item", new Secret("secret"));
      expect(await refusal(open({ env: {} }).read("item"))).toBe(
        noPassphrase("there is no terminal to ask for the passphrase of the keychain file"),
      );
    });
  });

  describe("that was changed", () => {
    let sealed: Buffer;
    beforeEach(async () => {
      await open().write("item", new Secret("secret"));
      sealed = readFileSync(path);
    });
    const flipped = (at: number): Buffer => {
      const bytes = Buffer.from(sealed);
      bytes[at]! ^= 1;
      return bytes;
    };

    it("is opened as long as it was not: the next tests change one thing", async () => {
      writeFileSync(path, sealed);
      expect((await open().read("item"))?.reveal()).toBe("secret");
    });

    it.each([
      ["magic, first byte", 0],
      ["magic, last byte", 3],
    ])("by one bit in the %s, is not ours", async (_region, at) => {
      writeFileSync(path, flipped(at));
      expect(await refusal(open().read("item"))).toBe(damaged());
    });

    it.each([
      ["salt", 4],
      ["salt, last byte", 19],
      ["nonce", 20],
      ["nonce, last byte", 31],
      ["tag", 32],
      ["tag, last byte", 47],
      ["ciphertext", 48],
      ["ciphertext, last byte", -1],
    ])("by one bit in the %s, does not open", async (_region, at) => {
      writeFileSync(path, flipped(at < 0 ? sealed.length + at : at));
      expect(await refusal(open().read("item"))).toBe(wrongPassphrase());
    });

    it.each([0, 3, 4, 47])("by cutting it to %i bytes, is not ours", async (length) => {
      writeFileSync(path, sealed.subarray(0, length));
      expect(await refusal(open().read("item"))).toBe(damaged());
    });

    it.each([48, -1])("by cutting it to %i bytes, does not open", async (length) => {
      writeFileSync(path, sealed.subarray(0, length));
      expect(await refusal(open().read("item"))).toBe(wrongPassphrase());
    });

    it("by a byte more, does not open", async () => {
      writeFileSync(path, Buffer.concat([sealed, Buffer.from([0])]));
      expect(await refusal(open().read("item"))).toBe(wrongPassphrase());
    });

    it("is never written over: what it holds may still be saved", async () => {
      const bytes = flipped(0);
      writeFileSync(path, bytes);
      expect(await refusal(open().write("new", new Secret("new")))).toBe(damaged());
      expect(readFileSync(path).equals(bytes)).toBe(true);
    });
  });

  it("that others can read is refused", async () => {
    await open().write("item", new Secret("secret"));
    chmodSync(path, 0o644);
    expect(await refusal(open().read("item"))).toBe(`hallpass: ${path} can be read or written by others
  try  see who made it and remove it, or name another folder: HALLPASS_STATE_DIR, HALLPASS_RUNTIME_DIR
`);
  });

  // The size limit is what a full disk looks like to a program, whoever runs the tests.
  it.each(BUILDS)("that cannot be written stays as it was, $build", async (build) => {
    const rig = await makeRig(build);
    try {
      await rig.login();
      const file = join(rig.state, "keychain.sealed");
      const before = readFileSync(file);
      const args = ["-c", 'ulimit -f 0; exec "$@"', "sh", ...build.command, "login", "second", "--stdin"];
      const keys = `${rig.ana.accessKeyId}\n${rig.ana.secretAccessKey}\n`;
      const ended = await startProgram(["sh", ...args], { env: rig.env, cwd: rig.live, stdin: keys }).ended;
      const stderr = `hallpass: ${file} cannot be written (EFBIG)
  try  make its folder writable, or set HALLPASS_STATE_DIR and HALLPASS_RUNTIME_DIR to folders that are
`;
      expect(ended).toEqual({ status: 1, signal: null, stdout: "", stderr });
      expect(readFileSync(file).equals(before)).toBe(true);
      expect(
        rig
          .files()
          .map(({ path: name }) => basename(name))
          .toSorted(),
      ).toEqual(["bases.json", "keychain.sealed"]);
    } finally {
      await rig.end();
    }
  });
});

describe.skipIf(MISSING_TOOLS.length > 0)(
  `the keychain of the system (missing here: ${MISSING_TOOLS.join() || "nothing"})`,
  () => {
    let keyring: Keyring;
    beforeAll(async () => {
      keyring = await startKeyring();
    });
    afterAll(() => keyring.end());

    describe.each(BUILDS)("through $build", ({ command }) => {
      const open = (): Keychain => systemKeychain({ env: keyring.env, platform: "linux", self: command });
      describeContract(open);

      it("reads the same item right for thirty at once", async () => {
        await open().write("many", new Secret("the secret of all"));
        const all = await Promise.all(Array.from({ length: 30 }, () => open().read("many")));
        expect(new Set(all.map((secret) => secret?.reveal()))).toEqual(new Set(["the secret of all"]));
      });

      it("leaves no items of its own", async () => {
        await open().write("only", new Secret("1"));
        await open().remove("never-there");
        expect(Object.keys(await keyring.items())).not.toContain("probe");
      });
    });
  },
);

describe("a helper process that fails", () => {
  const open = (self: readonly [string, ...string[]], platform: NodeJS.Platform = "linux"): Keychain =>
    systemKeychain({ env: { PATH: process.env["PATH"] }, platform, self });

  it.each([
    ["cannot be started", ["/no/such/program"], "the helper process could not be started"],
    ["says nothing", ["true"], "the helper process ended without an answer"],
    ["says something else", ["echo"], "the helper process ended without an answer"],
  ] as const)("because it %s", async (_why, self, says) => {
    const text = `hallpass: the login keychain (Secret Service) cannot be used
  it says  ${says}
  try      start a Secret Service (gnome-keyring, KWallet, KeePassXC) in this session
  or       HALLPASS_KEYCHAIN=file hallpass login   (a file sealed with a passphrase)
`;
    expect(await refusal(open(self).read("item"))).toBe(text);
    expect(await refusal(open(self).write("item", new Secret("secret")))).toBe(text);
    expect(await refusal(open(self).remove("item"))).toBe(text);
  });

  it.each([
    ["darwin", "the macOS Keychain"],
    ["win32", "the Windows Credential Manager"],
  ] as const)("is named for what it is on %s", async (platform, name) => {
    expect(await refusal(open(["true"], platform).read("item"))).toBe(`hallpass: ${name} cannot be used
  it says  the helper process ended without an answer
  try      check the system keychain
  or       HALLPASS_KEYCHAIN=file hallpass login   (a file sealed with a passphrase)
`);
  });
});

describe("HALLPASS_KEYCHAIN", () => {
  const choose = (chosen: string | undefined): Keychain =>
    chooseKeychain({
      env: { HALLPASS_KEYCHAIN: chosen },
      folders: { config: "/c", state: "/s", runtime: undefined },
      uid: 0,
      terminal: NOBODY,
      inTurn: (_what, work) => work(),
      platform: "linux",
      self: ["true"],
    });

  it("names one; without it the system's own is taken", () => {
    expect(choose("file")).toMatchObject({ backend: "file", describe: "/s/keychain.sealed" });
    const system = { backend: "system", describe: "the login keychain (Secret Service)" };
    expect([undefined, "auto", "system"].map(choose)).toMatchObject([system, system, system]);
  });

  it.each(["", "File", "keytar"])("refuses %j", async (word) => {
    expect(await refusal((async () => choose(word))())).toBe(`hallpass: HALLPASS_KEYCHAIN is not a keychain
  expected  auto, system or file
  try       unset HALLPASS_KEYCHAIN
`);
  });
});
