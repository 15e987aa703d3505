import type { Argv } from "yargs";
import { COMMANDS } from "./commands/all.ts";
import type { Args, Command, Flags } from "./commands/command.ts";
import { BrokerError } from "./errors.ts";

/** A command with its arguments, or the text that --help or --version asked for. */
export type Parsed = { command: Command; args: Args<Flags> } | { text: string };

/** Throws USAGE: unknown command or flag, a flag twice, too few or too many words. */
export async function parseArguments(argv: readonly string[], version: string): Promise<Parsed> {
  if (argv[0] === "--version" || argv[0] === "-V") return { text: `${version}\n` };
  const words = argv.length === 0 || argv[0]!.startsWith("-") ? withDefaultCommand(argv) : argv;
  const [name, ...rest] = words;
  if (name === "help") return helpFor(rest[0]);
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (!command) throw unknownCommand(name!);
  if (isHelpAsked(rest)) return { text: await helpText(command) };
  return { command, args: await parseFlags(command, rest) };
}

/** `hallpass --json` is `hallpass terragrunt --json`; `hallpass --help` is about all commands. */
function withDefaultCommand(argv: readonly string[]): readonly string[] {
  return isHelpAsked(argv) ? ["help"] : ["terragrunt", ...argv];
}

function isHelpAsked(words: readonly string[]): boolean {
  const own = words.includes("--") ? words.slice(0, words.indexOf("--")) : words;
  return own.includes("--help") || own.includes("-h");
}

async function helpFor(name: string | undefined): Promise<Parsed> {
  if (name === undefined) return { text: overview() };
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (!command) throw unknownCommand(name);
  return { text: await helpText(command) };
}

async function parseFlags(command: Command, words: readonly string[]): Promise<Args<Flags>> {
  const failures: string[] = [];
  const parsed = await (await parserOf(command)).fail((message) => failures.push(message)).parseAsync([...words]);
  const [failure] = failures;
  if (failure !== undefined) throw usage(command, failure);
  const operands = parsed._.map(String);
  const twice = Object.keys(command.flags).find((flag) => Array.isArray(parsed[flag]));
  if (twice !== undefined) throw usage(command, `--${twice} is given twice`);
  const empty = Object.keys(command.flags).find((flag) => parsed[flag] === "");
  if (empty !== undefined) throw usage(command, `--${empty} needs a value`);
  const [least, most] = command.takes;
  if (operands.length < least) throw usage(command, `${command.operands.split(" ")[0]} is missing`);
  if (operands.length > most)
    throw usage(command, `"${operands[most]}" is one word too many`, wayFor(command, operands));
  return { flags: parsed as Args<Flags>["flags"], operands, rest: ((parsed["--"] ?? []) as unknown[]).map(String) };
}

async function parserOf(command: Command): Promise<Argv> {
  const { default: yargs } = await import("yargs");
  return yargs()
    .scriptName(`hallpass ${command.name}`)
    .usage(`hallpass ${command.name} ${command.operands}\n\n${command.describe}`.replace(" \n", "\n"))
    .options(
      Object.fromEntries(
        Object.entries(command.flags).map(([name, flag]) => [
          name,
          { type: flag.type, describe: flag.describe, requiresArg: flag.type === "string" },
        ]),
      ),
    )
    .example(command.examples.map(([line, does]): [string, string] => [line, does]))
    .parserConfiguration({
      "populate--": true,
      "camel-case-expansion": false,
      "parse-numbers": false,
      "parse-positional-numbers": false,
      "boolean-negation": false,
      "dot-notation": false,
    })
    .strictOptions()
    .help(false)
    .version(false)
    .exitProcess(false)
    .wrap(100);
}

async function helpText(command: Command): Promise<string> {
  return `${await (await parserOf(command)).getHelp()}\n`;
}

function overview(): string {
  const width = Math.max(...COMMANDS.map(({ name, operands }) => `${name} ${operands}`.length));
  return [
    "hallpass: AWS credentials for the unit at hand",
    "",
    "  hallpass                 for the working directory; on a pipe Terragrunt's JSON",
    ...COMMANDS.map(
      ({ name, operands, describe }) => `  hallpass ${`${name} ${operands}`.trim().padEnd(width)}  ${describe}`,
    ),
    "",
    "  TG_AUTH_PROVIDER_CMD=hallpass terragrunt run --all plan",
    "",
    "hallpass COMMAND --help shows a command's flags and examples.",
    "",
  ].join("\n");
}

function unknownCommand(name: string): BrokerError {
  return new BrokerError("USAGE", `there is no command "${name}"`, [
    ["known", COMMANDS.map((command) => command.name).join(", ")],
    ["try", "hallpass --help"],
  ]);
}

/** `exec prod aws s3 ls`: only the two dashes are missing. */
function wayFor(command: Command, [account, ...words]: readonly string[]): string | undefined {
  return command.operands.includes("--") ? `hallpass ${command.name} ${account} -- ${words.join(" ")}` : undefined;
}

function usage(command: Command, message: string, way = `hallpass ${command.name} --help`): BrokerError {
  return new BrokerError("USAGE", message, [["try", way]]);
}
