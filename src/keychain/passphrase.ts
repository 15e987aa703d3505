import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { BrokerError, systemCode } from "../errors.ts";
import { Secret } from "../secret.ts";
import type { World } from "../types.ts";
import { visible } from "../visible.ts";

type PassphraseWorld = Pick<World, "env" | "uid" | "terminal">;

/**
 * The passphrase of the keychain file: from HALLPASS_PASSPHRASE_FILE, else from the terminal (a new one
 * twice). Never empty. Throws NO_PASSPHRASE, NO_TERMINAL, CANCELLED.
 */
export async function askPassphrase(path: string, isNew: boolean, world: PassphraseWorld): Promise<Secret> {
  const file = world.env["HALLPASS_PASSPHRASE_FILE"] || undefined;
  const text = file === undefined ? await askTerminal(path, isNew, world) : readPassphraseFile(file, world.uid);
  if (text === "") throw noPassphrase("an empty passphrase protects nothing");
  return new Secret(text);
}

async function askTerminal(path: string, isNew: boolean, world: PassphraseWorld): Promise<string> {
  if (!world.terminal.present)
    throw noPassphrase("there is no terminal to ask for the passphrase of the keychain file");
  const text = await world.terminal.ask(`hallpass  passphrase of ${visible(path)}  `, { hidden: true });
  if (!isNew || text === "") return text;
  const again = await world.terminal.ask("hallpass  the same again  ", { hidden: true });
  if (text !== again) throw noPassphrase("the two passphrases differ");
  return text;
}

/** The first line of a file that only its owner can read; `<(…)` and other pipes may hang, so they are refused. */
function readPassphraseFile(path: string, uid: number): string {
  const descriptor = openOrRefuse(path);
  try {
    const file = fstatSync(descriptor);
    if (!file.isFile()) throw noPassphrase(`${visible(path)} is not a regular file`);
    if (uid >= 0 && (file.uid !== uid || (file.mode & 0o077) !== 0))
      throw noPassphrase(`${visible(path)} can be read by others`);
    return readFileSync(descriptor, "utf8").split(/\r?\n/, 1)[0]!;
  } finally {
    closeSync(descriptor);
  }
}

function openOrRefuse(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw noPassphrase(`${visible(path)} cannot be read (${systemCode(error) ?? "unknown error"})`);
  }
}

function noPassphrase(message: string): BrokerError {
  return new BrokerError("NO_PASSPHRASE", message, [
    ["try", "HALLPASS_PASSPHRASE_FILE=<a file of yours with mode 0600>, or run hallpass on a terminal"],
  ]);
}
