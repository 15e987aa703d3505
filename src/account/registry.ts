import { getNodeValue, type Node, parseTree, type ParseError, printParseErrorCode } from "jsonc-parser";
import { BrokerError } from "../errors.ts";
import type { AccountId } from "../types.ts";
import { visible } from "../visible.ts";

/** One account of accounts.json. `line` is 1-based. */
export type RegistryEntry = { name: string; id: AccountId; line: number; deployOrder?: number };

/** accounts.json as it was read: `name -> {id, deploy_order, root_user_email}`. */
export type Registry = { path: string; entries: ReadonlyMap<string, RegistryEntry> };

/**
 * Parses the text of an accounts.json. Throws BROKEN_REGISTRY with file, line and column: not JSON,
 * not an object of objects, a key that stands twice, an id that is not twelve digits in quotes.
 * Source of the format: Gruntwork's landing zone (`accounts.json`).
 */
export function parseRegistry(text: string, path: string): Registry {
  const root = parseStrictJson(text, path);
  if (root.type !== "object") throw broken(text, path, root, "is not an object of accounts");
  const entries = new Map<string, RegistryEntry>();
  for (const property of root.children ?? []) {
    const entry = parseEntry(property, text, path);
    if (entries.has(entry.name)) throw broken(text, path, property, `has "${entry.name}" twice`);
    entries.set(entry.name, entry);
  }
  return { path, entries };
}

function parseStrictJson(text: string, path: string): Node {
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { disallowComments: true, allowTrailingComma: false });
  const [error] = errors;
  if (error) throw broken(text, path, error, `is not JSON (${printParseErrorCode(error.error)})`);
  if (!root) throw broken(text, path, { offset: 0 }, "is empty");
  return root;
}

function parseEntry(property: Node, text: string, path: string): RegistryEntry {
  const [key, value] = property.children ?? [];
  const name = String(key?.value);
  const fields = value?.type === "object" ? (value.children ?? []) : undefined;
  if (!fields) throw broken(text, path, value ?? property, `has no object under "${name}"`);
  const names = fields.map((field) => String(field.children?.[0]?.value));
  const twice = names.find((field, index) => names.indexOf(field) !== index);
  if (twice !== undefined) throw broken(text, path, value!, `has "${twice}" twice under "${name}"`);
  const id = fields[names.indexOf("id")]?.children?.[1];
  const order = fields[names.indexOf("deploy_order")]?.children?.[1];
  return {
    name,
    id: accountId(id, name, value!, text, path),
    line: position(text, property.offset).line,
    ...(order?.type === "number" && { deployOrder: Number(getNodeValue(order)) }),
  };
}

function accountId(id: Node | undefined, name: string, entry: Node, text: string, path: string): AccountId {
  if (!id) throw broken(text, path, entry, `has no id under "${name}"`);
  if (id.type === "string" && /^\d{12}$/.test(id.value)) return id.value as AccountId;
  const came = id.type === "string" ? `${String(id.value).length} characters` : `a ${id.type}`;
  throw broken(text, path, id, `has an id under "${name}" that is not twelve digits in quotes but ${came}`);
}

/** Line and column, both 1-based, of a character offset. */
function position(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset).split("\n");
  return { line: before.length, column: before.at(-1)!.length + 1 };
}

function broken(text: string, path: string, where: { offset: number }, what: string): BrokerError {
  const { line, column } = position(text, where.offset);
  return new BrokerError("BROKEN_REGISTRY", `${visible(path)}:${line}:${column} ${what}`, [
    ["expected", '{"<name>": {"id": "<twelve digits>", "deploy_order": 1, "root_user_email": "…"}}'],
    ["try", "mend that line; no account is taken from a registry that is broken anywhere"],
  ]);
}
