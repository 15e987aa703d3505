import { lstatSync, realpathSync, statSync } from "node:fs";
import { dirname, isAbsolute, relative } from "node:path";
import { BrokerError, systemCode } from "../errors.ts";
import type { Request, SaidBy, Target, World } from "../types.ts";
import { visible } from "../visible.ts";
import { type Decision, decisionEntry, type TextFile } from "./decision.ts";
import { readRepositoryFile } from "./read-file.ts";
import { findRepository, foldersUpTo, highestFolderOf, unitDirectory } from "./repository.ts";
import { DEFAULT_ROLE, parseRoleArn, roleArn } from "./roles.ts";

const ACCOUNT_FILE = "account.hcl";
const REGISTRY_FILE = "accounts.json";
const UNIT_FILES = ["terragrunt.hcl", "terragrunt.hcl.json"];
const MAX_ACCOUNT_FILE = 256 * 1024;
const MAX_REGISTRY = 4 * 1024 * 1024;

/** Where the search goes: the unit, the folders to look into (nearest first), and the highest of them. */
type Place = { unit: string; repository?: string; top: string; folders: string[] };

/**
 * Working directory → account and role.
 * Throws one of the account codes of errors.ts; never guesses, and never looks further up past a file
 * that is there but cannot be used.
 */
export async function findTarget(request: Request, world: World): Promise<Target> {
  if (request.role?.startsWith("arn:")) return targetOfArn(request.role, request);
  const place = findPlace(realFolder(request.directory), world);
  const { id, name, saidBy } = await (request.account === undefined
    ? accountOfBothPaths(place, request, world)
    : namedAccount(request.account, place, world));
  return {
    account: { id, name },
    partition: "aws",
    role: roleArn("aws", id, request.role ?? DEFAULT_ROLE),
    ...(place.repository !== undefined && { repository: place.repository }),
    unit: place.repository === undefined ? place.unit : relative(place.repository, place.unit) || ".",
    saidBy,
  };
}

/** An ARN says everything by itself: no file is read. */
function targetOfArn(text: string, { directory, account: named }: Request): Target {
  if (named !== undefined) throw twoAccounts();
  const { arn, partition, account } = parseRoleArn(text);
  const saidBy = [{ source: "--role", said: arn, decides: true }];
  return { account: { id: account }, partition, role: arn, unit: directory, saidBy };
}

/**
 * In a unit the walk starts at its parent, as Terragrunt's find_in_parent_folders does, and the unit's own
 * folder comes last; anywhere else it starts right there.
 */
function findPlace(directory: string, world: World): Place {
  const unit = unitDirectory(directory);
  const repository = findRepository(unit);
  const top = repository ?? highestFolderOf(unit, world.uid);
  const up = foldersUpTo(unit, top);
  const isUnit = UNIT_FILES.some((name) => lstatSync(`${unit}/${name}`, { throwIfNoEntry: false }) !== undefined);
  const folders = isUnit ? [...up.slice(1), unit] : up;
  return { unit, ...(repository !== undefined && { repository }), top, folders };
}

function realFolder(directory: string): string {
  try {
    const path = realpathSync(directory);
    if (statSync(path).isDirectory()) return path;
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
  }
  throw new BrokerError("NO_SUCH_FOLDER", `${visible(directory)} is not a folder that can be entered`, [
    ["try", "the path of a folder inside the repository"],
  ]);
}

/**
 * In a folder that was entered by a link, Terragrunt goes up from the link ($PWD) and we from the folder
 * itself. Where the two come to different accounts, the unit would get another account's keys: refused.
 */
async function accountOfBothPaths(place: Place, request: Request, world: World): Promise<Decision> {
  const decision = await accountOf(place, world);
  const link = linkToHere(request, world);
  if (link === undefined) return decision;
  const other = await accountOf(findPlace(link, world), world);
  if (other.id !== decision.id) throw twoPaths(link, other, place, decision);
  return decision;
}

