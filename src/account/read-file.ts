import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync, realpathSync, type Stats } from "node:fs";
import { BrokerError, systemCode } from "../errors.ts";
import { visible } from "../visible.ts";

/** What a file of the repository must be before we read a byte of it. */
export type Rules = { uid: number; root: string; maxBytes: number };

/**
 * The text of a regular file, or undefined where there is none. A byte order mark is dropped.
 *
 * Throws UNSAFE_FILE for anything that could hang us (a FIFO, a device), that another user can rewrite,
 * that a link takes out of the repository, that is too large, or that is not UTF-8: the file is there,
 * so looking further up would be a guess.
 */
export function readRepositoryFile(path: string, rules: Rules): string | undefined {
  const found = lookAt(path);
  if (found === undefined) return undefined;
  if (found.isSymbolicLink()) refuseLinkOutOf(path, rules.root);
  else if (!found.isFile()) throw unsafe(path, "is not a regular file");
  return decode(path, readChecked(path, rules));
}

/** A folder that we may not enter could hold the file: that is not the same as no file. */
function lookAt(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw unsafe(path, `cannot be read (${systemCode(error) ?? "unknown error"})`, error);
  }
}

function refuseLinkOutOf(path: string, root: string): void {
  const real = realPath(path);
  if (real === undefined) throw unsafe(path, "is a link that leads nowhere");
  if (!real.startsWith(root === "/" ? root : `${root}/`)) throw unsafe(path, `is a link out of ${root}`);
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

/** Checks the open file, not its name: what stands under the name may change between two looks. */
function readChecked(path: string, rules: Rules): Buffer {
  const descriptor = openWithoutWaiting(path);
  try {
    const file = fstatSync(descriptor);
    if (!file.isFile()) throw unsafe(path, "is not a regular file");
    if (rules.uid >= 0 && file.uid !== rules.uid && file.uid !== 0) throw unsafe(path, `belongs to user ${file.uid}`);
    if (rules.uid >= 0 && (file.mode & 0o002) !== 0) throw unsafe(path, "can be written by everybody");
    if (file.size > rules.maxBytes) throw unsafe(path, `has ${file.size} bytes, at most ${rules.maxBytes} are read`);
    return readFileSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** O_NONBLOCK: opening a FIFO that has no writer would wait for ever. */
function openWithoutWaiting(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (error) {
    throw unsafe(path, `cannot be read (${systemCode(error) ?? "unknown error"})`, error);
  }
}

function decode(path: string, bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw unsafe(path, "is not UTF-8 text", error);
  }
}

function unsafe(path: string, what: string, cause?: unknown): BrokerError {
  return new BrokerError(
    "UNSAFE_FILE",
    `${visible(path)} ${what}`,
    [["try", "make it a regular text file of yours inside the repository, or remove it"]],
    cause,
  );
}
