import { chownSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import process from "node:process";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findTarget } from "../../src/account/find-target.ts";
import { BrokerError, type ErrorCode } from "../../src/errors.ts";
import type { Cache, Request, SaidBy, Target, World } from "../../src/types.ts";
import { type Folder, temporaryFolder, writeTree } from "../fakes/tree.ts";

const UID = process.getuid?.() ?? -1;
const isRoot = UID === 0;
const NOBODY = 65_534;

const IDS = { dev: "444444444444", prod: "666666666666", logs: "111111111111" } as const;
/** dev on line 2, prod on line 3, logs on line 4. */
const REGISTRY = `{\n${Object.entries(IDS)
  .map(([name, id]) => `  "${name}": {"id": "${id}"}`)
  .join(",\n")}\n}\n`;
const DEFAULT_ROLE = "allow-full-access-from-other-accounts";

const says = (...lines: string[]) => ["locals {", ...lines.map((line) => `  ${line}`), "}", ""].join("\n");
const named = (name: string) => says(`account_name = "${name}"`);
const roleOf = (id: string, role = DEFAULT_ROLE) => `arn:aws:iam::${id}:role/${role}`;

let folder: Folder;
let root: string;
beforeEach(() => {
  folder = temporaryFolder();
  root = folder.path;
});
afterEach(() => folder.remove());

/** A repository with that registry; later files replace these. */
function repository(files: Record<string, string>): void {
  writeTree(root, { ".git/": "", "accounts.json": REGISTRY, ...files });
}

/** What findTarget looks at, with a cache that remembers nothing. */
function worldOf(uid: number, cache: Pick<Cache, "remember"> = { remember: (_entry, make) => make() }): World {
  return { uid, version: "0", cache } as World;
}

async function find(unit: string, flags: Omit<Request, "directory"> = {}, uid = UID): Promise<Target> {
  return findTarget({ directory: `${root}/${unit}`, ...flags }, worldOf(uid));
}

async function accountOf(unit: string): Promise<string | undefined> {
  return (await find(unit)).account.name;
}

type Refusal = { code: ErrorCode; message: string; details?: readonly (readonly [string, string])[] };

async function expectRefusal(found: Promise<Target>, refusal: Refusal): Promise<void> {
  const error = await found.then(
    () => "it was not refused",
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof BrokerError)) throw error;
  const { code, message, details } = error;
  expect({ code, message, ...(refusal.details && { details }) }).toEqual(refusal);
}

describe("the target", () => {
  it("is account, role, repository, unit, and who said so", async () => {
    repository({ "prod/account.hcl": named("prod"), "prod/eu/vpc/terragrunt.hcl": "" });
    expect(await find("prod/eu/vpc")).toEqual({
      account: { id: IDS.prod, name: "prod" },
      partition: "aws",
      role: roleOf(IDS.prod),
      repository: root,
      unit: "prod/eu/vpc",
      saidBy: [
        { source: `${root}/prod/eu`, said: "no account.hcl" },
        { source: `${root}/prod/account.hcl`, line: 2, said: 'account_name = "prod"', decides: true },
        { source: `${root}/accounts.json`, line: 3, said: `prod → ${IDS.prod}` },
      ],
    });
  });

  it("names the id first where account.hcl says both: the id decides", async () => {
    repository({ "prod/account.hcl": says('account_name = "prod"', `account_id = "${IDS.prod}"`) });
    expect((await find("prod")).saidBy).toEqual<SaidBy[]>([
      { source: `${root}/prod/account.hcl`, line: 3, said: `account_id = "${IDS.prod}"`, decides: true },
      { source: `${root}/prod/account.hcl`, line: 2, said: 'account_name = "prod"', decides: false },
      { source: `${root}/accounts.json`, line: 3, said: `prod → ${IDS.prod}` },
    ]);
  });

  it("of the repository's own folder is the unit `.`", async () => {
    repository({ "account.hcl": named("dev") });
    expect((await find(".")).unit).toBe(".");
  });
});

