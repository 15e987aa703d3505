import { describe, expect, it } from "vitest";
import { type AccountFacts, readAccountFacts } from "../../src/account/account-hcl.ts";
import { BrokerError, type ErrorCode, renderError } from "../../src/errors.ts";

const PATH = "/repo/prod/account.hcl";
const PROD = "666666666666";
const DEV = "444444444444";
/** AWS's own documentation examples: a real account.hcl was found with such a pair in it. */
const KEY_ID = "AKIAIOSFODNN7EXAMPLE";
const SECRET_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/** A locals block; its first line is line 2 of the file. */
function locals(...lines: string[]): string {
  return ["locals {", ...lines.map((line) => `  ${line}`), "}", ""].join("\n");
}

type Refusal = { code: ErrorCode; message: string; details: readonly (readonly [string, string])[] };

async function refusalOf(text: string): Promise<Refusal> {
  try {
    await readAccountFacts(text, PATH);
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
    return { code: error.code, message: error.message, details: error.details };
  }
  throw new Error("it was not refused");
}

const fact = (attribute: string, text: string, line: number) => ({ attribute, text, line });
const id = (attribute: string, line: number, text = PROD): AccountFacts => ({ id: fact(attribute, text, line) });
const name = (attribute: string, line: number, text = "prod"): AccountFacts => ({ name: fact(attribute, text, line) });
const lookup = (attribute: string, line: number, text = "prod", file = "accounts.json"): AccountFacts => ({
  lookup: { ...fact(attribute, text, line), file },
});

const ACCOUNTS = 'jsondecode(file(find_in_parent_folders("accounts.json")))';

describe("the attribute that holds the id", () => {
  it.each(["aws_account_id", "account_id", "provider_account_id", "aws_account", "account_number"])(
    "%s",
    async (attribute) => {
      expect(await readAccountFacts(locals(`${attribute} = "${PROD}"`), PATH)).toEqual(id(attribute, 2));
    },
  );

  it.each([
    ["account", "aws_account_id"],
    ["account", "account_id"],
    ["account", "id"],
    ["aws", "id"],
    ["aws", "account_id"],
  ])("%s.%s", async (object, key) => {
    const text = locals(`${object} = {`, `  ${key} = "${PROD}"`, "}");
    expect(await readAccountFacts(text, PATH)).toEqual(id(`${object}.${key}`, 3));
  });
});

describe("the attribute that holds the name", () => {
  it.each(["account_name", "aws_account_name", "account"])("%s", async (attribute) => {
    expect(await readAccountFacts(locals(`${attribute} = "prod"`), PATH)).toEqual(name(attribute, 2));
  });

  it("account.name", async () => {
    expect(await readAccountFacts(locals('account = { name = "prod" }'), PATH)).toEqual(name("account.name", 2));
  });

  it.each([
    "prod",
    "Prod",
    "prod-eu.1",
    "team/prod",
    "a@b",
    "a+b=c,d",
    "Prod EU",
    "生产",
    "Прод",
    "0",
    `${"ab-".repeat(21)}c`,
  ])("%s is a name", async (text) => {
    expect(await readAccountFacts(locals(`account_name = "${text}"`), PATH)).toEqual(name("account_name", 2, text));
  });
});

