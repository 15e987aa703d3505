import { randomBytes } from "node:crypto";
import { ensurePrivateFolder, readPrivateFile } from "../private-file.ts";
import { Secret } from "../secret.ts";
import type { World } from "../types.ts";
import { sealingKey, type SealingKey } from "./envelope.ts";
import { singleFlight } from "./single-flight.ts";

/** The item's name in the keychain, and the file's in the runtime folder. */
export const SEALING_KEY = "sealing-key";

/**
 * The key under which the cache is sealed. It rests in the keychain; on Linux a copy stands in the runtime
 * folder (memory, gone at logout), so that an ordinary call touches no keychain. Made at its first use.
 * Throws what the keychain throws.
 */
export async function loadSealingKey(world: SealingWorld): Promise<SealingKey> {
  const { runtime } = world.folders;
  if (runtime === undefined) return sealingKey(await readOrMake(world.keychain));
  return runtimeCopy(world) ?? sharedCopy(runtime, world);
}

export type SealingWorld = Pick<World, "folders" | "uid" | "keychain" | "cwd">;

/** The copy in memory, or undefined. Free: one small file. */
export function runtimeCopy(world: Pick<World, "folders" | "uid">): SealingKey | undefined {
  if (world.folders.runtime === undefined) return undefined;
  const bytes = readPrivateFile(`${world.folders.runtime}/${SEALING_KEY}`, world.uid);
  return bytes?.length === 32 ? sealingKey(bytes) : undefined;
}

async function sharedCopy(runtime: string, world: SealingWorld): Promise<SealingKey> {
  ensurePrivateFolder(runtime, world.uid);
  return singleFlight({
    folder: runtime,
    key: SEALING_KEY,
    what: "the sealing key of the cache",
    unit: world.cwd,
    find: async () => runtimeCopy(world),
    make: async () => {
      const bytes = await readOrMake(world.keychain);
      return { value: sealingKey(bytes), publish: bytes };
    },
  });
}

async function readOrMake(keychain: World["keychain"]): Promise<Buffer> {
  const kept = await keychain.read(SEALING_KEY);
  if (kept) return Buffer.from(kept.reveal(), "base64");
  const bytes = randomBytes(32);
  await keychain.write(SEALING_KEY, new Secret(bytes.toString("base64")));
  return bytes;
}