describe("what is remembered", () => {
  /** Like the real cache: by kind and inputs, and through JSON. */
  function memory() {
    const kept = new Map<string, string>();
    const made: string[] = [];
    const remember: Cache["remember"] = async (entry, make) => {
      const key = JSON.stringify([entry.kind, entry.inputs]);
      const found = kept.get(key);
      if (found !== undefined) return entry.decode(JSON.parse(found)) ?? make();
      made.push(entry.kind);
      const value = await make();
      kept.set(key, JSON.stringify(entry.encode(value)));
      return value;
    };
    const world = worldOf(UID, { remember });
    return {
      made,
      find: (unit: string, flags: Omit<Request, "directory"> = {}) =>
        findTarget({ directory: `${root}/${unit}`, ...flags }, world),
    };
  }

  it("is the account of two unchanged files, and the target is the same again", async () => {
    repository({ "prod/account.hcl": named("prod"), "prod/a/terragrunt.hcl": "", "prod/b/c/terragrunt.hcl": "" });
    const { made, find: findAgain } = memory();
    const first = await findAgain("prod/a");
    expect(await findAgain("prod/a")).toEqual(first);
    expect(await findAgain("prod/b/c")).toEqual(await find("prod/b/c"));
    expect(made).toEqual(["account"]);
  });

  it.each([
    ["account.hcl", () => writeTree(root, { "prod/account.hcl": named("dev") }), IDS.dev],
    ["accounts.json", () => writeTree(root, { "accounts.json": `{"prod": {"id": "${IDS.logs}"}}` }), IDS.logs],
    ["a nearer account.hcl", () => writeTree(root, { "prod/a/account.hcl": named("logs") }), IDS.logs],
    [
      "a nearer accounts.json",
      () => writeTree(root, { "prod/accounts.json": `{"prod": {"id": "${IDS.dev}"}}` }),
      IDS.dev,
    ],
  ])("is not taken after a change of %s", async (_title, change, id) => {
    repository({ "prod/account.hcl": named("prod"), "prod/a/vpc/terragrunt.hcl": "" });
    const { find: findAgain } = memory();
    expect((await findAgain("prod/a/vpc")).account.id).toBe(IDS.prod);
    change();
    expect((await findAgain("prod/a/vpc")).account.id).toBe(id);
  });

  it("is not one folder's for another, where the text is the same but means the folder's name", async () => {
    const text = says("account_name = basename(get_terragrunt_dir())");
    repository({ "prod/account.hcl": text, "dev/account.hcl": text });
    const { find: findAgain } = memory();
    expect((await findAgain("prod")).account.name).toBe("prod");
    expect((await findAgain("dev")).account.name).toBe("dev");
  });

  it("does not name a registry that stands elsewhere now, with the same text", async () => {
    repository({ "prod/account.hcl": named("prod"), "prod/a/terragrunt.hcl": "" });
    const { find: findAgain } = memory();
    expect((await findAgain("prod/a")).saidBy.at(-1)?.source).toBe(`${root}/accounts.json`);
    writeTree(root, { "prod/accounts.json": REGISTRY });
    expect((await findAgain("prod/a")).saidBy.at(-1)?.source).toBe(`${root}/prod/accounts.json`);
  });

  it("is one per name for --account", async () => {
    repository({});
    const { find: findAgain } = memory();
    expect((await findAgain(".", { account: "prod" })).account.id).toBe(IDS.prod);
    expect((await findAgain(".", { account: "dev" })).account.id).toBe(IDS.dev);
  });
});

