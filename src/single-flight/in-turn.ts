import { BrokerError } from "../errors.ts";
import { ensurePrivateFolder } from "../private-file.ts";
import type { World } from "../types.ts";

/**
 * One process of the user at a time does `what`: asks on the terminal, changes a file that all share. The
 * others wait for their turn. Where no lock can be written, nobody waits: then nothing shared can be either.
 */
export function createTurns(world: Pick<World, "folders" | "uid" | "cwd">): World["inTurn"] {
  return async (what, work) => {
    const folder = world.folders.runtime ?? world.folders.state;
    if (!isWritable(folder, world.uid)) return work();
    const { singleFlight } = await import("./single-flight.ts");
    return singleFlight({
      folder,
      key: what.replace(/\W+/g, "-"),
      what,
      unit: world.cwd,
      find: async () => undefined,
      make: async () => ({ value: await work() }),
      sharesFailure: false,
    });
  };
}

function isWritable(folder: string, uid: number): boolean {
  try {
    ensurePrivateFolder(folder, uid);
    return true;
  } catch (error) {
    if (error instanceof BrokerError && error.code === "CANNOT_WRITE") return false;
    throw error;
  }
}