describe("values that are known without running anything", () => {
  const cases: [title: string, text: string, facts: AccountFacts][] = [
    ["a leading zero stays", locals('account_id = "012345678901"'), id("account_id", 2, "012345678901")],
    ["a dummy id is an id", locals('account_id = "111111111111"'), id("account_id", 2, "111111111111")],
    [
      "id and name",
      locals(`account_name = "prod"`, `account_id = "${PROD}"`),
      { ...id("account_id", 3), ...name("account_name", 2) },
    ],
    [
      "local.x, with the line where the text stands",
      locals(`x = "${PROD}"`, "account_id = local.x"),
      id("account_id", 2),
    ],
    ["local.x that stands further down", locals("account_id = local.x", `x = "${PROD}"`), id("account_id", 3)],
    [
      "a chain of four",
      locals("account_name = local.a", "a = local.b", "b = local.c", 'c = "prod"'),
      name("account_name", 5),
    ],
    ["local.map.key", locals(`ids = { prod = "${PROD}" }`, "account_id = local.ids.prod"), id("account_id", 2)],
    ['local.map["key"]', locals(`ids = { prod = "${PROD}" }`, 'account_id = local.ids["prod"]'), id("account_id", 2)],
    [
      "local.map[local.key]",
      locals(
        `ids = { prod = "${PROD}", dev = "${DEV}" }`,
        'account_name = "dev"',
        "account_id = local.ids[local.account_name]",
      ),
      { ...id("account_id", 2, DEV), ...name("account_name", 3, "dev") },
    ],
    ["an object that is another local", locals(`x = { id = "${PROD}" }`, "account = local.x"), id("account.id", 2)],
    ["a template", locals('stage = "pr"', 'account_name = "${local.stage}od"'), name("account_name", 3)],
    [
      "a template with blanks",
      locals('x = "pr"', 'account_name = "a ${local.x} od"'),
      name("account_name", 3, "a pr od"),
    ],
    ["a template of one local", locals(`x = "${PROD}"`, 'account_id = "${local.x}"'), id("account_id", 3)],
    ["a template of a quoted text", locals(`account_id = "\${"${PROD}"}"`), id("account_id", 2)],
    ["a template in a template", locals('x = "prod"', 'account_name = "${"${local.x}"}"'), name("account_name", 3)],
    [
      "a comment in a template",
      locals('x = "prod"', 'account_name = "${local.x /* "dev" */}"'),
      name("account_name", 3),
    ],
    [
      "a template after characters of two and four bytes",
      locals("# Ünï😀", 'x = "本"', 'account_name = "日${local.x}日"'),
      name("account_name", 4, "日本日"),
    ],
    ["an id in two parts", locals('x = "666666"', 'account_id = "${local.x}666666"'), id("account_id", 3)],
    [
      "basename(get_terragrunt_dir())",
      locals("account_name = basename(get_terragrunt_dir())"),
      name("account_name", 2),
    ],
    ["the same with blanks", locals("account_name = basename( get_terragrunt_dir( ) )"), name("account_name", 2)],
    ["the same in a template", locals('account_name = "${basename(get_terragrunt_dir())}"'), name("account_name", 2)],
    ["parentheses", locals(`account_id = ("${PROD}")`), id("account_id", 2)],
    [
      "comments in parentheses",
      locals("account_id = (", '# "1"', `/* "2" */ "${PROD}" // "3"`, ")"),
      id("account_id", 4),
    ],
    [
      "a comment between the steps",
      locals('x = { a = "prod" }', "account_name = local /* .y */ .x /* .b */ .a"),
      name("account_name", 2),
    ],
    [
      "the same id twice under two attributes",
      locals(`account_id = "${PROD}"`, "aws_account_id = local.account_id"),
      id("aws_account_id", 2),
    ],
    [
      "the same name twice under two attributes",
      locals('account = "prod"', 'account_name = "prod"'),
      name("account_name", 3),
    ],
    [
      "a key twice in an object: the last, as HCL does it",
      locals(`account = { id = "${DEV}", id = "${PROD}" }`),
      id("account.id", 2),
    ],
  ];
  it.each(cases)("%s", async (_title, text, facts) => {
    expect(await readAccountFacts(text, PATH)).toEqual(facts);
  });
});