describe("the walk", () => {
  it("of a unit starts in its parent: Terragrunt never looks into the unit itself", async () => {
    repository({ "account.hcl": named("prod"), "vpc/terragrunt.hcl": "", "vpc/account.hcl": named("dev") });
    expect(await accountOf("vpc")).toBe("prod");
  });

  it("of a unit ends in the unit's own folder, if none stands above", async () => {
    repository({ "a/vpc/terragrunt.hcl": "", "a/vpc/account.hcl": named("dev") });
    const { account, saidBy } = await find("a/vpc");
    expect(account.name).toBe("dev");
    expect(saidBy.slice(0, 3)).toEqual([
      { source: `${root}/a`, said: "no account.hcl" },
      { source: root, said: "no account.hcl" },
      { source: `${root}/a/vpc/account.hcl`, line: 2, said: 'account_name = "dev"', decides: true },
    ]);
  });

  it("of any other folder starts right there", async () => {
    repository({ "account.hcl": named("prod"), "dev/account.hcl": named("dev") });
    expect(await accountOf("dev")).toBe("dev");
  });

  it("takes the nearest of two", async () => {
    repository({ "account.hcl": named("prod"), "a/account.hcl": named("dev"), "a/b/c/vpc/terragrunt.hcl": "" });
    expect(await accountOf("a/b/c/vpc")).toBe("dev");
  });

  it("ends at the git root", async () => {
    writeTree(root, {
      "account.hcl": named("prod"),
      "accounts.json": REGISTRY,
      "live/.git/": "",
      "live/vpc/terragrunt.hcl": "",
    });
    await expectRefusal(find("live/vpc"), {
      code: "NO_ACCOUNT_FILE",
      message: `no account.hcl from ${root}/live/vpc up to ${root}/live`,
      details: [
        ["expected", "account.hcl in the folder of the account, above its units"],
        ["try", 'locals { account_name = "<a name in accounts.json>" }   in that file'],
      ],
    });
  });

  it("ends at the git root for the registry, too", async () => {
    writeTree(root, { "accounts.json": REGISTRY, "live/.git/": "", "live/dev/account.hcl": named("dev") });
    await expectRefusal(find("live/dev"), {
      code: "NO_REGISTRY",
      message: `no accounts.json from ${root}/live/dev up to ${root}/live`,
      details: [
        ["expected", 'accounts.json at the root of the repository or nearer: {"<name>": {"id": "<twelve digits>"}}'],
        ["try", "add one; an account must stand there before its role is asked for"],
      ],
    });
  });

  it("looks into the git root itself, of a unit that is the git root too", async () => {
    repository({ "account.hcl": named("dev"), "terragrunt.hcl": "" });
    expect(await accountOf(".")).toBe("dev");
  });

  it.each([
    ["a file, as in worktrees and submodules", { "live/.git": "gitdir: /elsewhere\n" }],
    ["a folder", { "live/.git/": "" }],
  ])("knows the git root by .git that is %s", async (_title, git) => {
    writeTree(root, {
      "account.hcl": named("prod"),
      ...git,
      "live/accounts.json": REGISTRY,
      "live/a/account.hcl": named("dev"),
    });
    expect(await find("live/a")).toMatchObject({ account: { name: "dev" }, repository: `${root}/live`, unit: "a" });
    await expect(find("live")).rejects.toMatchObject({ code: "NO_ACCOUNT_FILE" });
  });

  it("takes the inner repository of two", async () => {
    repository({
      "account.hcl": named("prod"),
      "sub/.git/": "",
      "sub/accounts.json": REGISTRY,
      "sub/account.hcl": named("dev"),
      "sub/vpc/terragrunt.hcl": "",
    });
    expect(await find("sub/vpc")).toMatchObject({ account: { name: "dev" }, repository: `${root}/sub`, unit: "vpc" });
  });

  it("goes without git, and then has no repository and an absolute unit", async () => {
    writeTree(root, { "accounts.json": REGISTRY, "dev/account.hcl": named("dev"), "dev/vpc/terragrunt.hcl": "" });
    const target = await find("dev/vpc");
    expect(target).toMatchObject({ account: { name: "dev" }, unit: `${root}/dev/vpc` });
    expect(target).not.toHaveProperty("repository");
  });

  it.skipIf(!isRoot)("without git ends below the first folder that is another user's", async () => {
    writeTree(root, {
      "theirs/account.hcl": named("prod"),
      "theirs/accounts.json": REGISTRY,
      "theirs/ours/accounts.json": REGISTRY,
      "theirs/ours/vpc/": "",
    });
    expect(await accountOf("theirs/ours/vpc")).toBe("prod");
    chownSync(`${root}/theirs`, NOBODY, NOBODY);
    await expect(find("theirs/ours/vpc")).rejects.toMatchObject({
      code: "NO_ACCOUNT_FILE",
      message: `no account.hcl from ${root}/theirs/ours/vpc up to ${root}/theirs/ours`,
    });
  });

  it.skipIf(!isRoot)("without git, as a user who is not root, never goes into root's folders", async () => {
    writeTree(root, { "account.hcl": named("prod"), "accounts.json": REGISTRY, "ours/vpc/": "" });
    for (const path of ["ours", "ours/vpc"]) chownSync(`${root}/${path}`, NOBODY, NOBODY);
    await expect(find("ours/vpc", {}, NOBODY)).rejects.toMatchObject({
      message: `no account.hcl from ${root}/ours/vpc up to ${root}/ours`,
    });
  });

  it.each([
    "prod/vpc/.terragrunt-cache",
    "prod/vpc/.terragrunt-cache/x1/y2",
    "prod/vpc/.terragrunt-cache/x1/y2/modules/vpc",
  ])(
    "from %s is that of the unit: the copy there and the module's own git root count for nothing",
    async (directory) => {
      repository({
        "prod/account.hcl": named("prod"),
        "prod/vpc/terragrunt.hcl": "",
        "prod/vpc/.terragrunt-cache/x1/y2/.git/": "",
        "prod/vpc/.terragrunt-cache/x1/y2/account.hcl": named("dev"),
        "prod/vpc/.terragrunt-cache/x1/y2/accounts.json": `{"prod": {"id": "${IDS.dev}"}}`,
        "prod/vpc/.terragrunt-cache/x1/y2/modules/vpc/": "",
      });
      expect(await find(directory)).toMatchObject({
        account: { name: "prod", id: IDS.prod },
        repository: root,
        unit: "prod/vpc",
      });
    },
  );

  it("goes up through .terragrunt-stack", async () => {
    repository({ "prod/account.hcl": named("prod"), "prod/.terragrunt-stack/vpc/terragrunt.hcl": "" });
    expect(await find("prod/.terragrunt-stack/vpc")).toMatchObject({
      account: { name: "prod" },
      unit: "prod/.terragrunt-stack/vpc",
    });
  });

  it("goes by the real path of a folder that was entered by a link", async () => {
    repository({ "prod/account.hcl": named("prod"), "prod/vpc/terragrunt.hcl": "", "dev/account.hcl": named("dev") });
    symlinkSync("../prod/vpc", `${root}/dev/vpc`);
    expect(await find("dev/vpc")).toMatchObject({ account: { name: "prod" }, unit: "prod/vpc" });
  });

  it("follows account.hcl that is a link inside the repository", async () => {
    repository({ "dev/account.hcl": named("dev"), "copy/": "" });
    symlinkSync("../dev/account.hcl", `${root}/copy/account.hcl`);
    expect((await find("copy")).saidBy[0]).toMatchObject({ source: `${root}/copy/account.hcl`, decides: true });
  });
});

