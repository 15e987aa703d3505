import { broker } from "../broker.ts";
import { makeMarker } from "../output/marker.ts";
import { summary } from "../output/summary.ts";
import { terragruntJson } from "../output/terragrunt.ts";
import type { Request, World } from "../types.ts";
import { defineCommand, given, SHARED } from "./command.ts";

/** What Terragrunt calls: its JSON on a pipe, for a person on a terminal a summary without secrets. */
export async function answerTerragrunt(request: Request, asJson: boolean, world: World): Promise<number> {
  const { credentials, target, base, marker } = await broker(request, world);
  if (world.stdoutIsTerminal && !asJson) {
    world.print(summary(credentials, target, base, world));
  } else world.print(terragruntJson(credentials, await makeMarker(credentials, target, marker, world)));
  return 0;
}

export const terragrunt = defineCommand({
  name: "terragrunt",
  operands: "",
  takes: [0, 0],
  describe: "credentials for the working directory, as Terragrunt wants them (the default)",
  flags: { account: SHARED.account, role: SHARED.role, json: SHARED.json },
  examples: [
    ["terragrunt run --all --auth-provider-cmd hallpass apply", "each unit with its own account's role"],
    ["hallpass", "in a unit, on a terminal: which account and role it gets"],
  ],
  run: ({ flags }, world) => {
    const request = { directory: world.cwd, ...given({ account: flags.account, role: flags.role }) };
    return answerTerragrunt(request, flags.json === true, world);
  },
});
