import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AccountFacts, readAccountFacts } from "../../src/account/account-hcl.ts";
import { parseRegistry, type Registry } from "../../src/account/registry.ts";
import { BrokerError, renderError } from "../../src/errors.ts";

const HCL_PATH = "/repo/prod/account.hcl";
const JSON_PATH = "/repo/accounts.json";
/** Far above what any of these takes, far below what a person or Terragrunt would call hanging. */
const SOON_MS = 5000;

async function timed<T>(work: () => T | Promise<T>): Promise<T> {
  const started = performance.now();
  try {
    return await work();
  } finally {
    expect(performance.now() - started).toBeLessThan(SOON_MS);
  }
}

/** The facts, or the refusal; any other error is a bug and goes through. */
async function factsOf(text: string): Promise<AccountFacts | BrokerError> {
  return timed(async () => {
    try {
      return await readAccountFacts(text, HCL_PATH);
    } catch (error) {
      if (error instanceof BrokerError) return error;
      throw error;
    }
  });
}

async function registryOf(text: string): Promise<Registry | BrokerError> {
  return timed(() => {
    try {
      return parseRegistry(text, JSON_PATH);
    } catch (error) {
      if (error instanceof BrokerError) return error;
      throw error;
    }
  });
}

/** A text with some of its pieces taken out and others put in. */
function mutated(seeds: readonly string[], pieces: readonly string[]): fc.Arbitrary<string> {
  const change = fc.record({
    at: fc.nat(),
    remove: fc.nat(4),
    insert: fc.oneof(fc.constantFrom("", ...pieces), fc.string({ maxLength: 3 })),
  });
  return fc.tuple(fc.constantFrom(...seeds), fc.array(change, { maxLength: 4 })).map(([seed, changes]) => {
    let text = seed;
    for (const { at, remove, insert } of changes) {
      const place = at % (text.length + 1);
      text = text.slice(0, place) + insert + text.slice(place + remove);
    }
    return text;
  });
}

