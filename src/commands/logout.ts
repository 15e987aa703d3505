import { changeKnownBases, readKnownBases, refuseOtherKeychain } from "../base/known-bases.ts";
import { BrokerError } from "../errors.ts";
import { defineCommand } from "./command.ts";

export const logout = defineCommand({
  name: "logout",
  operands: "[NAME]",
  takes: [0, 1],
  describe: "remove base credentials from the keychain, and every cached session",
  flags: {},
  examples: [["hallpass logout", ""]],
  run: async ({ operands }, world) => {
    const name = operands[0] ?? "default";
    const { [name]: known, ...others } = readKnownBases(world);
    if (!known) throw notLoggedIn(name, Object.keys(others));
    refuseOtherKeychain(name, known, world);
    await world.cache.forget();
    await world.keychain.remove(known.item);
    await changeKnownBases(({ [name]: _removed, ...bases }) => bases, world);
    world.say(`hallpass: "${name}" is logged out of ${world.keychain.describe}, and no session is kept any more\n`);
    return 0;
  },
});

function notLoggedIn(name: string, others: string[]): BrokerError {
  return new BrokerError("NO_BASE", `nobody is logged in as "${name}"`, [
    ["known", others.toSorted().join(", ") || "none"],
    ["try", others.length > 0 ? `hallpass logout ${others[0]}` : "nothing: there is nothing to remove"],
  ]);
}