/** $PWD, where it is another path to the working directory. It may be stale: then it leads elsewhere. */
function linkToHere(request: Request, { env, cwd }: World): string | undefined {
  if (request.directory !== cwd) return undefined;
  const logical = env["PWD"];
  if (logical === undefined || logical === cwd || !isAbsolute(logical)) return undefined;
  return isSameFolder(logical, cwd) ? logical : undefined;
}

/** A path that cannot be looked at (EACCES, a loop of links) is not one by which we came here. */
function isSameFolder(one: string, other: string): boolean {
  try {
    const [a, b] = [statSync(one), statSync(other)];
    return a.ino === b.ino && a.dev === b.dev;
  } catch {
    return false;
  }
}

async function accountOf(place: Place, world: World): Promise<Decision> {
  const saidBy: SaidBy[] = [];
  const file = nearest(ACCOUNT_FILE, place.folders, MAX_ACCOUNT_FILE, place, world, saidBy);
  if (!file) throw noAccountFile(place);
  const registry = findRegistry(dirname(file.path), place, world);
  const decided = await world.cache.remember(decisionEntry(file, registry, world), async () => {
    const { decide } = await import("./decide.ts");
    return decide(file, registry);
  });
  return { ...decided, saidBy: [...saidBy, ...decided.saidBy] };
}

async function namedAccount(name: string, place: Place, world: World): Promise<Decision> {
  const registry = findRegistry(place.unit, place, world);
  return world.cache.remember(decisionEntry({ path: "--account", text: name }, registry, world), async () => {
    const { decideByName } = await import("./decide.ts");
    return decideByName(name, registry);
  });
}

/** The nearest file of that name; the folders without one are noted in `saidBy`. */
function nearest(
  name: string,
  folders: string[],
  maxBytes: number,
  place: Place,
  world: World,
  saidBy: SaidBy[],
): TextFile | undefined {
  for (const folder of folders) {
    const path = `${folder}/${name}`;
    const text = readRepositoryFile(path, { uid: world.uid, root: place.top, maxBytes });
    if (text !== undefined) return { path, text };
    saidBy.push({ source: folder, said: `no ${name}` });
  }
  return undefined;
}

function findRegistry(from: string, place: Place, world: World): TextFile {
  const file = nearest(REGISTRY_FILE, foldersUpTo(from, place.top), MAX_REGISTRY, place, world, []);
  return file ?? raise(noRegistry(from, place));
}

function raise(error: BrokerError): never {
  throw error;
}

function twoPaths(link: string, other: Decision, place: Place, decision: Decision): BrokerError {
  return new BrokerError(
    "ACCOUNT_CONTRADICTED",
    "this unit is entered by a link, and belongs to another account there",
    [
      ["as a link", `${link}   ${other.name} → ${other.id}`],
      ["itself", `${place.unit}   ${decision.name} → ${decision.id}`],
      ["try", `cd ${place.unit}   or make it a unit of its own`],
    ],
  );
}

function twoAccounts(): BrokerError {
  return new BrokerError("USAGE", "--account and the ARN given with --role exclude each other", [
    ["try", "--role with the role's name alone, or no --account"],
  ]);
}

function noAccountFile(place: Place): BrokerError {
  return new BrokerError(
    "NO_ACCOUNT_FILE",
    `no ${ACCOUNT_FILE} from ${visible(place.unit)} up to ${visible(place.top)}`,
    [
      ["expected", `${ACCOUNT_FILE} in the folder of the account, above its units`],
      ["try", 'locals { account_name = "<a name in accounts.json>" }   in that file'],
    ],
  );
}

function noRegistry(from: string, place: Place): BrokerError {
  return new BrokerError("NO_REGISTRY", `no ${REGISTRY_FILE} from ${visible(from)} up to ${visible(place.top)}`, [
    ["expected", `${REGISTRY_FILE} at the root of the repository or nearer: {"<name>": {"id": "<twelve digits>"}}`],
    ["try", "add one; an account must stand there before its role is asked for"],
  ]);
}
