import { type Node, parseTree, type ParseError, printParseErrorCode } from "jsonc-parser";
import { BrokerError } from "../errors.ts";
import type { AccountId } from "../types.ts";
import { visible } from "../visible.ts";

/** One account of accounts.json. `line` is 1-based. */
export type RegistryEntry = { name: string; id: AccountId; line: number; deployOrder?: number };

/** accounts.json as it was read: `name -> {id, deploy_order, root_user_email}`. */
export type Registry = { path: string; entries: ReadonlyMap<string, RegistryEntry> };

/** AWS takes 50 for an account's name. */
const MAX_NAME = 128;

/** Where we are, for messages: the text is cut into lines once. */
type Source = { path: string; lineStarts: readonly number[] };

/**
 * Parses the text of an accounts.json. Throws BROKEN_REGISTRY with file, line and column: not JSON,
 * not an object of objects, a key that stands twice, an id that is not twelve digits in quotes.
 * Source of the format: Gruntwork's landing zone (`accounts.json`).
 */
export function parseRegistry(text: string, path: string): Registry {
  const source = { path, lineStarts: startsOfLines(text) };
  const root = parseStrictJson(text, source);
  if (root.type !== "object") throw broken(source, root.offset, "is not an object of accounts");
  const entries = new Map<string, RegistryEntry>();
  for (const property of root.children ?? []) {
    const entry = parseEntry(property, source);
    if (entries.has(entry.name)) throw broken(source, property.offset, `has "${entry.name}" twice`);
    entries.set(entry.name, entry);
  }
  return { path, entries };
}

function parseStrictJson(text: string, source: Source): Node {
  const errors: ParseError[] = [];
  const root = parseOrOverflow(text, errors, source);
  const [error] = errors;
  if (error) throw broken(source, error.offset, `is not JSON (${printParseErrorCode(error.error)})`);
  if (!root) throw broken(source, 0, "is empty");
  return root;
}

/** The parser goes as deep as the text; nothing of ours is deeper than two. */
function parseOrOverflow(text: string, errors: ParseError[], source: Source): Node | undefined {
  try {
    return parseTree(text, errors, { disallowComments: true, allowTrailingComma: false });
  } catch (error) {
    if (error instanceof RangeError) throw broken(source, 0, "is nested too deep");
    throw error;
  }
}

function parseEntry(property: Node, source: Source): RegistryEntry {
  const [key, value] = property.children ?? [];
  const name = String(key?.value);
  if (name.length > MAX_NAME) throw broken(source, property.offset, `has a name of ${name.length} characters`);
  if (value?.type !== "object") throw broken(source, (value ?? property).offset, `has no object under "${name}"`);
  const fields = fieldsOf(value, name, source);
  const order = fields.get("deploy_order");
  return {
    name,
    id: accountId(fields.get("id"), name, value, source),
    line: position(source, property.offset).line,
    ...(order?.type === "number" && { deployOrder: Number(order.value) }),
  };
}

function fieldsOf(object: Node, name: string, source: Source): ReadonlyMap<string, Node | undefined> {
  const fields = new Map<string, Node | undefined>();
  for (const { children } of object.children ?? []) {
    const field = String(children?.[0]?.value);
    if (fields.has(field)) throw broken(source, object.offset, `has "${field}" twice under "${name}"`);
    fields.set(field, children?.[1]);
  }
  return fields;
}

function accountId(id: Node | undefined, name: string, entry: Node, source: Source): AccountId {
  if (!id) throw broken(source, entry.offset, `has no id under "${name}"`);
  if (id.type === "string" && /^\d{12}$/.test(id.value)) return id.value as AccountId;
  const came = id.type === "string" ? `${String(id.value).length} characters` : A_TYPE[id.type];
  throw broken(source, id.offset, `has an id under "${name}" that is not twelve digits in quotes but ${came}`);
}

const A_TYPE: Readonly<Record<Node["type"], string>> = {
  object: "an object",
  array: "an array",
  property: "a property",
  string: "a string",
  number: "a number",
  boolean: "a boolean",
  null: "null",
};

function startsOfLines(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}

/** Line and column, both 1-based, of a character offset: the last line that starts at or before it. */
function position({ lineStarts }: Source, offset: number): { line: number; column: number } {
  let [low, high] = [0, lineStarts.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (lineStarts[middle]! <= offset) low = middle;
    else high = middle;
  }
  return { line: low + 1, column: offset - lineStarts[low]! + 1 };
}

function broken(source: Source, offset: number, what: string): BrokerError {
  const { line, column } = position(source, offset);
  return new BrokerError("BROKEN_REGISTRY", `${visible(source.path)}:${line}:${column} ${what}`, [
    ["expected", '{"<name>": {"id": "<twelve digits>", "deploy_order": 1, "root_user_email": "…"}}'],
    ["try", "mend that line; no account is taken from a registry that is broken anywhere"],
  ]);
}
