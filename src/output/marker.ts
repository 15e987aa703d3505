import { loadCrypto } from "../crypto.ts";
import { BrokerError } from "../errors.ts";
import type { Credentials, Target, World } from "../types.ts";

/*
 * HALLPASS_ISSUED = 1.<access key id>.<run id>.<unit, base64url>.<sealing key id>-<MAC>
 *
 * Every answer carries it, because Terragrunt calls us for a dependency with the dependent's keys in our
 * environment (v1.1.3: ParsingContext.WithDependencyConfigPath clones the environment). It is only ever
 * evidence against those keys: they are ours, so they are nobody's base. It never says which account, unit
 * or phase this call is for: with `run --graph` every unit inherits the root unit's marker.
 */
export const MARKER = "HALLPASS_ISSUED";

/** What a genuine marker tells: the key that was handed out with it, and the run it belongs to. */
export type Marker = { accessKeyId: string; runId: string };

const SHAPE = /^(1\.([A-Z0-9]{16,128})\.([0-9a-f]{16})\.[\w-]*)\.([0-9a-f]{16})-([\w-]{43})$/;

/**
 * The marker in our environment. undefined: none, or one made under a sealing key that is gone (a logout in
 * between), which proves nothing either way. Throws FORGED_MARKER for one that we cannot have made.
 */
export async function readMarker(world: Pick<World, "env" | "cache">): Promise<Marker | undefined> {
  const text = world.env[MARKER];
  if (text === undefined || text === "") return undefined;
  const [, signed, accessKeyId, runId, keyId, mac] = SHAPE.exec(text) ?? [];
  if (!signed || !accessKeyId || !runId || !keyId || !mac) throw forged("it does not have the form of one");
  const genuine = await world.cache.verify(signed, keyId, mac);
  if (genuine === false) throw forged("its signature is wrong");
  return genuine ? { accessKeyId, runId } : undefined;
}

/** The marker for an answer. The run id of the call's own marker goes on; a call without one starts a run. */
export async function makeMarker(
  credentials: Credentials,
  target: Target,
  received: Marker | undefined,
  world: Pick<World, "cache">,
): Promise<string> {
  const runId = received?.runId ?? loadCrypto().randomHex(8);
  const signed = ["1", credentials.accessKeyId, runId, Buffer.from(target.unit).toString("base64url")].join(".");
  const { keyId, mac } = await world.cache.sign(signed);
  return `${signed}.${keyId}-${mac}`;
}

function forged(why: string): BrokerError {
  return new BrokerError("FORGED_MARKER", `${MARKER} in the environment was not made by hallpass`, [
    ["because", why],
    ["try", `unset ${MARKER}, and see what sets it: only hallpass does`],
  ]);
}
