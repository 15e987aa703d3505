import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  closeSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import process from "node:process";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readRepositoryFile } from "../../src/account/read-file.ts";
import { BrokerError } from "../../src/errors.ts";
import { type Folder, temporaryFolder, writeTree } from "../fakes/tree.ts";

const UID = process.getuid?.() ?? -1;
const isRoot = UID === 0;
const NOBODY = 65_534;
const MAX = 256 * 1024;

let folder: Folder;
let outside: Folder;
let path: string;
beforeEach(() => {
  folder = temporaryFolder();
  outside = temporaryFolder();
  path = `${folder.path}/account.hcl`;
});
afterEach(() => {
  folder.remove();
  outside.remove();
});

function read(uid = UID, root = folder.path): string | undefined {
  return readRepositoryFile(path, { uid, root, maxBytes: MAX });
}

/** The whole refusal: what is wrong follows the path. */
function expectRefusal(what: string, uid = UID): void {
  let error: unknown;
  try {
    read(uid);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(BrokerError);
  const { code, message, details } = error as BrokerError;
  expect({ code, message, details }).toEqual({
    code: "UNSAFE_FILE",
    message: `${path} ${what}`,
    details: [["try", "make it a regular text file of yours inside the repository, or remove it"]],
  });
}

describe("a regular file", () => {
  it("is read as it is", () => {
    writeFileSync(path, "locals {}\r\n# 生产\n");
    expect(read()).toBe("locals {}\r\n# 生产\n");
  });

  it("may be empty", () => {
    writeFileSync(path, "");
    expect(read()).toBe("");
  });

  it("loses its byte order mark, and only the first", () => {
    writeFileSync(path, "\uFEFF\uFEFFlocals {}");
    expect(read()).toBe("\uFEFFlocals {}");
  });

  it("may be as large as the limit", () => {
    writeFileSync(path, "#".repeat(MAX));
    expect(read()).toHaveLength(MAX);
  });

  it("may have a second name", () => {
    writeFileSync(`${folder.path}/other`, "text");
    linkSync(`${folder.path}/other`, path);
    expect(read()).toBe("text");
  });

  it.skipIf(!isRoot)("may be root's, whoever we are", () => {
    writeFileSync(path, "text");
    expect(read(NOBODY)).toBe("text");
  });

  it.skipIf(!isRoot)("may be anybody's where the platform has no user ids", () => {
    writeFileSync(path, "text");
    chownSync(path, NOBODY, NOBODY);
    expect(read(-1)).toBe("text");
  });
});

describe("no file", () => {
  it("is undefined, so that the search goes on", () => {
    expect(read()).toBeUndefined();
  });
});

describe("something that could hang us is refused at once", () => {
  it("a FIFO without a writer", () => {
    execFileSync("mkfifo", [path]);
    expectRefusal("is not a regular file");
  });

  it("a link to a FIFO", () => {
    execFileSync("mkfifo", [`${folder.path}/fifo`]);
    symlinkSync("fifo", path);
    expectRefusal("is not a regular file");
  });

  it.skipIf(!isRoot)("a device that never ends", () => {
    execFileSync("mknod", [path, "c", "1", "5"]);
    expectRefusal("is not a regular file");
  });

  it("a link to a device", () => {
    symlinkSync("/dev/zero", path);
    expectRefusal(`is a link out of ${folder.path}`);
  });

  it("a folder", () => {
    mkdirSync(path);
    expectRefusal("is not a regular file");
  });

  it("a link to a folder", () => {
    mkdirSync(`${folder.path}/dir`);
    symlinkSync("dir", path);
    expectRefusal("is not a regular file");
  });

  it("100 MB, without reading them", () => {
    const descriptor = openSync(path, "w");
    ftruncateSync(descriptor, 100 * 1024 * 1024);
    closeSync(descriptor);
    const started = performance.now();
    expectRefusal(`has 104857600 bytes, at most ${MAX} are read`);
    expect(performance.now() - started).toBeLessThan(250);
  });

  it("one byte too much", () => {
    writeFileSync(path, "#".repeat(MAX + 1));
    expectRefusal(`has ${MAX + 1} bytes, at most ${MAX} are read`);
  });
});

describe("a link", () => {
  it("inside the repository is followed", () => {
    writeTree(folder.path, { "shared/account.hcl": "text" });
    symlinkSync("shared/account.hcl", path);
    expect(read()).toBe("text");
  });

  it("out of the repository is refused", () => {
    writeTree(outside.path, { "account.hcl": "text" });
    symlinkSync(`${outside.path}/account.hcl`, path);
    expectRefusal(`is a link out of ${folder.path}`);
  });

  it("out of the repository by a relative path and a second link is refused", () => {
    writeTree(outside.path, { "account.hcl": "text" });
    symlinkSync(`${outside.path}/account.hcl`, `${folder.path}/second`);
    symlinkSync("./second", path);
    expectRefusal(`is a link out of ${folder.path}`);
  });

  it("into a folder whose name only begins like the repository's is refused", () => {
    const neighbour = `${folder.path}-other`;
    mkdirSync(neighbour);
    try {
      writeTree(neighbour, { "account.hcl": "text" });
      symlinkSync(`${neighbour}/account.hcl`, path);
      expectRefusal(`is a link out of ${folder.path}`);
    } finally {
      execFileSync("rm", ["-r", neighbour]);
    }
  });

  it("that leads nowhere is refused, and is not the same as no file", () => {
    symlinkSync("nowhere", path);
    expectRefusal("is a link that leads nowhere");
  });

  it("to itself is refused", () => {
    symlinkSync("account.hcl", path);
    expectRefusal("is a link that leads nowhere");
  });

  it("is followed where the root of the walk is the root of the file system", () => {
    writeTree(folder.path, { "shared/account.hcl": "text" });
    symlinkSync("shared/account.hcl", path);
    expect(read(UID, "/")).toBe("text");
  });

  it.skipIf(!isRoot)("to another user's file is refused", () => {
    writeTree(folder.path, { other: "text" });
    chownSync(`${folder.path}/other`, NOBODY, NOBODY);
    symlinkSync("other", path);
    expectRefusal(`belongs to user ${NOBODY}`);
  });
});

describe("a file of the wrong kind", () => {
  it.skipIf(!isRoot)("another user's", () => {
    writeFileSync(path, "text");
    chownSync(path, NOBODY, NOBODY);
    expectRefusal(`belongs to user ${NOBODY}`);
  });

  it.skipIf(!isRoot)("another user's, for a user who is not root", () => {
    writeFileSync(path, "text");
    chownSync(path, NOBODY, NOBODY);
    expectRefusal(`belongs to user ${NOBODY}`, 1000);
  });

  // Root reads everything, whatever the mode says.
  it.skipIf(isRoot)("one that we may not read", () => {
    writeFileSync(path, "text");
    chmodSync(path, 0o000);
    expectRefusal("cannot be read (EACCES)");
  });

  it.skipIf(isRoot)("one in a folder that we may not enter", () => {
    writeTree(folder.path, { "closed/account.hcl": "text" });
    chmodSync(`${folder.path}/closed`, 0o000);
    path = `${folder.path}/closed/account.hcl`;
    try {
      expectRefusal("cannot be read (EACCES)");
    } finally {
      chmodSync(`${folder.path}/closed`, 0o700);
    }
  });

  it.each([
    ["a byte that stands alone", [0x61, 0xff]],
    ["Latin-1", [...Buffer.from("Prüfung", "latin1")]],
    ["UTF-16 with its mark", [...Buffer.from("\uFEFFlocals {}", "utf16le")]],
    ["half a character", [0xe7, 0x94]],
    ["a character in too many bytes", [0xc0, 0xaf]],
    ["half of a surrogate pair", [0xed, 0xa0, 0x80]],
  ])("not UTF-8: %s", (_title, bytes) => {
    writeFileSync(path, Uint8Array.from(bytes));
    expectRefusal("is not UTF-8 text");
  });

  it("has the control characters of its path made visible", () => {
    path = `${folder.path}/a\u001B[2J\nb`;
    mkdirSync(path);
    expect(() => read()).toThrow(String.raw`${folder.path}/a\u{1b}[2J\u{a}b is not a regular file`);
  });
});
