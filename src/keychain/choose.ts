import { BrokerError } from "../errors.ts";
import type { Keychain, World } from "../types.ts";
import { fileKeychain, type FileKeychainWorld } from "./file.ts";
import { systemKeychain, type SystemKeychainWorld } from "./system.ts";

/**
 * The keychain that HALLPASS_KEYCHAIN names: `system`, `file`, or `auto` (the default), which is the
 * platform's own. A keychain that is missing is an error when it is used, never a reason to take the other.
 * Throws USAGE for another word.
 */
export function chooseKeychain(world: SystemKeychainWorld & FileKeychainWorld & Pick<World, "env">): Keychain {
  const chosen = world.env["HALLPASS_KEYCHAIN"] ?? "auto";
  if (chosen === "file") return fileKeychain(world);
  if (chosen === "system" || chosen === "auto") return systemKeychain(world);
  throw new BrokerError("USAGE", "HALLPASS_KEYCHAIN is not a keychain", [
    ["expected", "auto, system or file"],
    ["try", "unset HALLPASS_KEYCHAIN"],
  ]);
}
