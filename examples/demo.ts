import { spawn, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { startStsServer, type StsServer } from "../test/fakes/sts-server.ts";

/*
 * `npm start`: the main job on a machine that has no AWS account. An STS of our own on the loopback, a
 * throw-away keychain, a copy of examples/live; the program is the real one. Nothing outside the temp folder
 * changes.
 */

const ROOT = join(import.meta.dirname, "../..");
const HALLPASS = join(ROOT, "bin/hallpass.cjs");
const UNITS = ["dev/us-east-1/app", "prod/us-east-1/vpc", "logs/us-east-1/bucket", "security/_global/users"];
const SHOWN_UNIT = "prod/us-east-1/vpc";
const SECURITY = "222222222222";
const ACCOUNTS = ["444444444444", "666666666666", "111111111111", SECURITY];

type Demo = { live: string; sts: StsServer; env: Record<string, string> };

async function demo(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "hallpass-"));
  const sts = await startStsServer();
  try {
    const here = await prepare(folder, sts);
    console.log("An STS of our own on 127.0.0.1, a throw-away keychain, examples/live:");
    for (const unit of UNITS) await showUnit(unit, here);
    await showAnswer(here);
    await showTerragrunt(here);
  } finally {
    await sts.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function prepare(folder: string, sts: StsServer): Promise<Demo> {
  const ana = sts.addUser({ accountId: SECURITY, name: "ana" });
  const trusts = [`arn:aws:iam::${SECURITY}:root`];
  for (const id of ACCOUNTS) sts.addRole(`arn:aws:iam::${id}:role/allow-full-access-from-other-accounts`, { trusts });
  const live = join(folder, "live");
  cpSync(join(ROOT, "examples/live"), live, { recursive: true });
  spawnSync("git", ["init", "-q", live], { env: {} });
  const passphrase = join(folder, "passphrase");
  writeFileSync(passphrase, "of the demo\n", { mode: 0o600 });
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: folder,
    HALLPASS_CONFIG_DIR: join(folder, "config"),
    HALLPASS_STATE_DIR: join(folder, "state"),
    HALLPASS_RUNTIME_DIR: join(folder, "run"),
    HALLPASS_KEYCHAIN: "file",
    HALLPASS_PASSPHRASE_FILE: passphrase,
    AWS_ENDPOINT_URL_STS: sts.url,
  };
  const here = { live, sts, env };
  await hallpass(["login", "--stdin"], live, here, `${ana.accessKeyId}\n${ana.secretAccessKey}\n`);
  return here;
}

async function showUnit(unit: string, here: Demo): Promise<void> {
  const cwd = join(here.live, unit);
  const keys = JSON.parse(await hallpass(["credential-process"], cwd, here)) as {
    AccessKeyId: string;
    Expiration: string;
  };
  const { account } = JSON.parse(await hallpass(["explain", "--json"], cwd, here)) as {
    account: { id: string; name: string };
  };
  const minutes = Math.round((Date.parse(keys.Expiration) - Date.now()) / 60_000);
  console.log(
    `  ${unit.padEnd(24)} → ${account.name.padEnd(9)} ${account.id}   ${short(keys.AccessKeyId)}  ${minutes} min`,
  );
}

async function showAnswer(here: Demo): Promise<void> {
  console.log(`What Terragrunt reads for ${SHOWN_UNIT}:`);
  const answer = JSON.parse(await hallpass([], join(here.live, SHOWN_UNIT), here)) as {
    awsCredentials: Record<string, string>;
    envs: Record<string, string>;
  };
  const blank = (values: Record<string, string>) =>
    Object.fromEntries(
      Object.entries(values).map(([name, value]) => [name, name === "ACCESS_KEY_ID" ? short(value) : "…"]),
    );
  console.log(JSON.stringify({ awsCredentials: blank(answer.awsCredentials), envs: blank(answer.envs) }));
}

/** The real thing, where it is installed; state goes into files of the temp folder. */
async function showTerragrunt(here: Demo): Promise<void> {
  const versions = ["terragrunt", "tofu"].map((tool) => versionOf(tool, here.env));
  if (versions.includes(undefined)) {
    console.log("terragrunt and tofu are not both on PATH, so no run --all apply here.");
    return;
  }
  console.log(`terragrunt ${versions[0]} and tofu ${versions[1]} are here, so: run --all apply …`);
  rmSync(join(here.env["HALLPASS_STATE_DIR"]!, "cache"), { recursive: true }); // as on a cold morning
  const before = here.sts.calls.length;
  const args = ["run", "--all", "--non-interactive", "--log-level", "error", "--auth-provider-cmd", HALLPASS, "apply"];
  const { status, output } = await run("terragrunt", args, here.live, here);
  if (status !== 0) throw new Error(`terragrunt ended with ${status}:\n${output}`);
  const actions = here.sts.calls.slice(before).map((call) => call.action);
  const count = (action: string) => actions.filter((name) => name === action).length;
  console.log(
    `${UNITS.length} units in ${ACCOUNTS.length} accounts applied: ` +
      `${count("GetSessionToken")} session and ${count("AssumeRole")} roles asked of STS, 0 prompts`,
  );
}

function versionOf(tool: string, env: Record<string, string>): string | undefined {
  const { stdout } = spawnSync(tool, ["--version"], { env, encoding: "utf8" });
  return /v(\d+\.\d+\.\d+)/.exec(stdout ?? "")?.[1];
}

async function hallpass(args: string[], cwd: string, here: Demo, stdin = ""): Promise<string> {
  const { status, output, stdout } = await run(process.execPath, [HALLPASS, ...args], cwd, here, stdin);
  if (status !== 0) throw new Error(`hallpass ${args.join(" ")} ended with ${status}:\n${output}`);
  return stdout;
}

/** Not spawnSync: the stand-in answers in this process. */
function run(command: string, args: string[], cwd: string, { env }: Demo, stdin = "") {
  const child = spawn(command, args, { cwd, env });
  let [stdout, output] = ["", ""];
  child.stdout.on("data", (text: Buffer) => ((stdout += text.toString()), (output += text.toString())));
  child.stderr.on("data", (text: Buffer) => (output += text.toString()));
  child.stdin.end(stdin);
  return new Promise<{ status: number | null; stdout: string; output: string }>((resolve, reject) => {
    child.once("error", reject).once("close", (status) => resolve({ status, stdout, output }));
  });
}

/** `ASIA…RC2C` */
function short(keyId: string): string {
  return `${keyId.slice(0, 4)}…${keyId.slice(-4)}`;
}

await demo();
