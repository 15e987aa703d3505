import { basename, dirname } from "node:path";
import type { Node } from "web-tree-sitter";
import { BrokerError } from "../errors.ts";
import { visible } from "../visible.ts";
import { type Attributes, parseHcl } from "./hcl.ts";
import { evaluate, type HclValue, newScope, type Scope } from "./hcl-value.ts";

/** One thing that account.hcl says: `account_name = "prod"` on line 2. */
export type Fact = { attribute: string; text: string; line: number };

/** What account.hcl says about its account, without looking anywhere else. At least one of the three is there. */
export type AccountFacts = {
  id?: Fact;
  name?: Fact;
  /** The id is looked up in a registry file, under this name. */
  lookup?: Fact & { file: string };
};

/**
 * The attributes that real repositories use, from a survey of 321 account.hcl files; the order is that of
 * how often they occur. Everything else that looks like an id there (`management_account`, `zone_id`,
 * `member_accounts`) is somebody else's.
 */
const ID_PATHS = [
  ["aws_account_id"],
  ["account_id"],
  ["provider_account_id"],
  ["aws_account"],
  ["account_number"],
  ["account", "aws_account_id"],
  ["account", "account_id"],
  ["account", "id"],
  ["aws", "id"],
  ["aws", "account_id"],
] as const;
const NAME_PATHS = [["account_name"], ["aws_account_name"], ["account"], ["account", "name"]] as const;

type Found = { attribute: string; value: HclValue };

/**
 * Reads the facts out of the text of an account.hcl. `path` is its absolute path.
 * Throws BROKEN_ACCOUNT_FILE, ACCOUNT_NOT_STATED, AMBIGUOUS_ACCOUNT, MALFORMED_ACCOUNT_ID.
 */
export async function readAccountFacts(text: string, path: string): Promise<AccountFacts> {
  try {
    return await readFacts(text, path);
  } catch (error) {
    if (isTooDeep(error)) throw broken(path, undefined, "is nested too deep");
    throw error;
  }
}

/** A text can be nested deeper than the stack, ours or the parser's (which is WebAssembly). */
function isTooDeep(error: unknown): boolean {
  return error instanceof RangeError || (error instanceof Error && error.name === "RuntimeError");
}

async function readFacts(text: string, path: string): Promise<AccountFacts> {
  const { attributes, locals } = await readAttributes(text, path);
  const scope = newScope(locals, basename(dirname(path)));
  const find = (paths: readonly (readonly string[])[]): Found[] =>
    paths.flatMap((keys) => {
      const value = follow(keys, attributes.get(keys[0]!), scope);
      return value ? [{ attribute: keys.join("."), value }] : [];
    });
  const id = idFact(find(ID_PATHS), path);
  const name = nameFact(find(NAME_PATHS), path);
  if (!id && !name) throw notStated(path);
  return { ...id, ...(name && { name }) };
}

async function readAttributes(text: string, path: string): Promise<{ attributes: Attributes; locals: Attributes }> {
  if (text.trim() === "") throw broken(path, undefined, "is empty");
  const bodies = await parseHcl(text);
  if ("brokenLine" in bodies) throw broken(path, bodies.brokenLine, "is not HCL that Terragrunt would read");
  if (bodies.duplicate !== undefined) throw broken(path, undefined, `says ${bodies.duplicate} twice`);
  return { attributes: bodies.hasLocals ? bodies.locals : bodies.inputs, locals: bodies.locals };
}

/**
 * The value at `account` → `name`; undefined where a step is missing. `account = {…}` is where `account.name`
 * stands, so as a value of its own it is none; any other attribute that is an object is a malformed value.
 */
function follow(keys: readonly string[], node: Node | undefined, scope: Scope): HclValue | undefined {
  if (!node) return undefined;
  const value = evaluate(node, scope);
  if (keys.length === 2 && value.kind === "object") return value.get(keys[1]!);
  if (keys.length === 2) return value.kind === "computed" ? value : undefined;
  return value.kind === "object" && keys[0] === "account" ? undefined : value;
}

function idFact(found: Found[], path: string): Pick<AccountFacts, "id" | "lookup"> | undefined {
  const facts = found.map(({ attribute, value }) => oneId(attribute, value, path));
  const [first, ...others] = facts;
  if (!first) return undefined;
  const other = others.find((fact) => fact.text !== first.text || "file" in fact !== "file" in first);
  if (other) throw ambiguous(path, first, other);
  return "file" in first ? { lookup: first } : { id: first };
}

function oneId(attribute: string, value: HclValue, path: string): Fact | (Fact & { file: string }) {
  if (value.kind === "registry") return { ...registryKey(attribute, value, path) };
  if (value.kind === "text" && /^\d{12}$/.test(value.text)) return { attribute, text: value.text, line: value.line };
  throw value.kind === "text" || value.kind === "number"
    ? malformed(attribute, value, path)
    : computedValue(attribute, value, path);
}