describe("a file that is there and cannot be used ends the walk", () => {
  beforeEach(() => repository({ "account.hcl": named("dev"), "a/b/vpc/terragrunt.hcl": "" }));
  const nearer = () => `${root}/a/account.hcl`;

  it("empty", async () => {
    writeFileSync(nearer(), "");
    await expectRefusal(find("a/b/vpc"), { code: "BROKEN_ACCOUNT_FILE", message: `${nearer()} is empty` });
  });

  it("not HCL", async () => {
    writeFileSync(nearer(), "locals {\n");
    await expectRefusal(find("a/b/vpc"), {
      code: "BROKEN_ACCOUNT_FILE",
      message: `${nearer()}:2 is not HCL that Terragrunt would read`,
    });
  });

  it("naming no account", async () => {
    writeFileSync(nearer(), says('region = "eu-central-1"'));
    await expectRefusal(find("a/b/vpc"), { code: "ACCOUNT_NOT_STATED", message: `${nearer()} names no account` });
  });

  it("a folder", async () => {
    mkdirSync(nearer());
    await expectRefusal(find("a/b/vpc"), { code: "UNSAFE_FILE", message: `${nearer()} is not a regular file` });
  });

  it("a link out of the repository", async () => {
    symlinkSync("/etc/passwd", nearer());
    await expectRefusal(find("a/b/vpc"), { code: "UNSAFE_FILE", message: `${nearer()} is a link out of ${root}` });
  });

  it("too large", async () => {
    writeFileSync(nearer(), "#".repeat(262_145));
    await expectRefusal(find("a/b/vpc"), {
      code: "UNSAFE_FILE",
      message: `${nearer()} has 262145 bytes, at most 262144 are read`,
    });
  });

  it("a registry that is nearer and broken", async () => {
    writeFileSync(`${root}/a/accounts.json`, "[]");
    writeFileSync(nearer(), named("dev"));
    await expectRefusal(find("a/b/vpc"), {
      code: "BROKEN_REGISTRY",
      message: `${root}/a/accounts.json:1:1 is not an object of accounts`,
    });
  });

  it("a registry that is too large", async () => {
    writeFileSync(`${root}/a/accounts.json`, " ".repeat(4 * 1024 * 1024 + 1));
    writeFileSync(nearer(), named("dev"));
    await expectRefusal(find("a/b/vpc"), {
      code: "UNSAFE_FILE",
      message: `${root}/a/accounts.json has 4194305 bytes, at most 4194304 are read`,
    });
  });
});

