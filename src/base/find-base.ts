import { BrokerError } from "../errors.ts";
import type { Base, BaseSource, Target, World } from "../types.ts";
import { keychainBase } from "./keychain.ts";

/**
 * Who can vouch for us, asked in this order; the first that is here is taken, whatever happens to it later.
 * Never the AWS_* variables of our environment: on the second call of a run they are another unit's.
 */
const SOURCES: readonly BaseSource[] = [keychainBase];

/** Free: no prompt, no keychain, no network. Throws NO_BASE, and what a source throws that is here but unusable. */
export async function findBase(target: Target, world: World): Promise<Base> {
  for (const source of SOURCES) {
    const base = await source(target, world);
    if (base) return base;
  }
  throw new BrokerError("NO_BASE", "there are no base credentials to ask AWS with", [
    ["expected", "an IAM user's access key in the keychain"],
    ["not used", "AWS_ACCESS_KEY_ID and AWS_PROFILE: in the middle of a run they are another unit's"],
    ["try", "hallpass login"],
  ]);
}
