import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startStsServer, type StsServer } from "../fakes/sts-server.ts";
import { temporaryFolder } from "../fakes/tree.ts";

const ROOT = join(import.meta.dirname, "../..");

/** Both programs that users run; every end-to-end test runs against both. */
export const BUILDS = [
  { build: "node", command: [process.execPath, join(ROOT, "bin/hallpass.cjs")] },
  { build: "binary", command: [join(ROOT, "dist/hallpass")] },
] as const satisfies readonly { build: string; command: readonly string[] }[];
export type Build = (typeof BUILDS)[number];

export const ACCOUNTS = { dev: "444444444444", prod: "666666666666", logs: "111111111111", security: "222222222222" };
export const ROLE = "allow-full-access-from-other-accounts";
export const ANA = `arn:aws:iam::${ACCOUNTS.security}:user/ana`;

export type Ended = { status: number | null; signal: string | null; stdout: string; stderr: string };
export type RunOptions = { cwd?: string; env?: Record<string, string | undefined>; stdin?: string; limitMs?: number };

/** A machine of its own: folders, a copy of examples/live in git, an STS with four accounts, and one IAM user. */
export type Rig = Awaited<ReturnType<typeof makeRig>>;

export async function makeRig({ command }: Build) {
  const folder = temporaryFolder();
  const sts = await startStsServer();
  const ana = sts.addUser({ accountId: ACCOUNTS.security, name: "ana" });
  for (const id of Object.values(ACCOUNTS))
    sts.addRole(roleOf(id), { trusts: [`arn:aws:iam::${ACCOUNTS.security}:root`] });
  const live = join(folder.path, "live");
  cpSync(join(ROOT, "examples/live"), live, { recursive: true });
  execFileSync("git", ["init", "-q", live], { env: {} });
  const passphrase = join(folder.path, "passphrase");
  writeFileSync(passphrase, "canary-passphrase\n", { mode: 0o600 });
  const env = environment(folder.path, sts, passphrase);
  const outputs: string[] = [];

  const start = (args: readonly string[], options: RunOptions = {}): Running => {
    const running = startProgram([...command, ...args], { cwd: live, ...options, env: { ...env, ...options.env } });
    void running.ended.then(({ stdout, stderr }) => outputs.push(stdout, stderr));
    return running;
  };
  return {
    path: folder.path,
    live,
    state: join(folder.path, "state"),
    sts,
    ana,
    env,
    /** Everything that any run printed. */
    outputs,
    start,
    run: (args: readonly string[], options?: RunOptions) => start(args, options).ended,
    login: async () => {
      const ended = await start(["login", "--stdin"], { stdin: `${ana.accessKeyId}\n${ana.secretAccessKey}\n` }).ended;
      if (ended.status !== 0) throw new Error(`login failed: ${ended.stderr}`);
    },
    files: () => listFiles(join(folder.path, "state")),
    end: async () => {
      await sts.close();
      folder.remove();
    },
  };
}

export function roleOf(accountId: string): string {
  return `arn:aws:iam::${accountId}:role/${ROLE}`;
}

/** Nothing of the machine's own environment but PATH. */
function environment(path: string, sts: StsServer, passphrase: string): Record<string, string> {
  return {
    PATH: process.env["PATH"] ?? "",
    HOME: path,
    HALLPASS_CONFIG_DIR: join(path, "config"),
    HALLPASS_STATE_DIR: join(path, "state"),
    HALLPASS_RUNTIME_DIR: join(path, "run"),
    HALLPASS_KEYCHAIN: "file",
    HALLPASS_PASSPHRASE_FILE: passphrase,
    AWS_ENDPOINT_URL_STS: sts.url,
  };
}

export type Running = { process: ChildProcess; ended: Promise<Ended> };

/** Starts a program; one that does not end within the limit is killed, and `signal` says so. */
export function startProgram(argv: readonly string[], options: RunOptions): Running {
  const env = Object.fromEntries(Object.entries(options.env ?? {}).filter(([, value]) => value !== undefined));
  const child = spawn(argv[0]!, argv.slice(1), {
    cwd: options.cwd,
    env,
    timeout: options.limitMs ?? 60_000,
    killSignal: "SIGKILL",
  });
  const texts = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    child[name].setEncoding("utf8").on("data", (text: string) => (texts[name] += text));
  child.stdin.on("error", () => {});
  child.stdin.end(options.stdin ?? "");
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once("error", reject).once("close", (status, signal) => resolve({ status, signal, ...texts }));
  });
  return { process: child, ended };
}

/** Every file below a folder with its bytes. */
function listFiles(folder: string): { path: string; bytes: Buffer; mode: number }[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path, bytes: readFileSync(path), mode: statSync(path).mode & 0o777 }));
}