describe("the working directory", () => {
  const refusal = (path: string): Refusal => ({
    code: "NO_SUCH_FOLDER",
    message: `${path} is not a folder that can be entered`,
    details: [["try", "the path of a folder inside the repository"]],
  });

  it("that is not there is refused", async () => {
    await expectRefusal(find("nowhere"), refusal(`${root}/nowhere`));
  });

  it("that is a link to itself is refused", async () => {
    symlinkSync("loop", `${root}/loop`);
    await expectRefusal(find("loop"), refusal(`${root}/loop`));
  });

  it("that is a file is refused", async () => {
    repository({ "dev/account.hcl": named("dev") });
    await expectRefusal(find("dev/account.hcl"), refusal(`${root}/dev/account.hcl`));
  });
});

describe("the registry", () => {
  it("that is nearest to account.hcl is taken", async () => {
    repository({
      "a/accounts.json": `{"prod": {"id": "${IDS.logs}"}}`,
      "a/b/account.hcl": named("prod"),
      "a/b/vpc/terragrunt.hcl": "",
    });
    expect((await find("a/b/vpc")).account.id).toBe(IDS.logs);
  });

  it("may stand beside account.hcl", async () => {
    writeTree(root, { ".git/": "", "prod/accounts.json": REGISTRY, "prod/account.hcl": named("prod") });
    expect((await find("prod")).saidBy.at(-1)?.source).toBe(`${root}/prod/accounts.json`);
  });

  it("below account.hcl is not looked at", async () => {
    writeTree(root, {
      ".git/": "",
      "account.hcl": named("prod"),
      "vpc/accounts.json": REGISTRY,
      "vpc/terragrunt.hcl": "",
    });
    await expectRefusal(find("vpc"), { code: "NO_REGISTRY", message: `no accounts.json from ${root} up to ${root}` });
  });
});