describe("look-ups in the registry", () => {
  const prod = 'account_name = "prod"';
  const cases: [title: string, text: string, facts: AccountFacts][] = [
    [
      "local.accounts[local.account_name].id",
      locals(`accounts = ${ACCOUNTS}`, prod, "account_id = local.accounts[local.account_name].id"),
      { ...lookup("account_id", 4), ...name("account_name", 3) },
    ],
    [
      "local.accounts.prod.id",
      locals(`accounts = ${ACCOUNTS}`, "account_id = local.accounts.prod.id"),
      lookup("account_id", 3),
    ],
    [
      'inline, with ["id"]',
      locals(prod, `account_id = ${ACCOUNTS}[local.account_name]["id"]`),
      { ...lookup("account_id", 3), ...name("account_name", 2) },
    ],
    ["name → id without an object", locals(`account_id = ${ACCOUNTS}["prod"]`), lookup("account_id", 2)],
    ["an accounts wrapper", locals(`account_id = ${ACCOUNTS}.accounts["prod"].account_id`), lookup("account_id", 2)],
    [
      "a wrapper that is opened in a local",
      locals(`all = ${ACCOUNTS}["accounts"]`, "account_id = local.all.prod.aws_account_id"),
      lookup("account_id", 3),
    ],
    [
      "an account that is called accounts",
      locals(`account_id = ${ACCOUNTS}.accounts`),
      lookup("account_id", 2, "accounts"),
    ],
    [
      "an account that is called id, in a wrapper",
      locals(`account_id = ${ACCOUNTS}.accounts.id.id`),
      lookup("account_id", 2, "id"),
    ],
    ["an account that is called id", locals(`account_id = ${ACCOUNTS}.id.id`), lookup("account_id", 2, "id")],
    [
      "in an object",
      locals(`account = { name = "prod", id = ${ACCOUNTS}.prod.id }`),
      { ...lookup("account.id", 2), ...name("account.name", 2) },
    ],
    ["by a template", locals('x = "pr"', `account_id = ${ACCOUNTS}["\${local.x}od"].id`), lookup("account_id", 3)],
    [
      "accounts.yml",
      locals('account_id = yamldecode(file(find_in_parent_folders("accounts.yml"))).prod.id'),
      lookup("account_id", 2, "prod", "accounts.yml"),
    ],
    [
      "over several lines, with blanks",
      locals("account_id = jsondecode( file( find_in_parent_folders(", '"accounts.json"', ") ) ).prod.id"),
      lookup("account_id", 2),
    ],
  ];
  it.each(cases)("%s", async (_title, text, facts) => {
    expect(await readAccountFacts(text, PATH)).toEqual(facts);
  });

  const refused: [title: string, text: string, attribute: string, line: number, why: string][] = [
    [
      "another key than the id's",
      locals(`account_id = ${ACCOUNTS}.prod.root_user_email`),
      "account_id",
      2,
      "not a plain text",
    ],
    ["no name at all", locals(`account_id = ${ACCOUNTS}`), "account_id", 2, "not a plain text"],
    [
      "the wrapper alone, with an id",
      locals(`account_id = ${ACCOUNTS}.accounts.id`),
      "account_id",
      2,
      "not a plain text",
    ],
    [
      "a name that only Terragrunt knows",
      locals(`account_id = ${ACCOUNTS}[get_env("A")].id`),
      "account_id",
      2,
      "calls jsondecode, file, find_in_parent_folders, get_env",
    ],
    [
      "a file by its path",
      locals('account_id = jsondecode(file("accounts.json")).prod.id'),
      "account_id",
      2,
      "calls jsondecode, file",
    ],
    [
      "a path that climbs",
      locals('account_id = jsondecode(file(find_in_parent_folders("../accounts.json"))).prod.id'),
      "account_id",
      2,
      "calls jsondecode, file, find_in_parent_folders",
    ],
    [
      "with a fall-back file",
      locals('account_id = jsondecode(file(find_in_parent_folders("accounts.json", "x.json"))).prod.id'),
      "account_id",
      2,
      "calls jsondecode, file, find_in_parent_folders",
    ],
    ["the name itself", locals(`account_name = ${ACCOUNTS}.prod.name`), "account_name", 2, "not a plain text"],
    ["the whole entry", locals(`account = ${ACCOUNTS}.prod`), "account", 2, "not a plain text"],
  ];
  it.each(refused)("refused: %s", async (_title, text, attribute, line, why) => {
    expect(await refusalOf(text)).toEqual(onlyTerragruntKnows(attribute, line, why));
  });
});

