import { describe, expect, it } from "vitest";
import { parseRegistry, type RegistryEntry } from "../../src/account/registry.ts";
import { BrokerError } from "../../src/errors.ts";

const PATH = "/repo/accounts.json";
const PROD = "666666666666";
const ENTRY = `{"id": "${PROD}"}`;

function entriesOf(text: string): RegistryEntry[] {
  return [...parseRegistry(text, PATH).entries.values()];
}

/** The message, after code and details, which are always the same, are checked. */
function refusalOf(text: string): string {
  let thrown: unknown;
  try {
    parseRegistry(text, PATH);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(BrokerError);
  const { code, message, details } = thrown as BrokerError;
  expect({ code, details }).toEqual({
    code: "BROKEN_REGISTRY",
    details: [
      ["expected", '{"<name>": {"id": "<twelve digits>", "deploy_order": 1, "root_user_email": "…"}}'],
      ["try", "mend that line; no account is taken from a registry that is broken anywhere"],
    ],
  });
  return message;
}

describe("a registry", () => {
  it("of Gruntwork's form, each entry with its line", () => {
    const text = `{
  "logs": {
    "id": "111111111111",
    "deploy_order": 1,
    "root_user_email": "aws+logs@example.com"
  },
  "prod": { "id": "${PROD}" }
}
`;
    const registry = parseRegistry(text, PATH);
    expect(registry.path).toBe(PATH);
    expect([...registry.entries]).toEqual([
      ["logs", { name: "logs", id: "111111111111", line: 2, deployOrder: 1 }],
      ["prod", { name: "prod", id: PROD, line: 7 }],
    ]);
  });

  const entry = (name: string, id = PROD, line = 1) => ({ name, id, line });
  const cases: [title: string, text: string, entries: RegistryEntry[]][] = [
    ["without an account", "{}", []],
    ["on one line", `{"a":${ENTRY},"b":${ENTRY}}`, [entry("a"), entry("b")] as RegistryEntry[]],
    ["with CRLF", `{\r\n"a":\r\n${ENTRY}\r\n}\r\n`, [entry("a", PROD, 2)] as RegistryEntry[]],
    ["with a leading zero", '{"a": {"id": "012345678901"}}', [entry("a", "012345678901")] as RegistryEntry[]],
    ["with one id under two names", `{"a":${ENTRY},"A":${ENTRY}}`, [entry("a"), entry("A")] as RegistryEntry[]],
    [
      "with names of any kind",
      `{"生产":${ENTRY},"a b":${ENTRY},"":${ENTRY}}`,
      [entry("生产"), entry("a b"), entry("")] as RegistryEntry[],
    ],
    ["with an escaped name", String.raw`{"pr\u006fd":` + `${ENTRY}}`, [entry("prod")] as RegistryEntry[]],
    ["with an order that is a text", `{"a": {"id": "${PROD}", "deploy_order": "1"}}`, [entry("a")] as RegistryEntry[]],
    [
      "with other fields of any kind",
      `{"a": {"id": "${PROD}", "x": {"id": "1", "y": [null, {}]}, "z": null}}`,
      [entry("a")] as RegistryEntry[],
    ],
    // A deeper object is not ours to judge; its duplicates decide nothing.
    [
      "with a duplicate in a field of a field",
      `{"a": {"id": "${PROD}", "x": {"k": 1, "k": 2}}}`,
      [entry("a")] as RegistryEntry[],
    ],
  ];
  it.each(cases)("%s", (_title, text, entries) => {
    expect(entriesOf(text)).toEqual(entries);
  });

  it("whose accounts are called like the properties of every object", () => {
    const names = ["__proto__", "constructor", "toString", "hasOwnProperty"];
    const { entries } = parseRegistry(`{${names.map((name) => `"${name}":${ENTRY}`).join(",")}}`, PATH);
    expect([...entries.keys()]).toEqual(names);
    expect(entries.get("valueOf")).toBeUndefined();
  });

  it("takes no id from __proto__", () => {
    expect(refusalOf(`{"a": {"__proto__": ${ENTRY}}}`)).toBe(`${PATH}:1:7 has no id under "a"`);
    expect(entriesOf(`{"a": {"__proto__": {"id": "1"}, "id": "${PROD}"}}`)).toEqual([entry("a")]);
  });
});

describe("refused: not JSON", () => {
  const cases: [title: string, text: string, where: string, what: string][] = [
    ["empty", "", "1:1", "ValueExpected"],
    ["blanks only", "\n \n", "3:1", "ValueExpected"],
    ["words", "prod", "1:1", "InvalidSymbol"],
    ["a comment", `{\n  // x\n  "a": ${ENTRY}\n}`, "2:3", "InvalidCommentToken"],
    ["a comment in a line", `{ /* x */ "a": ${ENTRY} }`, "1:3", "InvalidCommentToken"],
    ["a comment at the end", `{}\n# x`, "2:1", "InvalidSymbol"],
    ["a comma behind the last account", `{\n  "a": ${ENTRY},\n}`, "3:1", "PropertyNameExpected"],
    ["a comma behind the last field", `{\n  "a": {"id": "${PROD}",}\n}`, "2:30", "PropertyNameExpected"],
    ["a comma that is missing", `{\n  "a": ${ENTRY}\n  "b": ${ENTRY}\n}`, "3:3", "CommaExpected"],
    ["a colon that is missing", `{"a" ${ENTRY}}`, "1:6", "ColonExpected"],
    ["a brace that is missing", `{"a": ${ENTRY}`, "1:29", "CloseBraceExpected"],
    ["something behind the end", `{}\n{}`, "2:1", "EndOfFileExpected"],
    ["single quotes", `{'a': ${ENTRY}}`, "1:2", "InvalidSymbol"],
    ["names without quotes", `{a: ${ENTRY}}`, "1:2", "InvalidSymbol"],
    ["a newline in a name", `{"a\nb": ${ENTRY}}`, "1:2", "UnexpectedEndOfString"],
    ["a control character in a name", `{"a\u0001b": ${ENTRY}}`, "1:2", "InvalidCharacter"],
    ["an escape that JSON does not know", String.raw`{"\x61": ${ENTRY}}`, "1:2", "InvalidEscapeCharacter"],
    ["a leading zero", `{"a": {"id": 066666666666}}`, "1:15", "CommaExpected"],
    ["NaN", `{"a": {"id": "${PROD}", "deploy_order": NaN}}`, "1:46", "InvalidSymbol"],
    ["a template of another tool", '{"a": {"id": "{{ .Id }}"}, {{ range }}}', "1:28", "PropertyNameExpected"],
    ["a merge conflict", `<<<<<<< HEAD\n{}`, "1:1", "InvalidSymbol"],
    ["a NUL", "{}\0", "1:3", "InvalidSymbol"],
    ["a byte order mark in the middle", "{}\n\uFEFF", "2:1", "InvalidSymbol"],
    ["YAML", `a:\n  id: "${PROD}"\n`, "1:1", "InvalidSymbol"],
  ];
  it.each(cases)("%s", (_title, text, where, what) => {
    expect(refusalOf(text)).toBe(`${PATH}:${where} is not JSON (${what})`);
  });
});

describe("refused: not a registry", () => {
  const entry = (fields: string) => `{\n  "a": {${fields}}\n}`;
  const cases: [title: string, text: string, message: string][] = [
    ["an array", `[${ENTRY}]`, `${PATH}:1:1 is not an object of accounts`],
    ["a text", `\n"${PROD}"`, `${PATH}:2:1 is not an object of accounts`],
    ["null", "null", `${PATH}:1:1 is not an object of accounts`],
    ["an account twice", `{\n  "a": ${ENTRY},\n  "b": ${ENTRY},\n  "a": ${ENTRY}\n}`, `${PATH}:4:3 has "a" twice`],
    [
      "an account twice, once with an escape",
      `{"a": ${ENTRY}, ${String.raw`"\u0061"`}: ${ENTRY}}`,
      `${PATH}:1:31 has "a" twice`,
    ],
    ["__proto__ twice", `{"__proto__": ${ENTRY}, "__proto__": ${ENTRY}}`, `${PATH}:1:39 has "__proto__" twice`],
    ["an id twice", entry(`"id": "${PROD}", "id": "${PROD}"`), `${PATH}:2:8 has "id" twice under "a"`],
    ["any field twice", entry(`"id": "${PROD}", "x": 1, "x": 1`), `${PATH}:2:8 has "x" twice under "a"`],
    ["an account that is null", `{\n  "a": null\n}`, `${PATH}:2:8 has no object under "a"`],
    ["an account that is an array", `{"a": ["${PROD}"]}`, `${PATH}:1:7 has no object under "a"`],
    ["no field", entry(""), `${PATH}:2:8 has no id under "a"`],
    ["no id", entry('"deploy_order": 1'), `${PATH}:2:8 has no id under "a"`],
    ["an id in other letters", entry(`"Id": "${PROD}"`), `${PATH}:2:8 has no id under "a"`],
    [
      "an id that is a number",
      entry(`"id": ${PROD}`),
      `${PATH}:2:15 has an id under "a" that is not twelve digits in quotes but a number`,
    ],
    [
      "an id that is null",
      entry('"id": null'),
      `${PATH}:2:15 has an id under "a" that is not twelve digits in quotes but null`,
    ],
    [
      "an id that is true",
      entry('"id": true'),
      `${PATH}:2:15 has an id under "a" that is not twelve digits in quotes but a boolean`,
    ],
    [
      "eleven digits",
      entry('"id": "66666666666"'),
      `${PATH}:2:15 has an id under "a" that is not twelve digits in quotes but 11 characters`,
    ],
    [
      "thirteen digits",
      entry('"id": "6666666666666"'),
      `${PATH}:2:15 has an id under "a" that is not twelve digits in quotes but 13 characters`,
    ],
    [
      "an id that is empty",
      entry('"id": ""'),
      `${PATH}:2:15 has an id under "a" that is not twelve digits in quotes but 0 characters`,
    ],
    [
      "an id with a newline behind",
      entry(String.raw`"id": "666666666666\n"`),
      `${PATH}:2:15 has an id under "a" that is not twelve digits in quotes but 13 characters`,
    ],
    [
      "digits of full width",
      entry('"id": "６６６６６６６６６６６６"'),
      `${PATH}:2:15 has an id under "a" that is not twelve digits in quotes but 12 characters`,
    ],
  ];
  it.each(cases)("%s", (_title, text, message) => {
    expect(refusalOf(text)).toBe(message);
  });

  it.each(["{}", "[]"])("an id that is %s", (id) => {
    expect(refusalOf(entry(`"id": ${id}`))).toMatch(
      /^\/repo\/accounts\.json:2:15 has an id under "a" that is not twelve digits/,
    );
  });

  it("the account that stands last, too: nothing is taken from a broken registry", () => {
    expect(refusalOf(`{"a": ${ENTRY}, "b": {}}`)).toBe(`${PATH}:1:36 has no id under "b"`);
  });

  it("a column counts characters, not bytes", () => {
    expect(refusalOf(`{"生产": null}`)).toBe(`${PATH}:1:8 has no object under "生产"`);
  });

  it("never with the text of an id, which may be a key", () => {
    expect(refusalOf(entry('"id": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"'))).not.toContain("wJalr");
  });

  it("with the control characters of a path made visible", () => {
    expect(() => parseRegistry("[]", "/re\u001Bpo/accounts.json")).toThrow(
      String.raw`/re\u{1b}po/accounts.json:1:1 is not an object of accounts`,
    );
  });
});
