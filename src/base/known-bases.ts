import { BrokerError } from "../errors.ts";
import { ensurePrivateFolder, readPrivateFile, writePrivateFile } from "../private-file.ts";
import type { KeychainBackend, World } from "../types.ts";
import { visible } from "../visible.ts";

/**
 * What login learned about the keys that it put into the keychain. None of it is secret: it lets every
 * later call name the identity without opening the keychain.
 */
export type KnownBase = {
  /** The keychain's item. */
  item: string;
  backend: KeychainBackend;
  accountId: string;
  principalArn: string;
  /** Random, new at each login: the sessions of earlier keys are never used for later ones. */
  generation: string;
  /** RFC 3339. */
  storedAt: string;
};

export type KnownBases = Readonly<Record<string, KnownBase>>;

type BasesWorld = Pick<World, "folders" | "uid">;

/** Base names are file and item names too, so they are kept plain. */
export const BASE_NAME = /^[\w.-]{1,64}$/;

function basesPath(world: BasesWorld): string {
  return `${world.folders.state}/bases.json`;
}

/** All bases by name; empty where nobody has logged in. Throws UNSAFE_FOLDER, KEYCHAIN_DAMAGED. */
export function readKnownBases(world: BasesWorld): KnownBases {
  const path = basesPath(world);
  const bytes = readPrivateFile(path, world.uid);
  if (!bytes) return Object.create(null) as KnownBases;
  try {
    const { bases } = JSON.parse(bytes.toString("utf8")) as { bases: Record<string, KnownBase> };
    return Object.assign(Object.create(null) as Record<string, KnownBase>, bases); // a name may be "constructor"
  } catch (error) {
    const tries = [["try", "remove it and run: hallpass login   (the keychain is not touched)"]] as const;
    throw new BrokerError("KEYCHAIN_DAMAGED", `${visible(path)} is not what hallpass wrote`, tries, error);
  }
}

/** Changes the list in one turn: two logins at once must not lose one of their names. */
export async function changeKnownBases(
  change: (bases: KnownBases) => KnownBases,
  world: BasesWorld & Pick<World, "inTurn">,
): Promise<void> {
  await world.inTurn("the list of logins", async () => {
    const bases = change(readKnownBases(world));
    ensurePrivateFolder(world.folders.state, world.uid);
    writePrivateFile(basesPath(world), Buffer.from(`${JSON.stringify({ version: 1, bases }, undefined, 2)}\n`));
  });
}

/** Throws BASE_WRONG_KIND: keys that are kept in one keychain are not looked for, replaced or removed in the other. */
export function refuseOtherKeychain(name: string, known: KnownBase, { keychain }: Pick<World, "keychain">): void {
  if (known.backend === keychain.backend) return;
  throw new BrokerError("BASE_WRONG_KIND", `the keys of "${name}" are kept in another keychain`, [
    ["kept in", `the ${known.backend} keychain`],
    ["chosen", `the ${keychain.backend} keychain (HALLPASS_KEYCHAIN)`],
    ["try", `HALLPASS_KEYCHAIN=${known.backend} for this command`],
  ]);
}