describe("how the file is written", () => {
  const cases: [title: string, text: string, facts: AccountFacts][] = [
    [
      "CRLF",
      `locals {\r\n  account_name = "prod"\r\n  account_id = "${PROD}"\r\n}\r\n`,
      { ...id("account_id", 3), ...name("account_name", 2) },
    ],
    ["a byte order mark", `\uFEFF${locals('account_name = "prod"')}`, name("account_name", 2)],
    ["no newline at the end", 'locals {\n  account_name = "prod"\n}', name("account_name", 2)],
    ["all on one line", 'locals { account_name = "prod" }', name("account_name", 1)],
    ["tabs", 'locals\t{\n\taccount_name\t=\t"prod"\n}\n', name("account_name", 2)],
    ["# glued to the value", locals('account_name = "prod"# account_name = "dev"'), name("account_name", 2)],
    ["// glued to the value", locals('account_name = "prod"//"dev"'), name("account_name", 2)],
    ["/* */ on both sides", locals('account_name =/* "dev" */"prod"/* "dev" */'), name("account_name", 2)],
    ["# inside the text is no comment", locals('x = "#"', 'account_name = "prod"'), name("account_name", 3)],
    [
      "comments in Chinese and Ukrainian",
      locals("# 生产账户", 'account_name = "prod" // обліковий запис'),
      name("account_name", 3),
    ],
    [
      "a block that is commented out above",
      `# locals {\n#   account_name = "dev"\n# }\n${locals('account_name = "prod"')}`,
      name("account_name", 5),
    ],
    [
      "a block that is commented out below",
      `${locals('account_name = "prod"')}/*\nlocals {\n  account_name = "dev"\n  account_id = "${DEV}"\n}\n*/\n`,
      name("account_name", 2),
    ],
    [
      "quoted keys in an object",
      locals(`account = { "name" = "prod", "id" = "${PROD}" }`),
      { ...id("account.id", 2), ...name("account.name", 2) },
    ],
    [
      "colons and newlines in an object",
      locals("account = {", '  name : "prod"', `  id : "${PROD}",`, "}"),
      { ...id("account.id", 4), ...name("account.name", 3) },
    ],
    [
      "a heredoc whose text looks like attributes",
      locals(
        "x = <<EOT",
        'account_name = "dev"',
        `account_id = "${DEV}"`,
        "}",
        " EOT2",
        "EOT x",
        "EOT",
        'account_name = "prod"',
      ),
      name("account_name", 9),
    ],
    [
      "an indented heredoc",
      locals("x = <<-EOT", `account_id = "${DEV}"`, "EOT", 'account_name = "prod"'),
      name("account_name", 5),
    ],
    [
      "two locals blocks",
      `${locals('account_name = "prod"')}${locals(`account_id = "${PROD}"`)}`,
      { ...id("account_id", 5), ...name("account_name", 2) },
    ],
    [
      "a local of the other block",
      `${locals("account_name = local.x")}${locals('x = "prod"')}`,
      name("account_name", 5),
    ],
    [
      "other blocks around it",
      `terraform {\n  source = "x"\n}\n${locals('account_name = "prod"')}`,
      name("account_name", 5),
    ],
    [
      "a locals block inside another block is not one",
      `x {\n${locals('account_name = "dev"')}}\n${locals('account_name = "prod"')}`,
      name("account_name", 7),
    ],
    [
      "inputs only",
      `inputs = {\n  account_id = "${PROD}"\n  account_name = "prod"\n}\n`,
      { ...id("account_id", 2), ...name("account_name", 3) },
    ],
    [
      "inputs beside locals do not count",
      `${locals('account_name = "prod"')}inputs = {\n  account_id = "${DEV}"\n}\n`,
      name("account_name", 2),
    ],
  ];
  it.each(cases)("%s", async (_title, text, facts) => {
    expect(await readAccountFacts(text, PATH)).toEqual(facts);
  });
});

describe("decoys", () => {
  const DECOYS: [attribute: string, value: string][] = [
    ["management_account", `"${DEV}"`],
    ["network_account", `"${DEV}"`],
    ["network_account_id", `"${DEV}"`],
    ["ecr_mgmt_account_id", `"${DEV}"`],
    ["member_accounts", `{ logs = { account_id = "${DEV}", name = "logs" } }`],
    ["account_tags", `{ AccountId = "${DEV}", name = "dev" }`],
    ["accounts", `{ id = "${DEV}" }`],
    ["account_route53_zone_id", '"Z1"'],
    ["account_role", '"dev"'],
    ["account_name_short", '"dev"'],
    ["domain_name", '{ name = "dev.example.com" }'],
    ["AWS_ACCOUNT_ID", `"${DEV}"`],
    ["aws_profile", '"dev"'],
    ["environment", '"dev"'],
    ["deploy_role", `"arn:aws:iam::${DEV}:role/deploy"`],
  ];
  it.each(DECOYS)("%s is somebody else's", async (attribute, value) => {
    const text = locals(`${attribute} = ${value}`, 'account_name = "prod"');
    expect(await readAccountFacts(text, PATH)).toEqual(name("account_name", 3));
  });

  it.each(DECOYS)("%s alone names no account", async (attribute, value) => {
    expect(await refusalOf(locals(`${attribute} = ${value}`))).toEqual(NAMES_NONE);
  });

  it("an id two objects deep is not account.id", async () => {
    const text = locals(`account = { name = "prod", owner = { id = "${DEV}" } }`);
    expect(await readAccountFacts(text, PATH)).toEqual(name("account.name", 2));
  });
});

describe("files that name no account", () => {
  const cases: [title: string, text: string][] = [
    ["empty locals", "locals {}\n"],
    ["comments only", '# locals {\n#   account_name = "prod"\n# }\n'],
    ["other attributes", locals('region = "eu-central-1"')],
    ["empty locals beside inputs", `locals {}\ninputs = {\n  account_id = "${PROD}"\n}\n`],
    ["inputs that are made by a function", `inputs = merge({ account_id = "${PROD}" }, {})\n`],
    ["a block that is called inputs", `inputs {\n  account_id = "${PROD}"\n}\n`],
    ["attributes outside of locals", `account_id = "${PROD}"\naccount_name = "prod"\n`],
    ["JSON", '{"locals": {"account_name": "prod"}}'],
    ["an object without name and id", locals('account = { email = "x@example.com" }')],
  ];
  it.each(cases)("%s", async (_title, text) => {
    expect(await refusalOf(text)).toEqual(NAMES_NONE);
  });
});

