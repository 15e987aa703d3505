import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { BrokerError, systemCode } from "./errors.ts";
import { visible } from "./visible.ts";

/** Larger than anything we write; a larger file under one of our names is not ours. */
const MAX_BYTES = 4 * 1024 * 1024;

/**
 * Makes the folder (0700) where it is missing, and refuses one that others could write to or read.
 * Throws UNSAFE_FOLDER, CANNOT_WRITE.
 */
export function ensurePrivateFolder(path: string, uid: number): void {
  if (!lstatSync(path, { throwIfNoEntry: false })) orCannotWrite(path, () => makeFolder(path));
  const folder = lstatSync(path);
  if (!folder.isDirectory()) throw unsafe(path, "is not a folder");
  refuseForeign(path, folder, uid);
}

/** Not `recursive`: under /proc and the like Node 20 never comes back from it. */
function makeFolder(path: string): void {
  const parent = dirname(path);
  if (parent !== path && !lstatSync(parent, { throwIfNoEntry: false })) makeFolder(parent);
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (systemCode(error) !== "EEXIST") throw error; // another process was quicker; the caller looks at what it made
  }
}

/**
 * The bytes of a file that only we can have written, or undefined where there is none.
 * Throws UNSAFE_FOLDER for a link, another user's file, or one that others may read or write.
 */
export function readPrivateFile(path: string, uid: number): Buffer | undefined {
  const descriptor = openOwn(path);
  if (descriptor === undefined) return undefined;
  try {
    const file = fstatSync(descriptor);
    if (!file.isFile() || file.size > MAX_BYTES) throw unsafe(path, "is not a file that hallpass wrote");
    refuseForeign(path, file, uid);
    return readFileSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function openOwn(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    if (systemCode(error) === "ELOOP") throw unsafe(path, "is a link", error);
    if (systemCode(error) === "EACCES") throw unsafe(path, "stands in a folder that is not ours", error);
    throw error;
  }
}

function refuseForeign(path: string, found: Stats, uid: number): void {
  if (uid < 0) return; // Windows: the profile folder's own access list decides.
  if (found.uid !== uid) throw unsafe(path, `belongs to user ${found.uid}, expected ${uid}`);
  if ((found.mode & 0o077) !== 0) throw unsafe(path, "can be read or written by others");
}

function unsafe(path: string, what: string, cause?: unknown): BrokerError {
  return new BrokerError(
    "UNSAFE_FOLDER",
    `${visible(path)} ${what}`,
    [["try", `see who made it and remove it, or name another folder: HALLPASS_STATE_DIR, HALLPASS_RUNTIME_DIR`]],
    cause,
  );
}

/** The old file or the new one, never half of either: temp file, fsync, rename. 0600. Throws CANNOT_WRITE. */
export function writePrivateFile(path: string, bytes: Uint8Array): void {
  const temporary = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}.new`;
  orCannotWrite(path, () => {
    try {
      writeNewFile(temporary, bytes);
      renameSync(temporary, path);
    } finally {
      rmSync(temporary, { force: true });
    }
  });
}

/** A disk that is full or read-only, or a folder that is not ours to write: a refusal with a way out, not a bug. */
function orCannotWrite(path: string, write: () => void): void {
  try {
    write();
  } catch (error) {
    throw new BrokerError(
      "CANNOT_WRITE",
      `${visible(path)} cannot be written (${systemCode(error) ?? "unknown error"})`,
      [["try", "make its folder writable, or set HALLPASS_STATE_DIR and HALLPASS_RUNTIME_DIR to folders that are"]],
      error,
    );
  }
}

/** Writes a file that must not exist yet (O_EXCL also refuses a link), and waits until it is on the disk. */
function writeNewFile(path: string, bytes: Uint8Array): void {
  const descriptor = openSync(path, "wx", 0o600);
  try {
    fchmodSync(descriptor, 0o600); // whatever the umask says
    for (let written = 0; written < bytes.length;) written += writeSync(descriptor, bytes, written);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
