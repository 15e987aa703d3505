import {
  BASE_NAME,
  changeKnownBases,
  type KnownBase,
  readKnownBases,
  refuseOtherKeychain,
} from "../base/known-bases.ts";
import { formatKeys } from "../base/keychain.ts";
import { loadCrypto } from "../crypto.ts";
import { BrokerError } from "../errors.ts";
import type { AwsKeys, World } from "../types.ts";
import { defineCommand } from "./command.ts";
import { readKeys } from "./login-keys.ts";

export const login = defineCommand({
  name: "login",
  operands: "[NAME]",
  takes: [0, 1],
  describe: "put an IAM user's access key into the keychain, verified first",
  flags: {
    stdin: { type: "boolean", describe: "read key id and secret from stdin, a line each" },
    csv: { type: "string", describe: "read the file that the AWS console hands out" },
    "from-profile": { type: "string", describe: "read a profile of ~/.aws/credentials" },
  },
  examples: [
    ["hallpass login", "asks on the terminal"],
    ["hallpass login --csv ~/Downloads/ana_accessKeys.csv", "then delete that file"],
    ["hallpass login security --from-profile security", "HALLPASS_BASE=security uses it"],
  ],
  run: async ({ flags, operands }, world) => {
    const name = operands[0] ?? "default";
    if (!BASE_NAME.test(name)) throw badName();
    const keys = await readKeys(flags, world);
    const identity = await world.sts.getCallerIdentity(keys);
    if (!/^arn:[\w-]+:iam::\d{12}:user\//.test(identity.arn)) throw notAUser(identity.arn);
    await store(name, keys, identity, world);
    world.say(
      `✓ ${identity.arn} in account ${identity.accountId}\n✓ stored in ${world.keychain.describe} as "${name}"\n`,
    );
    return 0;
  },
});

/**
 * The new item first, under a name of its own; then the list, which switches to it at once; then the old
 * item goes. A crash in between leaves the old login or the new one, never neither.
 */
async function store(
  name: string,
  keys: AwsKeys,
  identity: { accountId: string; arn: string },
  world: World,
): Promise<void> {
  const old = readKnownBases(world)[name];
  if (old) refuseOtherKeychain(name, old, world);
  const generation = loadCrypto().randomHex(6);
  const item = `base/${name}/${generation}`;
  await world.keychain.write(item, formatKeys(keys));
  const known: KnownBase = {
    item,
    backend: world.keychain.backend,
    accountId: identity.accountId,
    principalArn: identity.arn,
    generation,
    storedAt: world.now().toISOString(),
  };
  try {
    await changeKnownBases((bases) => ({ ...bases, [name]: known }), world);
  } catch (error) {
    await world.keychain.remove(item);
    throw error;
  }
  await world.cache.prepare();
  if (old) await world.keychain.remove(old.item);
}

function badName(): BrokerError {
  return new BrokerError("USAGE", "that is not a name for base credentials", [
    ["expected", "1 to 64 letters, digits and . _ -"],
    ["try", "hallpass login"],
  ]);
}

function notAUser(arn: string): BrokerError {
  return new BrokerError("BASE_WRONG_KIND", "these are not the keys of an IAM user", [
    ["came", arn],
    [
      "expected",
      "arn:aws:iam::<account id>:user/<name>: the root user and role sessions cannot vouch for other accounts",
    ],
    ["try", "an access key of your IAM user; nothing was stored"],
  ]);
}
