import { findTarget } from "./account/find-target.ts";
import { findBase } from "./base/find-base.ts";
import { type Marker, readMarker } from "./output/marker.ts";
import { credentialsEntry, issue } from "./role/issue.ts";
import type { Base, Credentials, Request, Target, World } from "./types.ts";

/** The credentials, and how they came about. `marker`: the one this call received, if any. */
export type Answer = { credentials: Credentials; target: Target; base: Base; marker: Marker | undefined };

/**
 * The map: working directory → account and role → who vouches for us → the role's credentials.
 * A reader who knows this function knows the program.
 */
export async function broker(request: Request, world: World): Promise<Answer> {
  const target = await findTarget(request, world); // working directory → account, role
  const base = await findBase(target, world); // who can vouch for us here (free: no prompt, no keychain, no network)
  const marker = await readMarker(world); // keys in our environment that we handed out ourselves; a forged one refuses
  const credentials = await world.cache.getOrMake(credentialsEntry(target, base, world, request), async () => {
    const session = await base.open(); // may prompt, may use the keychain or the network
    return issue(session, target, base, world); // AssumeRole, account verified
  });
  return { credentials, target, base, marker };
}