describe("account.hcl", () => {
  const SEEDS = [
    'locals {\n  account_name = "prod"\n  aws_account_id = "666666666666"\n}\n',
    'locals {\r\n  account = {\r\n    name = "prod" # x\r\n    "id" : "666666666666",\r\n  }\r\n}\r\n',
    'inputs = {\n  account_id = "666666666666"\n}\n',
    'locals {\n  ids = { prod = "666666666666", dev = "444444444444" }\n  account_name = "dev"\n  account_id = local.ids[local.account_name]\n}\n',
    '/* x */ locals {\n  x = <<-EOT\n    account_id = "444444444444"\n  EOT\n  account_id = (local.y) // "\n  y = "666666666666"\n}\n',
    'locals {\n  account_id = jsondecode(file(find_in_parent_folders("accounts.json")))["prod"].id\n}\n',
    'locals {\n  account_id = get_env("A", "666666666666")\n  account_name = basename(get_terragrunt_dir())\n}\n',
  ];
  // No `${`: with templates an id may be put together from two texts.
  const PIECES = [
    '"',
    "\n",
    "\r",
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "=",
    ".",
    ",",
    "#",
    "//",
    "/*",
    "*/",
    "<<E\n",
    "E\n",
    "\\",
    "\0",
    "\uFEFF",
    "é",
    "😀",
    "local.",
    "account_id = ",
    "aws = ",
    "444444444444",
    "%{",
  ];
  const text = fc.oneof(
    { weight: 3, arbitrary: mutated(SEEDS, PIECES) },
    { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 200 }) },
    {
      weight: 1,
      arbitrary: fc
        .array(fc.constantFrom(...PIECES, "locals {\n", "account_name = ", '"prod"', "${", "~}"), { maxLength: 40 })
        .map((parts) => parts.join("")),
    },
  );

  it("is refused or says something, and never crashes", async () => {
    await fc.assert(
      fc.asyncProperty(text, async (hcl) => {
        const facts = await factsOf(hcl);
        expect(facts instanceof BrokerError || Object.keys(facts).length > 0).toBe(true);
      }),
      { numRuns: 400 },
    );
  });

  it("never gives an id that does not stand in it", async () => {
    await fc.assert(
      fc.asyncProperty(mutated(SEEDS, PIECES), async (hcl) => {
        const facts = await factsOf(hcl);
        if (facts instanceof BrokerError || !facts.id || hcl.includes("${")) return;
        expect(facts.id.text).toMatch(/^\d{12}$/);
        expect(hcl).toContain(`"${facts.id.text}"`);
      }),
      { numRuns: 400 },
    );
  });

  it("never has the text of an id in a message", async () => {
    const base64 = fc.constantFrom(
      ...Array.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=:_- "),
    );
    const secret = fc.string({ unit: base64, minLength: 14, maxLength: 80 });
    await fc.assert(
      fc.asyncProperty(
        secret,
        fc.constantFrom(
          "account_id = V",
          "account = { id = V }",
          "account_id = f(V)",
          "account_id = local.x\nx = V",
          "account_id = [V",
          'account_id = "1"\naws_account_id = V',
        ),
        async (value, form) => {
          const refusal = await factsOf(`locals {\n${form.replace("V", () => `"${value}"`)}\n}\n`);
          expect(refusal).toBeInstanceOf(BrokerError);
          expect(renderError(refusal, "0")).not.toContain(value);
        },
      ),
      { numRuns: 150 },
    );
  });

  it("gives the id and the name that were written, whatever stands around them", async () => {
    const id = fc.stringMatching(/^[0-9]{12}$/);
    const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/);
    const noise = [
      "",
      '# account_id = "1"',
      "/* } */",
      "\r",
      'x = {\n  account_id = "1"\n}',
      'y = "# ${local.account_name}"',
      'z = <<E\naccount_name = "1"\nE',
      'v = ["}"]',
      'aws_profile = "}" // {',
    ];
    const places = fc.shuffledSubarray([...noise, "ID", "NAME"], { minLength: noise.length + 2 });
    await fc.assert(
      fc.asyncProperty(id, name, places, async (accountId, accountName, lines) => {
        const written = { ID: `account_id = "${accountId}"`, NAME: `account_name = "${accountName}"` };
        const body = lines.map((line) => (line === "ID" || line === "NAME" ? written[line] : line)).join("\n");
        expect(await factsOf(`locals {\n${body}\n}\n`)).toMatchObject({
          id: { text: accountId },
          name: { text: accountName },
        });
      }),
      { numRuns: 150 },
    );
  });

  describe("soon, and with a refusal at most", () => {
    const many = (count: number, line: (index: number) => string) =>
      Array.from({ length: count }, (_, index) => line(index)).join("\n");
    const locals = (body: string) => `locals {\n${body}\n}\n`;
    const cases: [title: string, hcl: () => string][] = [
      ["1,000 parentheses", () => locals(`account_name = ${"(".repeat(1000)}"prod"${")".repeat(1000)}`)],
      ["1,000 objects in one another", () => locals(`account = ${"{ name = ".repeat(1000)}"prod"${"}".repeat(1000)}`)],
      ["1,000 lists in one another", () => locals(`account_id = ${"[".repeat(1000)}${"]".repeat(1000)}`)],
      [
        "1,000 templates in one another",
        () => locals(`account_name = ${'"${'.repeat(1000)}"prod"${'}"'.repeat(1000)}`),
      ],
      ["1,000 calls in one another", () => locals(`account_id = ${"f(".repeat(1000)}1${")".repeat(1000)}`)],
      [
        "1,000 blocks in one another",
        () => `${"a {\n".repeat(1000)}${"}\n".repeat(1000)}${locals('account_name = "prod"')}`,
      ],
      [
        "1,000 locals in a chain",
        () => locals(`account_name = local.a0\n${many(1000, (index) => `a${index} = local.a${index + 1}`)}`),
      ],
      ["1,000 steps", () => locals(`x = get_env("A")\naccount_name = local.x${".b".repeat(1000)}`)],
      ["20,000 brackets that are not closed", () => "[".repeat(20_000)],
      ["250 kB of parentheses that are not closed", () => locals(`account_id = ${"(".repeat(250_000)}`)],
      ["250 kB of quotes", () => '"'.repeat(250_000)],
      ["250 kB of comments", () => `${"#\n".repeat(120_000)}${locals('account_name = "prod"')}`],
      ["250 kB of one name", () => locals(`account_name = "${"a".repeat(250_000)}"`)],
      ["250 kB of digits", () => locals(`account_id = "${"6".repeat(250_000)}"`)],
      [
        "250 kB of attributes",
        () => locals(`account_name = "prod"\n${many(12_000, (index) => `attribute_${index} = "x"`)}`),
      ],
      [
        "250 kB of heredocs",
        () => locals(`account_name = "prod"\n${many(12_000, (index) => `h${index} = <<E\nx\nE`)}`),
      ],
      ["250 kB of interpolations", () => locals(`x = "a"\naccount_name = "${"${local.x}".repeat(20_000)}"`)],
      ["250 kB of operators", () => locals(`account_id = ${"!".repeat(250_000)}true`)],
      ["250 kB of pieces in disorder", () => '}{)(="${'.repeat(31_000)],
      ["250 kB of blanks", () => " ".repeat(250_000)],
      // 22 lines are four million evaluations unless the value of a local is remembered.
      [
        "a local that is twice the one before, 22 times",
        () =>
          locals(
            `a0 = ""\n${many(22, (index) => `a${index + 1} = "\${local.a${index}}\${local.a${index}}"`)}\naccount_name = local.a22`,
          ),
      ],
      [
        "6,000 steps into what only Terragrunt knows",
        () => locals(`x = get_env("A")\naccount_name = local.x${".b".repeat(6000)}`),
      ],
      ["10,000 parentheses", () => locals(`account_name = ${"(".repeat(10_000)}"prod"${")".repeat(10_000)}`)],
      [
        "10,000 locals in a chain",
        () => locals(`account_name = local.a0\n${many(10_000, (index) => `a${index} = local.a${index + 1}`)}`),
      ],
      [
        "5,000 heredocs that are not closed",
        () => locals(`account_name = "prod"\n${many(5000, (index) => `<<E${index}`)}`),
      ],
    ];
    it.each(cases)("%s", async (_title, hcl) => {
      const facts = await factsOf(hcl());
      expect(facts instanceof BrokerError || facts.name?.text === "prod").toBe(true);
    });
  });
});

