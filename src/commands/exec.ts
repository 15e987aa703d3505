import { broker } from "../broker.ts";
import { BrokerError } from "../errors.ts";
import { makeMarker } from "../output/marker.ts";
import { CONTRADICTING_VARIABLES, credentialVariables } from "../output/shell.ts";
import type { World } from "../types.ts";
import { defineCommand, given, SHARED } from "./command.ts";

export const exec = defineCommand({
  name: "exec",
  operands: "ACCOUNT -- COMMAND [ARGUMENT …]",
  takes: [1, 1],
  describe: "run a command with an account's credentials in its environment",
  flags: { role: SHARED.role, repository: SHARED.repository },
  examples: [["hallpass exec prod -- aws s3 ls", "its exit status is the command's"]],
  run: async ({ flags, operands, rest }, world) => {
    const [command, ...args] = rest;
    if (command === undefined) throw noCommand();
    const request = { directory: flags.repository ?? world.cwd, account: operands[0]!, ...given({ role: flags.role }) };
    const variables = await variablesFor(request, world);
    return world.runChild(command, args, { ...withoutContradictions(world.env), ...variables });
  },
});

/** The environment variables of an account's role, for `exec` and `env`. */
export async function variablesFor(
  request: Parameters<typeof broker>[0],
  world: World,
): Promise<Record<string, string>> {
  const { credentials, target, marker } = await broker(request, world);
  return credentialVariables(credentials, await makeMarker(credentials, target, marker, world));
}

function withoutContradictions(env: World["env"]): World["env"] {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !CONTRADICTING_VARIABLES.includes(name)));
}

function noCommand(): BrokerError {
  return new BrokerError("USAGE", "there is no command to run", [
    ["try", "hallpass exec ACCOUNT -- aws sts get-caller-identity"],
  ]);
}
