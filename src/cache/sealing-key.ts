import type { Crypto } from "../crypto.ts";
import { ensurePrivateFolder, readPrivateFile } from "../private-file.ts";
import { Secret } from "../secret.ts";
import type { World } from "../types.ts";
import { sealingKey, type SealingKey } from "./envelope.ts";

/** The item's name in the keychain, and the file's in the runtime folder. */
export const SEALING_KEY = "sealing-key";
const KEY_BYTES = 32;

export type SealingWorld = Pick<World, "folders" | "uid" | "keychain" | "cwd" | "inTurn">;

/** The copy in memory, or undefined. Free: one small file. */
export function runtimeCopy(world: Pick<World, "folders" | "uid">, crypto: Crypto): SealingKey | undefined {
  if (world.folders.runtime === undefined) return undefined;
  const bytes = readPrivateFile(`${world.folders.runtime}/${SEALING_KEY}`, world.uid);
  return bytes?.length === KEY_BYTES ? sealingKey(bytes, crypto) : undefined;
}

/**
 * The key under which the cache is sealed. It rests in the keychain; on Linux a copy stands in the runtime
 * folder (memory, gone at logout), so that an ordinary call touches no keychain. Made at its first use.
 * Throws what the keychain throws.
 */
export async function loadSealingKey(world: SealingWorld, crypto: Crypto): Promise<SealingKey> {
  const { runtime } = world.folders;
  if (runtime === undefined) return sealingKey(await readOrMake(world), crypto);
  ensurePrivateFolder(runtime, world.uid);
  const { singleFlight } = await import("../single-flight/single-flight.ts");
  return singleFlight({
    folder: runtime,
    key: SEALING_KEY,
    what: "the sealing key of the cache",
    unit: world.cwd,
    find: async () => runtimeCopy(world, crypto),
    make: async () => {
      const bytes = await readOrMake(world);
      return { value: sealingKey(bytes, crypto), publish: bytes };
    },
  });
}

/** In turn, and looked for again: two first calls must not make two keys. */
async function readOrMake({ keychain, inTurn }: SealingWorld): Promise<Uint8Array> {
  return (
    (await readKey(keychain)) ?? inTurn("the sealing key", async () => (await readKey(keychain)) ?? makeKey(keychain))
  );
}

async function readKey(keychain: World["keychain"]): Promise<Uint8Array | undefined> {
  const kept = await keychain.read(SEALING_KEY);
  return kept && Buffer.from(kept.reveal(), "base64");
}

async function makeKey(keychain: World["keychain"]): Promise<Uint8Array> {
  const bytes = globalThis.crypto.getRandomValues(new Uint8Array(KEY_BYTES));
  await keychain.write(SEALING_KEY, new Secret(Buffer.from(bytes).toString("base64")));
  return bytes;
}
