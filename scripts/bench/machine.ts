import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, dirname, isAbsolute, join } from "node:path";
import process from "node:process";
import { writeTree } from "../../test/fakes/tree.ts";
import { runOnce } from "./measure.ts";
import { BASE_ACCOUNT, type StandIn } from "./stand-in.ts";
import type { Program } from "./types.ts";

/** From dist/bench. */
export const ROOT = join(import.meta.dirname, "../..");
const ROLE = "allow-full-access-from-other-accounts";

const BUILDS = {
  binary: [join(ROOT, "dist/hallpass")],
  Node: [process.execPath, join(ROOT, "bin/hallpass.cjs")],
} as const satisfies Record<string, readonly string[]>;
export type Build = keyof typeof BUILDS;

/** What hallpass prints for Terragrunt. */
const ANSWER = /^\{"awsCredentials":\{"ACCESS_KEY_ID":"ASIA\w+",.+\}\s*$/;

/** a0 is the account of the base. */
export function accountId(index: number): string {
  return index === 0 ? BASE_ACCOUNT : String(300_000_000_000 + index);
}

export function roleArn(index: number): string {
  return `arn:aws:iam::${accountId(index)}:role/${ROLE}`;
}

export type Keychain = { name: "file" } | { name: "system"; env: Record<string, string> };
/** `accounts`: in accounts.json; `folders`: those of them that have a folder with a unit. */
export type Wish = { path: string; accounts: number; folders: number; door: string; keychain: Keychain };

/** A repository, folders of hallpass's own and one login. */
export type Machine = {
  path: string;
  unit: (account: number) => string;
  ask: (build: Build) => Program;
  forget: () => void;
};

/** Nobody's environment but PATH: one variable more (NODE_EXTRA_CA_CERTS) can double what a start costs. */
export function scrubbed(home: string): Record<string, string> {
  return { PATH: process.env["PATH"] ?? "", HOME: home };
}

export function makeMachine({ path, accounts, folders, door, keychain }: Wish, { user }: StandIn): Machine {
  writeTree(path, repository(accounts, folders));
  writeFileSync(join(path, "passphrase"), "of the benchmark\n", { mode: 0o600 });
  const env = {
    ...scrubbed(path),
    HALLPASS_CONFIG_DIR: join(path, "config"),
    HALLPASS_STATE_DIR: join(path, "state"),
    HALLPASS_RUNTIME_DIR: join(path, "run"),
    HALLPASS_KEYCHAIN: keychain.name,
    AWS_ENDPOINT_URL_STS: door,
    ...(keychain.name === "file" ? { HALLPASS_PASSPHRASE_FILE: join(path, "passphrase") } : keychain.env),
  };
  const input = `${user.accessKeyId}\n${user.secretAccessKey}\n`;
  execFileSync(BUILDS.binary[0], ["login", "--stdin"], { cwd: path, env, input, stdio: ["pipe", "ignore", "pipe"] });
  const unit = (account: number) => join(path, `live/a${account}/us-east-1/app`);
  return {
    path,
    unit,
    ask: (build) => ({ name: `hallpass, ${build}`, argv: BUILDS[build], cwd: unit(1), env, prints: ANSWER }),
    forget: () => rmSync(join(path, "state/cache"), { recursive: true, force: true }),
  };
}

function repository(accounts: number, folders: number): Record<string, string> {
  const names = Array.from({ length: accounts }, (_, index) => `a${index}`);
  const entries = names.map((name, index) => [
    name,
    { id: accountId(index), deploy_order: index + 1, root_user_email: `aws+${name}@example.com` },
  ]);
  const files = names.slice(0, folders).flatMap((name) => [
    [`live/${name}/account.hcl`, `locals {\n  account_name = "${name}"\n}\n`],
    [`live/${name}/us-east-1/app/terragrunt.hcl`, ""],
  ]);
  const registry = JSON.stringify(Object.fromEntries(entries), undefined, 2);
  return { "live/.git/": "", "live/accounts.json": registry, ...(Object.fromEntries(files) as Record<string, string>) };
}

/** As scripts/build.mjs compiles hallpass: what a program costs that does nothing. */
export function compile(folder: string, name: string, source: string): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.js`), source);
  const bun = join(dirname(createRequire(join(ROOT, "package.json")).resolve("bun/package.json")), "bin", "bun.exe");
  const flags = ["--compile", "--bytecode", "--splitting", "--format=esm"];
  const closed = ["dotenv", "bunfig", "tsconfig", "package-json"].map((what) => `--no-compile-autoload-${what}`);
  const args = ["build", join(folder, `${name}.js`), ...flags, ...closed, "--outfile", join(folder, name)];
  execFileSync(bun, args, { stdio: ["ignore", "ignore", "inherit"], env: scrubbed(folder) });
  return join(folder, name);
}

export function isOnPath(tool: string): boolean {
  if (isAbsolute(tool)) return existsSync(tool);
  return (process.env["PATH"] ?? "").split(delimiter).some((folder) => existsSync(join(folder, tool)));
}

/** Why a program cannot be measured here: its own words, or undefined where it runs. */
export function whyNot(program: Program): string | undefined {
  if (!isOnPath(program.argv[0]!)) return `${program.argv[0]} is not on PATH`;
  try {
    runOnce(program);
    return undefined;
  } catch (error) {
    return (error as Error).message.split("\n").slice(0, 3).join(" ").slice(0, 200);
  }
}