describe("account.hcl against the registry", () => {
  const PATH = () => `${root}/a/account.hcl`;
  const known = (): readonly [string, string] => ["known", `dev, logs, prod   (${root}/accounts.json)`];
  const within = (...lines: string[]) => {
    repository({ "a/account.hcl": says(...lines) });
    return find("a");
  };
  const REGISTRY_CALL = 'jsondecode(file(find_in_parent_folders("accounts.json")))';

  const matches: [title: string, lines: string[], name: keyof typeof IDS][] = [
    ["a name", ['account_name = "logs"'], "logs"],
    ["an id", [`account_id = "${IDS.dev}"`], "dev"],
    ["an id and its name", [`account_id = "${IDS.dev}"`, 'account_name = "dev"'], "dev"],
    ["an id beside a name that is nobody's", [`account_id = "${IDS.dev}"`, 'account_name = "development"'], "dev"],
    ["a look-up", [`account_id = ${REGISTRY_CALL}.prod.id`], "prod"],
    [
      "a look-up by the name",
      ['account_name = "prod"', `account_id = ${REGISTRY_CALL}[local.account_name].id`],
      "prod",
    ],
    [
      "a look-up beside a name that is nobody's",
      ['account_name = "production"', `account_id = ${REGISTRY_CALL}["prod"].id`],
      "prod",
    ],
  ];
  it.each(matches)("%s", async (_title, lines, name) => {
    expect((await within(...lines)).account).toEqual({ id: IDS[name], name });
  });

  it("the folder's name, where account.hcl says so", async () => {
    repository({
      "logs/account.hcl": says("account_name = basename(get_terragrunt_dir())"),
      "logs/eu/vpc/terragrunt.hcl": "",
    });
    expect(await accountOf("logs/eu/vpc")).toBe("logs");
  });

  it("the folder's name decides nothing by itself", async () => {
    repository({ "logs/account.hcl": named("prod") });
    expect(await accountOf("logs")).toBe("prod");
  });

  it("one id under two names: the name chooses, else the first", async () => {
    const registry = `{"one": {"id": "${IDS.dev}"}, "two": {"id": "${IDS.dev}"}}`;
    repository({
      "accounts.json": registry,
      "a/account.hcl": says(`account_id = "${IDS.dev}"`, 'account_name = "two"'),
      "b/account.hcl": says(`account_id = "${IDS.dev}"`),
    });
    expect(await accountOf("a")).toBe("two");
    expect(await accountOf("b")).toBe("one");
  });

  const unknown: [title: string, lines: string[], name: string, said: string, way: string | undefined][] = [
    ["a typing error", ['account_name = "prdo"'], "prdo", '2   account_name = "prdo"', 'account_name = "prod"'],
    ["another case", ['account_name = "Prod"'], "Prod", '2   account_name = "Prod"', 'account_name = "prod"'],
    [
      "a name in an object",
      ['account = { name = "Prod" }'],
      "Prod",
      '2   account.name = "Prod"',
      'account.name = "prod"',
    ],
    ["nothing like it", ['account_name = "staging"'], "staging", '2   account_name = "staging"', undefined],
    ["an id as the name", [`account_name = "${IDS.prod}"`], IDS.prod, `2   account_name = "${IDS.prod}"`, undefined],
    [
      "a property of every object",
      ['account_name = "constructor"'],
      "constructor",
      '2   account_name = "constructor"',
      undefined,
    ],
    ["a look-up", [`account_id = ${REGISTRY_CALL}.Prod.id`], "Prod", '2   account_id = "Prod"', 'account_id = "prod"'],
  ];
  it.each(unknown)("refused, not in the registry: %s", async (_title, lines, name, said, way) => {
    await expectRefusal(within(...lines), {
      code: "UNKNOWN_ACCOUNT",
      message: `no account in this repository is called "${name}"`,
      details: [["said by", `${PATH()}:${said}`], known(), ["try", way ?? `add "${name}" to ${root}/accounts.json`]],
    });
  });

  it("refused: an id that is not in the registry, whatever the name is", async () => {
    await expectRefusal(within('account_id = "999999999999"', 'account_name = "prod"'), {
      code: "UNKNOWN_ACCOUNT",
      message: `account 999999999999 is not in ${root}/accounts.json`,
      details: [
        ["said by", `${PATH()}:2   account_id = "999999999999"`],
        known(),
        ["try", "add the account to the registry, or mend the id"],
      ],
    });
  });

  it("refused: an id beside another account's name", async () => {
    await expectRefusal(within('account_name = "prod"', `account_id = "${IDS.dev}"`), {
      code: "ACCOUNT_CONTRADICTED",
      message: "account.hcl names one account and another account's id",
      details: [
        ["said by", `${PATH()}:3   account_id = "${IDS.dev}"`],
        ["said by", `${PATH()}:2   account_name = "prod"`],
        ["but", `${root}/accounts.json:3   prod → ${IDS.prod}`],
        ["try", "mend the one that was copied"],
      ],
    });
  });

  it("refused: a look-up beside another account's name", async () => {
    const found = within('account_name = "dev"', `account_id = ${REGISTRY_CALL}["prod"].id`);
    await expect(found).rejects.toMatchObject({ code: expect.stringMatching(/CONTRADICTED|AMBIGUOUS/) as string });
  });

  it("refused: a look-up in another file than the registry that stands here", async () => {
    await expectRefusal(within('account_id = yamldecode(file(find_in_parent_folders("accounts.yml"))).prod.id'), {
      code: "ACCOUNT_NOT_STATED",
      message: "account_id is looked up in another file than the registry",
      details: [
        ["said by", `${PATH()}:2`],
        ["expected", "a look-up in accounts.json"],
        ["came", "accounts.yml"],
        ["try", "account_id as a plain text in account.hcl"],
      ],
    });
  });

  it("shows forty names and how many more there are", async () => {
    const names = Array.from({ length: 42 }, (_, index) => `account-${String(index).padStart(2, "0")}`);
    const registry = JSON.stringify(Object.fromEntries(names.map((name) => [name, { id: IDS.dev }])));
    repository({ "accounts.json": registry, "a/account.hcl": named("x") });
    const shown = `${names.slice(0, 40).join(", ")} and 2 more   (${root}/accounts.json)`;
    await expect(find("a")).rejects.toMatchObject({ details: expect.arrayContaining([["known", shown]]) as unknown });
  });
});

