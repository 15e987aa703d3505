import process from "node:process";
import { answerCredentialProcess } from "./commands/credential-process.ts";
import { answerTerragrunt } from "./commands/terragrunt.ts";
import { BrokerError, exitStatus, renderError } from "./errors.ts";
import type { World } from "./types.ts";

/**
 * argv → command → exit status. The only place that prints errors. `makeWorld` is called here so that a
 * world that cannot be built is shown like any other failure.
 */
export async function main(argv: readonly string[], version: string, makeWorld: () => World): Promise<number> {
  try {
    refuseBunOptions();
    return await (answerHotForm(argv, makeWorld) ?? runCommand(argv, makeWorld()));
  } catch (error) {
    process.stderr.write(renderError(error, version));
    return exitStatus(error);
  }
}

/**
 * The two forms that machines call by the hundred are recognised by hand: loading yargs costs more than
 * answering them from the cache. Anything else, also a misspelt one of these, goes to yargs.
 */
function answerHotForm(argv: readonly string[], makeWorld: () => World): Promise<number> | undefined {
  const [command = "terragrunt", ...words] = argv;
  if (command === "terragrunt" && words.length === 0) {
    const world = makeWorld();
    return answerTerragrunt({ directory: world.cwd }, false, world);
  }
  const flags = command === "credential-process" ? namesAccount(words) : undefined;
  return flags && answerCredentialProcess({ ...flags, role: undefined }, makeWorld());
}

/** `--account NAME --repository DIR`, in either order. */
function namesAccount(words: readonly string[]): { account: string; repository: string } | undefined {
  const flags = new Map([0, 2].map((index) => [words[index], words[index + 1]]));
  const [account, repository] = [flags.get("--account"), flags.get("--repository")];
  const isPlain = words.length === 4 && !account?.startsWith("-") && !repository?.startsWith("-");
  return isPlain && account && repository ? { account, repository } : undefined;
}

async function runCommand(argv: readonly string[], world: World): Promise<number> {
  if (argv[0] === "keychain-helper") {
    const { runHelper } = await import("./keychain/helper.ts");
    await runHelper();
    return 0;
  }
  const { parseArguments } = await import("./parse-arguments.ts");
  const parsed = await parseArguments(argv, world.version);
  if ("text" in parsed) {
    world.print(parsed.text);
    return 0;
  }
  return parsed.command.run(parsed.args, world);
}

/** The standalone binary's runtime takes options from BUN_OPTIONS, among them modules to load first. */
function refuseBunOptions(): void {
  if (!("Bun" in globalThis) || process.env["BUN_OPTIONS"] === undefined) return;
  throw new BrokerError("UNSAFE_RUNTIME", "BUN_OPTIONS can make this program load other code", [
    ["try", "unset BUN_OPTIONS"],
  ]);
}