describe("ids that are none", () => {
  const cases: [title: string, value: string, came: string][] = [
    ["eleven digits", '"66666666666"', "11 digits"],
    ["thirteen digits", '"6666666666666"', "13 digits"],
    ["nothing", '""', "0 digits"],
    ["a placeholder", '"replaceme"', "9 characters that are not all digits"],
    ["another placeholder", '"<account id>"', "12 characters that are not all digits"],
    ["a template of another tool", '"{{ .AWSAccountID }}"', "19 characters that are not all digits"],
    ["twelve letters", '"XXXXXXXXXXXX"', "12 characters that are not all digits"],
    ["dashes", '"6666-6666-6666"', "14 characters that are not all digits"],
    ["a blank behind", `"${PROD} "`, "13 characters that are not all digits"],
    ["a newline behind", `"${PROD}\n"`, "13 characters that are not all digits"],
    ["digits of full width", '"６６６６６６６６６６６６"', "12 characters that are not all digits"],
    ["Arabic digits", '"٦٦٦٦٦٦٦٦٦٦٦٦"', "12 characters that are not all digits"],
    ["an ARN", `"arn:aws:iam::${PROD}:role/x"`, "32 characters that are not all digits"],
    ["an access key id", `"${KEY_ID}"`, "20 characters that are not all digits"],
    ["a number without quotes", PROD, "a number without quotes"],
    ["a number with a leading zero", "066666666666", "a number without quotes"],
    ["a number with an exponent", "6.66666666666e11", "a number without quotes"],
  ];
  it.each(cases)("%s: refused although the name is there", async (_title, value, came) => {
    const text = locals('account_name = "prod"', `account_id = ${value}`);
    expect(await refusalOf(text)).toEqual({
      code: "MALFORMED_ACCOUNT_ID",
      message: "account_id is not an AWS account id",
      details: [
        ["said by", `${PATH}:3`],
        ["expected", "twelve digits in quotes"],
        ["came", came],
        ["try", 'account_id = "<twelve digits, as AWS shows them>"'],
      ],
    });
  });

  it("names the attribute in an object", async () => {
    expect(await refusalOf(locals('account = { id = "66" }'))).toEqual({
      code: "MALFORMED_ACCOUNT_ID",
      message: "account.id is not an AWS account id",
      details: [
        ["said by", `${PATH}:2`],
        ["expected", "twelve digits in quotes"],
        ["came", "2 digits"],
        ["try", 'account.id = "<twelve digits, as AWS shows them>"'],
      ],
    });
  });

  it.each(["aws_account_id", "account_id", "aws_account"])(
    "an object as %s never falls back to the name",
    async (attribute) => {
      const text = locals('account_name = "dev"', `${attribute} = { prod = "${PROD}" }`);
      expect(await refusalOf(text)).toMatchObject({
        message: expect.stringMatching(new RegExp(`^${attribute} `)) as string,
      });
    },
  );
});

