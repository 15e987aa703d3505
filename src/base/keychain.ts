import { BrokerError } from "../errors.ts";
import { Secret } from "../secret.ts";
import type { AwsKeys, AwsSession, Base, BaseSource, CacheEntry, World } from "../types.ts";
import { type KnownBase, readKnownBases, refuseOtherKeychain } from "./known-bases.ts";

/** AWS's own default for GetSessionToken; at most 36 h. */
const SESSION_SECONDS = 12 * 3600;

/**
 * Long-lived keys of an IAM user, put into the keychain by `hallpass login`. They are used for one call only:
 * GetSessionToken. All accounts and processes then share that session, sealed in the cache, so the keychain
 * is opened once in half a day and the long-lived key stays in it otherwise.
 *
 * undefined: nobody has logged in. Throws NO_BASE where HALLPASS_BASE names one that is not there,
 * BASE_WRONG_KIND where it is kept in another keychain than the one chosen now.
 */
export const keychainBase: BaseSource = async (_target, world) => {
  const chosen = world.env["HALLPASS_BASE"] || undefined;
  const bases = readKnownBases(world);
  const name = chosen ?? "default";
  const known = bases[name];
  if (known) return baseOf(name, known, world);
  const names = Object.keys(bases).toSorted();
  if (chosen !== undefined) throw unknownBase(chosen, names);
  if (names.length > 0) throw noDefault(names);
  return undefined;
};

function unknownBase(chosen: string, names: string[]): BrokerError {
  return new BrokerError("NO_BASE", `HALLPASS_BASE names "${chosen}", which was never logged in`, [
    ["known", names.join(", ") || "none"],
    ["try", `hallpass login ${chosen}`],
  ]);
}

function noDefault(names: string[]): BrokerError {
  return new BrokerError("NO_BASE", 'nobody is logged in as "default"', [
    ["known", names.join(", ")],
    ["try", `HALLPASS_BASE=${names[0]}, or: hallpass login`],
  ]);
}

function baseOf(name: string, known: KnownBase, world: World): Base {
  refuseOtherKeychain(name, known, world);
  return {
    id: JSON.stringify(["keychain", known.principalArn, known.generation]),
    principalArn: known.principalArn,
    describe: `keychain "${name}"`,
    open: () => world.cache.getOrMake(sessionEntry(known, world), async () => startSession(name, known, world)),
  };
}

async function startSession(name: string, known: KnownBase, world: World): Promise<AwsSession> {
  const kept = await world.keychain.read(known.item);
  if (!kept) throw lostItem(name, world);
  return world.sts.getSessionToken(parseKeys(kept), SESSION_SECONDS);
}

/** The item's form in the keychain: access key id and secret access key as JSON. */
export function formatKeys(keys: AwsKeys): Secret {
  return new Secret(JSON.stringify([keys.accessKeyId, keys.secretAccessKey.reveal()]));
}

function parseKeys(kept: Secret): AwsKeys {
  const [accessKeyId, secretAccessKey] = JSON.parse(kept.reveal()) as [string, string];
  return { accessKeyId, secretAccessKey: new Secret(secretAccessKey) };
}

/** A role's session can outlive its base session, so a few minutes are enough. */
const MIN_REMAINING_SECONDS = 300;

function sessionEntry(known: KnownBase, world: World): CacheEntry<AwsSession> {
  return {
    kind: "session",
    inputs: {
      principal: known.principalArn,
      generation: known.generation,
      endpoint: world.sts.endpoint,
      seconds: SESSION_SECONDS,
    },
    what: `a session of ${known.principalArn}`,
    expiresAt: (session) => session.expiresAt,
    minRemainingSeconds: MIN_REMAINING_SECONDS,
    encode: ({ accessKeyId, secretAccessKey, sessionToken, expiresAt }) => [
      accessKeyId,
      secretAccessKey.reveal(),
      sessionToken.reveal(),
      expiresAt.getTime(),
    ],
    decode: (json) => {
      const [accessKeyId, secretAccessKey, sessionToken, expiresAt] = json as [string, string, string, number];
      return {
        accessKeyId,
        secretAccessKey: new Secret(secretAccessKey),
        sessionToken: new Secret(sessionToken),
        expiresAt: new Date(expiresAt),
      };
    },
  };
}

function lostItem(name: string, world: World): BrokerError {
  return new BrokerError(
    "KEYCHAIN_LOST_ITEM",
    `${world.keychain.describe} has no keys under "${name}" although they were stored`,
    [["try", "unlock the keychain if it is locked; otherwise: hallpass login " + name]],
  );
}