describe("--account", () => {
  it("is looked up in the registry; account.hcl is not read, broken or not", async () => {
    repository({ "prod/account.hcl": "}{" });
    expect(await find("prod", { account: "dev" })).toMatchObject({
      account: { id: IDS.dev, name: "dev" },
      role: roleOf(IDS.dev),
      unit: "prod",
      saidBy: [
        { source: "the command line", said: "dev", decides: true },
        { source: `${root}/accounts.json`, line: 2, said: `dev → ${IDS.dev}` },
      ],
    });
  });

  it("takes the registry that is nearest to the directory", async () => {
    repository({ "a/accounts.json": `{"dev": {"id": "${IDS.logs}"}}`, "a/vpc/terragrunt.hcl": "" });
    expect((await find("a/vpc", { account: "dev" })).account.id).toBe(IDS.logs);
  });

  it.each([
    ["Dev", "dev"],
    ["de", "dev"],
    ["staging", undefined],
    [IDS.dev, undefined],
    ["__proto__", undefined],
  ])("%s is not in it", async (account, way) => {
    repository({});
    await expectRefusal(find(".", { account }), {
      code: "UNKNOWN_ACCOUNT",
      message: `no account in this repository is called "${account}"`,
      details: [
        ["said by", "the command line"],
        ["known", `dev, logs, prod   (${root}/accounts.json)`],
        ["try", way ?? `add "${account}" to ${root}/accounts.json`],
      ],
    });
  });

  it("needs a registry", async () => {
    writeTree(root, { ".git/": "" });
    await expectRefusal(find(".", { account: "dev" }), {
      code: "NO_REGISTRY",
      message: `no accounts.json from ${root} up to ${root}`,
    });
  });
});