describe("values that only Terragrunt could know", () => {
  const cases: [title: string, value: string, why: string][] = [
    ["get_env", 'get_env("AWS_ACCOUNT_ID")', "calls get_env"],
    ["get_env with a default", `get_env("AWS_ACCOUNT_ID", "${PROD}")`, "calls get_env"],
    ["get_aws_account_id", "get_aws_account_id()", "calls get_aws_account_id"],
    ["run_cmd", 'run_cmd("--terragrunt-quiet", "./id.sh")', "calls run_cmd"],
    ["read_terragrunt_config", 'read_terragrunt_config("x.hcl").locals.id', "calls read_terragrunt_config"],
    ["a function in a function", 'trimspace(file("id.txt"))', "calls trimspace, file"],
    ["a function that only passes it on", `tostring("${PROD}")`, "calls tostring"],
    ["lookup", `lookup({ prod = "${PROD}" }, "prod")`, "calls lookup"],
    [
      "another folder than the own",
      "basename(get_parent_terragrunt_dir())",
      "calls basename, get_parent_terragrunt_dir",
    ],
    ["the parent folder", "basename(dirname(get_terragrunt_dir()))", "calls basename, dirname, get_terragrunt_dir"],
    ["include", "include.root.locals.id", "not a plain text"],
    ["dependency", "dependency.account.outputs.id", "not a plain text"],
    ["a conditional", `true ? "${PROD}" : "${DEV}"`, "not a plain text"],
    ["a sum", "666666666665 + 1", "not a plain text"],
    ["a negative number", "-666666666666", "not a plain text"],
    ["null", "null", "not a plain text"],
    ["true", "true", "not a plain text"],
    ["a list", `["${PROD}"]`, "not a plain text"],
    ["a list's element", `["${PROD}"][0]`, "not a plain text"],
    ["an object that is made by for", `{ for k in ["id"] : k => "${PROD}" }["id"]`, "not a plain text"],
    ["a heredoc", `<<EOT\n${PROD}\nEOT\n`, "not a plain text"],
    ["an indented heredoc", `<<-EOT\n  ${PROD}\n  EOT\n`, "not a plain text"],
    ["a number in a template", `"\${${PROD}}"`, "not a plain text"],
    ["a directive in a template", `"%{ if true }${PROD}%{ endif }"`, "not a plain text"],
    ["a function in a template", '"${get_env("A")}"', "calls get_env"],
    ["an escape", String.raw`"66666666666\u0036"`, "not a plain text"],
    ["an escaped interpolation", '"$${local.x}"', "not a plain text"],
    ["an escaped directive", '"%%{x}"', "not a plain text"],
    ["a local that is not there", "local.nope", "not a plain text"],
    ["locals as a whole", "local", "not a plain text"],
    ["a local by index", 'local["x"]', "not a plain text"],
    ["a key that is not there", "{ a = 1 }.id", "not a plain text"],
    ["__proto__ of an object", "{ a = 1 }.__proto__", "not a plain text"],
    ["a splat", `[{ id = "${PROD}" }][*].id`, "not a plain text"],
  ];
  it.each(cases)("%s: refused although the name is there", async (_title, value, why) => {
    const text = locals(`account_id = ${value}`, 'account_name = "prod"');
    expect(await refusalOf(text)).toEqual(onlyTerragruntKnows("account_id", 2, why));
  });

  it.each(cases)("%s, over a local: with that one's line", async (_title, value, why) => {
    const text = locals("account_id = local.x", `x = ${value}`, 'account_name = "prod"');
    expect(await refusalOf(text)).toEqual(onlyTerragruntKnows("account_id", 3, why));
  });

  const circles: [title: string, text: string, attribute: string, line: number][] = [
    ["a local that is itself", locals("account_name = local.account_name"), "account_name", 2],
    [
      "two locals that are each other",
      locals("account_name = local.a", "a = local.b", "b = local.a"),
      "account_name",
      4,
    ],
    ["in a template", locals("account_name = local.a", 'a = "x${local.account_name}"'), "account_name", 3],
    ["in an object", locals("account = { id = local.account.id }"), "account.id", 2],
    ["in an index", locals("account_id = local.a", "a = { x = 1 }[local.a]"), "account_id", 3],
  ];
  it.each(circles)("a circle: %s", async (_title, text, attribute, line) => {
    expect(await refusalOf(text)).toEqual(onlyTerragruntKnows(attribute, line, "not a plain text"));
  });

  it("a template that grows longer than any name", async () => {
    const text = locals(`x = "${"a".repeat(600)}"`, 'account_name = "${local.x}${local.x}"');
    expect(await refusalOf(text)).toEqual(onlyTerragruntKnows("account_name", 3, "not a plain text"));
  });

  it("a name, also beside a plain id", async () => {
    const text = locals('account_name = get_env("STAGE", "prod")', `account_id = "${PROD}"`);
    expect(await refusalOf(text)).toEqual(onlyTerragruntKnows("account_name", 2, "calls get_env"));
  });

  it("an input that is a local, where there are no locals", async () => {
    expect(await refusalOf("inputs = {\n  account_id = local.x\n}\n")).toEqual(
      onlyTerragruntKnows("account_id", 2, "not a plain text"),
    );
  });
});

