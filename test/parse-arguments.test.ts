import { describe, expect, it } from "vitest";
import { COMMANDS } from "../src/commands/all.ts";
import { parseArguments } from "../src/parse-arguments.ts";

const parse = async (line: string) => {
  const parsed = await parseArguments(line === "" ? [] : line.split(" "), "1.2.3");
  if ("text" in parsed) return parsed.text;
  const { flags, operands, rest } = parsed.args;
  const given = Object.fromEntries(
    Object.keys(parsed.command.flags).flatMap((name) => (flags[name] === undefined ? [] : [[name, flags[name]]])),
  );
  return { command: parsed.command.name, flags: given, operands, rest };
};

describe("parseArguments", () => {
  it.each([
    ["", { command: "terragrunt", flags: {}, operands: [], rest: [] }],
    ["--json", { command: "terragrunt", flags: { json: true }, operands: [], rest: [] }],
    ["--role=a/b", { command: "terragrunt", flags: { role: "a/b" }, operands: [], rest: [] }],
    [
      "terragrunt --account 012345678901",
      { command: "terragrunt", flags: { account: "012345678901" }, operands: [], rest: [] },
    ],
    [
      "exec 007 -- aws s3 ls --recursive",
      { command: "exec", flags: {}, operands: ["007"], rest: ["aws", "s3", "ls", "--recursive"] },
    ],
    ["exec prod -- sh -c --help", { command: "exec", flags: {}, operands: ["prod"], rest: ["sh", "-c", "--help"] }],
    ["env prod --shell fish", { command: "env", flags: { shell: "fish" }, operands: ["prod"], rest: [] }],
    ["login --csv a.csv", { command: "login", flags: { csv: "a.csv" }, operands: [], rest: [] }],
    ["explain some/dir --json", { command: "explain", flags: { json: true }, operands: ["some/dir"], rest: [] }],
  ])("%j", async (line, expected) => {
    expect(await parse(line)).toEqual(expected);
  });

  it.each([
    ["--jsn", "Unknown argument: jsn"],
    ["terragrunt extra", '"extra" is one word too many'],
    ["login a b", '"b" is one word too many'],
    ["exec prod --role a --role b", "--role is given twice"],
    ["exec prod --role", "Not enough arguments following: role"],
    ["help nothing", 'there is no command "nothing"'],
    ["nothing --help", 'there is no command "nothing"'],
  ])("%j is wrong usage: %s", async (line, message) => {
    await expect(parse(line)).rejects.toMatchObject({ code: "USAGE", message });
  });

  it("shows the version, and help for all and for each", async () => {
    expect(await parse("--version")).toBe("1.2.3\n");
    for (const { name, examples } of COMMANDS) {
      expect(await parse("--help")).toContain(`  hallpass ${name}`);
      expect(await parse(`${name} --help`)).toContain(`hallpass ${name}`);
      expect(examples.length).toBeGreaterThan(0);
    }
  });
});