describe("accounts.json", () => {
  const SEEDS = [
    '{\n  "dev": {"id": "444444444444", "deploy_order": 1},\n  "prod": {"id": "666666666666", "root_user_email": "a@b"}\n}\n',
    '{"__proto__": {"id": "444444444444"}, "x": {"id": "012345678901", "tags": [1, null, {"id": "1"}]}}',
  ];
  const PIECES = [
    '"',
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\n",
    "//",
    "/*",
    "\0",
    "\uFEFF",
    "null",
    "1",
    '"id": ',
    '"dev"',
    "é",
    "😀",
  ];
  const text = fc.oneof(
    { weight: 3, arbitrary: mutated(SEEDS, PIECES) },
    { weight: 1, arbitrary: fc.json() },
    { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 200 }) },
    {
      weight: 1,
      arbitrary: fc
        .array(fc.constantFrom(...PIECES, '"666666666666"'), { maxLength: 40 })
        .map((parts) => parts.join("")),
    },
  );

  it("is refused or read, never crashes, and never gives an id that does not stand in it", async () => {
    await fc.assert(
      fc.asyncProperty(text, async (json) => {
        const registry = await registryOf(json);
        if (registry instanceof BrokerError) return;
        for (const { id } of registry.entries.values()) {
          expect(id).toMatch(/^\d{12}$/);
          expect(json).toContain(`"${id}"`);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("is only read where JSON.parse reads it, with the same ids", async () => {
    await fc.assert(
      fc.asyncProperty(text, async (json) => {
        const registry = await registryOf(json);
        if (registry instanceof BrokerError) return;
        const parsed = JSON.parse(json) as Record<string, { id: string }>;
        const ids = (entries: Iterable<[string, { id: string }]>) =>
          new Map([...entries].map(([name, { id }]) => [name, id]));
        expect(ids(registry.entries)).toEqual(ids(Object.entries(parsed)));
      }),
      { numRuns: 2000 },
    );
  });

  it("gives every name its id and its line", async () => {
    const id = fc.stringMatching(/^[0-9]{12}$/);
    const accounts = fc.uniqueArray(
      fc.tuple(fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("__proto__", "constructor")), id),
      {
        selector: ([name]) => name,
        maxLength: 20,
      },
    );
    await fc.assert(
      fc.asyncProperty(accounts, async (pairs) => {
        const lines = pairs.map(([name, accountId]) => `${JSON.stringify(name)}: {"id": "${accountId}"}`);
        const registry = await registryOf(`{\n${lines.join(",\n")}\n}`);
        const expected = pairs.map(([name, accountId], index) => ({ name, id: accountId, line: index + 2 }));
        expect(registry instanceof BrokerError ? registry : [...registry.entries.values()]).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  describe("soon, and with a refusal at most", () => {
    const entry = '{"id": "666666666666"}';
    const nested = (depth: number) => `{"prod": {"id": "666666666666", "x": ${"[".repeat(depth)}${"]".repeat(depth)}}}`;
    const many = (count: number, part: (index: number) => string, between: string) =>
      Array.from({ length: count }, (_, index) => part(index)).join(between);
    const cases: [title: string, json: () => string][] = [
      ["1,000 lists in one another", () => nested(1000)],
      ["1,000 objects in one another", () => `${'{"a":'.repeat(1000)}1${"}".repeat(1000)}`],
      ["1,000 accounts", () => `{\n${many(1000, (index) => `"a${index}": ${entry}`, ",\n")}\n}`],
      ["250 kB of quotes", () => '"'.repeat(250_000)],
      ["250 kB of colons", () => ":".repeat(250_000)],
      ["250 kB of one name", () => `{"${"a".repeat(250_000)}": ${entry}}`],
      ["250 kB of digits", () => `{"prod": {"id": "${"6".repeat(250_000)}"}}`],
      ["4 MB of blanks", () => " ".repeat(4_000_000)],
      ["4 MB of newlines and an end", () => `${"\n".repeat(4_000_000)}{}`],
      ["100,000 lists in one another", () => nested(100_000)],
      ["1,000,000 brackets that are not closed", () => "[".repeat(1_000_000)],
      [
        "80,000 fields in one account",
        () => `{"prod": {"id": "666666666666", ${many(80_000, (index) => `"f${index}": 1`, ", ")}}}`,
      ],
      [
        "12,000 accounts of five lines",
        () =>
          `{\n${many(12_000, (index) => `"a${index}": {\n "id": "666666666666",\n "deploy_order": 1,\n "root_user_email": "aws+account@example.com"\n}`, ",\n")}\n}`,
      ],
    ];
    it.each(cases)("%s", async (_title, json) => {
      const registry = await registryOf(json());
      expect(registry instanceof BrokerError || registry.entries.size > 0 || json().endsWith("{}")).toBe(true);
    });
  });
});