/** `local.accounts[local.account_name].id`: one key is the name, perhaps between an `accounts` wrapper and the id's own key. */
function registryKey(attribute: string, value: HclValue & { kind: "registry" }, path: string): Fact & { file: string } {
  const keys = value.keys.filter(
    (key, index) =>
      !(index === 0 && key === "accounts" && value.keys.length > 1) &&
      !(index > 0 && index === value.keys.length - 1 && /^(?:id|account_id|aws_account_id)$/.test(key)),
  );
  const [name] = keys;
  if (name === undefined || keys.length > 1) throw computedValue(attribute, value, path);
  if (!isPlainName(name)) throw notAName(attribute, { text: name, line: value.line }, path);
  return { attribute, text: name, line: value.line, file: value.file };
}

function nameFact(found: Found[], path: string): Fact | undefined {
  const facts = found.map(({ attribute, value }): Fact => {
    if (value.kind !== "text") throw computedValue(attribute, value, path);
    if (!isPlainName(value.text)) throw notAName(attribute, value, path);
    return { attribute, text: value.text, line: value.line };
  });
  const other = facts.find((fact) => fact.text !== facts[0]!.text);
  if (other) throw ambiguous(path, facts[0]!, other);
  return facts[0];
}

/** IAM's key ids, and a secret key: exactly 40 characters of base64, with something else around them. */
const KEY_PAIR = /A[KS]IA[A-Z0-9]{12,}|(?<![A-Za-z0-9+])[A-Za-z0-9/+]{40}(?![A-Za-z0-9+])/;

/** Names go into messages, so one that could redraw a terminal, or holds a key, is no name. */
function isPlainName(text: string): boolean {
  return /^[\p{L}\p{N}][\p{L}\p{N} ._@/+=,-]{0,63}$/u.test(text) && !KEY_PAIR.test(text);
}

function notAName(attribute: string, value: { text: string; line: number }, path: string): BrokerError {
  return new BrokerError("ACCOUNT_NOT_STATED", `${attribute} is not an account name`, [
    ["said by", at(path, value)],
    ["expected", "1 to 64 letters, digits and . _ - @ / + = , or blanks"],
    ["came", `${value.text.length} characters, not shown`],
    ["try", `${attribute} = "<a name in accounts.json>"`],
  ]);
}

function at(path: string, fact: { line: number }): string {
  return `${path}:${fact.line}`;
}

function broken(path: string, brokenLine: number | undefined, what: string): BrokerError {
  const where = brokenLine === undefined ? path : `${path}:${brokenLine}`;
  return new BrokerError("BROKEN_ACCOUNT_FILE", `${visible(where)} ${what}`, [
    ["try", 'locals { account_name = "<a name in accounts.json>" }'],
  ]);
}

function notStated(path: string): BrokerError {
  return new BrokerError("ACCOUNT_NOT_STATED", `${visible(path)} names no account`, [
    ["expected", "account_name or aws_account_id in locals (or account.name, account_id and the like)"],
    ["try", 'locals { account_name = "<a name in accounts.json>" }'],
  ]);
}

function malformed(attribute: string, value: { kind: string; text: string; line: number }, path: string): BrokerError {
  const came = value.kind === "number" ? "a number without quotes" : describeText(value.text);
  return new BrokerError("MALFORMED_ACCOUNT_ID", `${attribute} is not an AWS account id`, [
    ["said by", at(path, value)],
    ["expected", "twelve digits in quotes"],
    ["came", came],
    ["try", `${attribute} = "<twelve digits, as AWS shows them>"`],
  ]);
}

/** Never the text itself: a file was found in the wild whose "id" was half of a key pair. */
function describeText(text: string): string {
  return /^\d*$/.test(text) ? `${text.length} digits` : `${text.length} characters that are not all digits`;
}

function computedValue(attribute: string, value: HclValue, path: string): BrokerError {
  const calls =
    value.kind === "computed" && value.calls.length > 0 ? `calls ${value.calls.join(", ")}` : "not a plain text";
  return new BrokerError("ACCOUNT_NOT_STATED", `${attribute} can only be known by running Terragrunt`, [
    ["said by", `${at(path, value)} (${calls})`],
    ["expected", "a text, local.x, a template of those, or a look-up in accounts.json"],
    ["try", `${attribute} as a plain text in ${basename(path)}`],
  ]);
}

function ambiguous(path: string, one: Fact, other: Fact): BrokerError {
  return new BrokerError("AMBIGUOUS_ACCOUNT", `${visible(path)} names two accounts`, [
    ["said by", `${at(path, one)}  ${one.attribute} = "${one.text}"`],
    ["said by", `${at(path, other)}  ${other.attribute} = "${other.text}"`],
    ["try", "keep one of the two"],
  ]);
}