describe("--role", () => {
  it.each(["read-only", "a+b=c,d.e@f_g-h", "x".repeat(64), "team/deploy"])(
    "%s is a role of the directory's account",
    async (role) => {
      repository({ "prod/account.hcl": named("prod") });
      expect(await find("prod", { role })).toMatchObject({ account: { name: "prod" }, role: roleOf(IDS.prod, role) });
    },
  );

  it("is a role of the account that --account names", async () => {
    repository({});
    expect((await find(".", { account: "dev", role: "read-only" })).role).toBe(roleOf(IDS.dev, "read-only"));
  });

  it("as an ARN says everything: no file is read, not even the folder", async () => {
    const arn = roleOf("999999999999", "team/deploy");
    expect(await find("nowhere", { role: arn })).toEqual({
      account: { id: "999999999999" },
      partition: "aws",
      role: arn,
      unit: `${root}/nowhere`,
      saidBy: [{ source: "--role", said: arn, decides: true }],
    });
  });

  it("as an ARN of another account than --account is refused", async () => {
    repository({});
    await expect(find(".", { account: "prod", role: roleOf(IDS.dev) })).rejects.toBeInstanceOf(BrokerError);
  });

  const bad = (what: string): Refusal => ({
    code: "BAD_ROLE",
    message: `the text given with --role is not ${what}`,
    details: [
      ["expected", "allow-full-access-from-other-accounts, or arn:aws:iam::<account id>:role/<name>"],
      ["try", "hallpass explain   (shows the role that is used without --role)"],
    ],
  });

  it.each([
    "",
    "read only",
    "x".repeat(65),
    "/deploy",
    "deploy/",
    "a//b",
    "role:x",
    "deploy\n",
    "рoле",
    "Arn:aws:iam::1:role/x",
  ])("%j is not a name that IAM takes", async (role) => {
    repository({ "prod/account.hcl": named("prod") });
    await expectRefusal(find("prod", { role }), bad("a role name"));
  });

  it.each([
    "arn:",
    "arn:aws:iam::66666666666:role/x",
    "arn:aws:iam::6666666666666:role/x",
    "arn:aws:iam::666666666666:role/",
    "arn:aws:iam::666666666666:user/x",
    "arn:aws:iam:us-east-1:666666666666:role/x",
    "arn:aws:sts::666666666666:assumed-role/x/y",
    "arn:aws-cn:iam::666666666666:role/x",
    "arn:aws:iam::666666666666:role/x y",
    "arn:aws:iam::666666666666:role/x\n",
  ])("%j is not a role ARN", async (role) => {
    await expectRefusal(find(".", { role }), bad("a role ARN"));
  });
});

describe("a unit that is entered by a link, as Terragrunt's $PWD says", () => {
  const enter = (link: string) => {
    const cache = { remember: (_entry, make) => make() } as World["cache"];
    const cwd = `${root}/prod/vpc`;
    return findTarget({ directory: cwd }, {
      uid: UID,
      version: "1.2.3",
      cache,
      cwd,
      env: { PWD: link },
    } as unknown as World);
  };
  beforeEach(() => {
    repository({ "dev/account.hcl": named("dev"), "prod/account.hcl": named("prod"), "prod/vpc/terragrunt.hcl": "" });
    symlinkSync(`${root}/prod/vpc`, `${root}/dev/link`);
    symlinkSync(`${root}/prod/vpc`, `${root}/prod/link`);
  });

  it("in the same account is that account's", async () => {
    expect((await enter(`${root}/prod/link`)).account.name).toBe("prod");
  });

  it("in another account is refused: Terragrunt goes up from the link", async () => {
    await expectRefusal(enter(`${root}/dev/link`), {
      code: "ACCOUNT_CONTRADICTED",
      message: "this unit is entered by a link, and belongs to another account there",
      details: [
        ["as a link", `${root}/dev/link   dev → ${IDS.dev}`],
        ["itself", `${root}/prod/vpc   prod → ${IDS.prod}`],
        ["try", `cd ${root}/prod/vpc   or make it a unit of its own`],
      ],
    });
  });

  it.each(["dev", "nowhere", "", "loop"])("a stale $PWD (%j) says nothing", async (stale) => {
    symlinkSync(`${root}/loop`, `${root}/loop`); // looking at it is an error (ELOOP), not an absence
    expect((await enter(stale && `${root}/${stale}`)).account.name).toBe("prod");
  });
});
