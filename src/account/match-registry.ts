import { basename, dirname } from "node:path";
import { BrokerError } from "../errors.ts";
import type { SaidBy } from "../types.ts";
import { shortPath, visible } from "../visible.ts";
import type { AccountFacts, Fact } from "./account-hcl.ts";
import { nearestName } from "./nearest-name.ts";
import type { Registry, RegistryEntry } from "./registry.ts";

/**
 * A literal id must be an entry, and its key is the account's name; a name beside it must not be another
 * account's key (one real repository had such a copied file: the id was right). Without an id the name must
 * be a key, in exact case.
 */
export function matchRegistry(facts: AccountFacts, path: string, registry: Registry): RegistryEntry {
  const { id, lookup } = facts;
  if (lookup && lookup.file !== basename(registry.path)) throw otherRegistry(lookup, path, registry);
  const key = lookup ?? facts.name;
  const named = key && registry.entries.get(key.text);
  if (!id) return byName(facts, named, path, registry);
  const entry = [...registry.entries.values()].find((candidate) => candidate.id === id.text);
  if (!entry) throw unknownId(id, path, registry);
  if (named && named.id !== id.text) throw contradicted(id, key, named, path, registry);
  return named ?? entry;
}

/** A name beside a look-up must not be another account's key. */
function byName(
  { lookup, name }: AccountFacts,
  named: RegistryEntry | undefined,
  path: string,
  registry: Registry,
): RegistryEntry {
  const key = (lookup ?? name)!;
  if (!named) throw unknownAccount(key.text, [sayFact(path, key)], registry, key.attribute);
  const other = lookup && name && registry.entries.get(name.text);
  if (other && other.id !== named.id) throw contradicted(lookup, name, other, path, registry);
  return named;
}

/** What account.hcl said, for explain; the first of them decides. */
export function factLines({ id, name, lookup }: AccountFacts, path: string): SaidBy[] {
  const facts = [id, lookup, name].filter((fact) => fact !== undefined);
  return facts.map((fact, index) => ({ source: path, line: fact.line, said: sayValue(fact), decides: index === 0 }));
}

function sayValue(fact: Fact): string {
  return `${fact.attribute} = "${fact.text}"`;
}

function sayFact(path: string, fact: Fact): string {
  return `${path}:${fact.line}   ${sayValue(fact)}`;
}

function known(registry: Registry): readonly [string, string] {
  const names = [...registry.entries.keys()].toSorted();
  const shown = names.length > 40 ? `${names.slice(0, 40).join(", ")} and ${names.length - 40} more` : names.join(", ");
  return ["known", `${shown}   (${registry.path})`];
}

export function unknownAccount(name: string, saidBy: string[], registry: Registry, attribute?: string): BrokerError {
  const near = nearestName(name, [...registry.entries.keys()]);
  return new BrokerError("UNKNOWN_ACCOUNT", `no account in this repository is called "${name}"`, [
    ...saidBy.map((place) => ["said by", place] as const),
    known(registry),
    ["try", near === undefined ? `add "${name}" to ${registry.path}` : suggestion(attribute, near)],
  ]);
}

/** Without an attribute it stood on the command line. */
function suggestion(attribute: string | undefined, name: string): string {
  return attribute === undefined ? name : `${attribute} = "${name}"`;
}

function unknownId(id: Fact, path: string, registry: Registry): BrokerError {
  return new BrokerError("UNKNOWN_ACCOUNT", `account ${id.text} is not in ${visible(registry.path)}`, [
    ["said by", sayFact(path, id)],
    known(registry),
    ["try", "add the account to the registry, or mend the id"],
  ]);
}

function contradicted(
  id: Fact,
  name: Fact | undefined,
  named: RegistryEntry,
  path: string,
  registry: Registry,
): BrokerError {
  return new BrokerError("ACCOUNT_CONTRADICTED", "account.hcl names one account and another account's id", [
    ["said by", sayFact(path, id)],
    ...(name ? [["said by", sayFact(path, name)] as const] : []),
    ["but", `${shortPath(registry.path, dirname(path))}:${named.line}   ${named.name} → ${named.id}`],
    ["try", "mend the one that was copied"],
  ]);
}

function otherRegistry(lookup: Fact & { file: string }, path: string, registry: Registry): BrokerError {
  return new BrokerError("ACCOUNT_NOT_STATED", `${lookup.attribute} is looked up in another file than the registry`, [
    ["said by", `${path}:${lookup.line}`],
    ["expected", `a look-up in ${basename(registry.path)}`],
    ["came", lookup.file],
    ["try", `${lookup.attribute} as a plain text in ${basename(path)}`],
  ]);
}