describe("two that differ", () => {
  const cases: [title: string, text: string, one: string, other: string][] = [
    [
      "ids",
      locals(`account_id = "${PROD}"`, `aws_account_id = "${DEV}"`),
      `3  aws_account_id = "${DEV}"`,
      `2  account_id = "${PROD}"`,
    ],
    [
      "an id and an object's",
      locals(`account = { id = "${PROD}" }`, `account_id = "${DEV}"`),
      `3  account_id = "${DEV}"`,
      `2  account.id = "${PROD}"`,
    ],
    ["names", locals('account = "prod"', 'account_name = "dev"'), '3  account_name = "dev"', '2  account = "prod"'],
    [
      "names that differ in case",
      locals('account_name = "prod"', 'aws_account_name = "Prod"'),
      '2  account_name = "prod"',
      '3  aws_account_name = "Prod"',
    ],
    [
      "two look-ups",
      locals(`account_id = ${ACCOUNTS}.prod.id`, `aws_account_id = ${ACCOUNTS}.dev.id`),
      '3  aws_account_id = "dev"',
      '2  account_id = "prod"',
    ],
    [
      "an id and a look-up under the same digits",
      locals(`account_id = "${PROD}"`, `aws_account = ${ACCOUNTS}["${PROD}"].id`),
      `2  account_id = "${PROD}"`,
      `3  aws_account = "${PROD}"`,
    ],
    [
      "an id and a look-up",
      locals(`account_id = "${PROD}"`, `aws_account = ${ACCOUNTS}.prod.id`),
      `2  account_id = "${PROD}"`,
      '3  aws_account = "prod"',
    ],
  ];
  it.each(cases)("%s", async (_title, text, one, other) => {
    expect(await refusalOf(text)).toEqual({
      code: "AMBIGUOUS_ACCOUNT",
      message: `${PATH} names two accounts`,
      details: [
        ["said by", `${PATH}:${one}`],
        ["said by", `${PATH}:${other}`],
        ["try", "keep one of the two"],
      ],
    });
  });
});

describe("files that are broken", () => {
  const cases: [title: string, text: string, message: string][] = [
    ["empty", "", `${PATH} is empty`],
    ["blanks only", " \n\t\r\n", `${PATH} is empty`],
    [
      "a brace that is missing",
      'locals {\n  account_name = "prod"\n',
      `${PATH}:3 is not HCL that Terragrunt would read`,
    ],
    ["a brace too many", locals('account_name = "prod"', "}"), `${PATH}:4 is not HCL that Terragrunt would read`],
    ["no equals sign", locals('account_name "prod"'), `${PATH}:2 is not HCL that Terragrunt would read`],
    ["no value", locals("account_name ="), `${PATH}:2 is not HCL that Terragrunt would read`],
    ["single quotes", locals("account_name = 'prod'"), `${PATH}:2 is not HCL that Terragrunt would read`],
    [
      "commas between attributes",
      'locals { account_name = "prod", x = 1 }',
      `${PATH}:1 is not HCL that Terragrunt would read`,
    ],
    [
      "a merge conflict",
      `<<<<<<< HEAD\n${locals('account_name = "prod"')}`,
      `${PATH}:1 is not HCL that Terragrunt would read`,
    ],
    ["a NUL", 'locals {\n  account_name = "pr\0od"\n}\n', `${PATH}:2 is not HCL that Terragrunt would read`],
    ["an attribute twice", locals('account_name = "prod"', 'account_name = "prod"'), `${PATH} says account_name twice`],
    [
      "an attribute twice, in two blocks",
      `${locals('account_name = "prod"')}${locals('account_name = "dev"')}`,
      `${PATH} says account_name twice`,
    ],
    ["any attribute twice", locals('account_name = "prod"', "x = 1", "x = 2"), `${PATH} says x twice`],
  ];
  it.each(cases)("%s", async (_title, text, message) => {
    expect(await refusalOf(text)).toEqual({
      code: "BROKEN_ACCOUNT_FILE",
      message,
      details: [["try", 'locals { account_name = "<a name in accounts.json>" }']],
    });
  });

  // Where the reading breaks off is up to the parser: the line may be the block's.
  it.each(['account_name = "prod', '"account_name" = "prod"'])("%s", async (line) => {
    const message = expect.stringMatching(
      /^\/repo\/prod\/account\.hcl:[12] is not HCL that Terragrunt would read$/,
    ) as string;
    expect(await refusalOf(locals(line))).toMatchObject({ code: "BROKEN_ACCOUNT_FILE", message });
  });
});

