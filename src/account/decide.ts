import { readAccountFacts } from "./account-hcl.ts";
import type { Decision, TextFile } from "./decision.ts";
import { factLines, matchRegistry, unknownAccount } from "./match-registry.ts";
import { parseRegistry, type Registry, type RegistryEntry } from "./registry.ts";

/** account.hcl and accounts.json → the account. A function of the two texts alone: its result is remembered. */
export async function decide(account: TextFile, registryFile: TextFile): Promise<Decision> {
  const facts = await readAccountFacts(account.text, account.path);
  const registry = parseRegistry(registryFile.text, registryFile.path);
  const entry = matchRegistry(facts, account.path, registry);
  return { id: entry.id, name: entry.name, saidBy: [...factLines(facts, account.path), registryLine(entry, registry)] };
}

/** An account that a flag names. Throws UNKNOWN_ACCOUNT. */
export function decideByName(name: string, registryFile: TextFile): Decision {
  const registry = parseRegistry(registryFile.text, registryFile.path);
  const entry = registry.entries.get(name);
  if (!entry) throw unknownAccount(name, ["the command line"], registry);
  const flag = { source: "the command line", said: name, decides: true };
  return { id: entry.id, name: entry.name, saidBy: [flag, registryLine(entry, registry)] };
}

function registryLine(entry: RegistryEntry, registry: Registry): Decision["saidBy"][number] {
  return { source: registry.path, line: entry.line, said: `${entry.name} → ${entry.id}` };
}