describe("names that are none", () => {
  const cases: [title: string, text: string, length: number][] = [
    ["nothing", "", 0],
    ["65 characters", "a".repeat(65), 65],
    ["a blank in front", " prod", 5],
    ["a tab", "pr\tod", 5],
    ["a newline", "pr\nod", 5],
    ["an escape character", "pr\u001B[2Jod", 8],
    ["a bidi override", "pr\u202Eod", 5],
    ["a placeholder", "<name>", 6],
    ["an access key id", KEY_ID, 20],
    ["a session's key id", `ASIA${KEY_ID.slice(4)}`, 20],
    ["a secret key", SECRET_KEY, 40],
    ["a key pair with a colon", `${KEY_ID}:${SECRET_KEY}`, 61],
    // Every form in which people write a pair down; each is 64 characters at most.
    ["a key pair with a blank", `${KEY_ID} ${SECRET_KEY}`, 61],
    ["a key pair with a comma", `${KEY_ID},${SECRET_KEY}`, 61],
    ["a key pair with a slash", `${KEY_ID}/${SECRET_KEY}`, 61],
    ["a key pair with an equals sign", `${KEY_ID}=${SECRET_KEY}`, 61],
    ["a secret key with a blank behind", `${SECRET_KEY} `, 41],
    ["a secret key with an equals sign behind", `${SECRET_KEY}=`, 41],
    ["a secret key with its variable", `secret_key=${SECRET_KEY}`, 51],
    ["an access key id with a word in front", `key ${KEY_ID}`, 24],
  ];
  it.each(cases)("%s", async (_title, text, length) => {
    expect(await refusalOf(locals(`account_name = "${text}"`))).toEqual({
      code: "ACCOUNT_NOT_STATED",
      message: "account_name is not an account name",
      details: [
        ["said by", `${PATH}:2`],
        ["expected", "1 to 64 letters, digits and . _ - @ / + = , or blanks"],
        ["came", `${length} characters, not shown`],
        ["try", 'account_name = "<a name in accounts.json>"'],
      ],
    });
  });

  it.each([KEY_ID, SECRET_KEY, `${KEY_ID} ${SECRET_KEY}`])("%s as the key of a look-up", async (text) => {
    const refusal = await refusalOf(locals(`account_id = ${ACCOUNTS}["${text}"].id`));
    expect(JSON.stringify(refusal)).not.toContain(text);
  });
});

describe("text of the file in messages", () => {
  it.each([
    ["an id", `account_id = "${SECRET_KEY}"`],
    ["a name", `account_name = "${SECRET_KEY}"`],
    ["a name that is computed", `account_name = trimspace("${SECRET_KEY}")`],
    ["an unfinished text", `account_name = "${SECRET_KEY}`],
    ["a default", `account_id = get_env("A", "${SECRET_KEY}")`],
    ["a key that is not there", `account_id = { a = 1 }["${SECRET_KEY}"]`],
    ["a value beside the broken line", `secret = "${SECRET_KEY}"\n  account_name = = "prod"`],
    ["a value beside an attribute that stands twice", `secret = "${SECRET_KEY}"\n  x = 1\n  x = 2`],
    ["two names", `account_name = "${SECRET_KEY}"\n  account = "prod"`],
    ["two ids", `account_name = "prod"\n  account_id = "${SECRET_KEY}"\n  aws_account_id = "${PROD}"`],
  ])("%s is not shown", async (_title, lines) => {
    const { code, message, details } = await refusalOf(locals(lines));
    expect(renderError(new BrokerError(code, message, details), "0")).not.toContain(SECRET_KEY.slice(0, 8));
  });

  it("a path with control characters is shown with them made visible", async () => {
    await expect(readAccountFacts("", "/repo/\u001B[2J\n/account.hcl")).rejects.toThrow(
      String.raw`/repo/\u{1b}[2J\u{a}/account.hcl is empty`,
    );
  });
});

describe("objects whose keys are computed", () => {
  // HCL takes the last of two equal keys, and only Terragrunt knows what these keys come to.
  it.each(['("id")', "(local.key)", '"${local.key}"', String.raw`"\u0069d"`])(
    "%s may be the id: refused",
    async (key) => {
      const text = locals('key = "id"', `account = { id = "${DEV}", ${key} = "${PROD}" }`);
      await expect(readAccountFacts(text, PATH)).rejects.toBeInstanceOf(BrokerError);
    },
  );
});

describe("strip markers", () => {
  // HCL removes the blanks beside them: `a ${~ local.x}` is "aprod" there.
  it.each(["a ${~ local.x}", "${local.x ~} a", "a ${~ local.x ~} a"])(
    "%s is not read with its blanks",
    async (template) => {
      await expect(readAccountFacts(locals('x = "prod"', `account_name = "${template}"`), PATH)).rejects.toBeInstanceOf(
        BrokerError,
      );
    },
  );
});

function onlyTerragruntKnows(attribute: string, line: number, why: string): Refusal {
  return {
    code: "ACCOUNT_NOT_STATED",
    message: `${attribute} can only be known by running Terragrunt`,
    details: [
      ["said by", `${PATH}:${line} (${why})`],
      ["expected", "a text, local.x, a template of those, or a look-up in accounts.json"],
      ["try", `${attribute} as a plain text in account.hcl`],
    ],
  };
}

const NAMES_NONE: Refusal = {
  code: "ACCOUNT_NOT_STATED",
  message: `${PATH} names no account`,
  details: [
    ["expected", "account_name or aws_account_id in locals (or account.name, account_id and the like)"],
    ["try", 'locals { account_name = "<a name in accounts.json>" }'],
  ],
};
