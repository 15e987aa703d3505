import { execFileSync, spawnSync } from "node:child_process";
import { writeTree } from "../../test/fakes/tree.ts";
import type { Context } from "./context.ts";
import { isOnPath, type Keychain, type Machine, roleArn, scrubbed } from "./machine.ts";
import type { Program } from "./types.ts";

/** What users would run instead, against the same stand-in. */

/** Where nothing but the loopback is to be reached: what would go elsewhere meets a closed door. */
const NOWHERE = { HTTPS_PROXY: "http://127.0.0.1:9", HTTP_PROXY: "http://127.0.0.1:9", NO_PROXY: "127.0.0.1" };
/** The second is for version 1 of the CLI. */
const REGION = { AWS_REGION: "us-east-1", AWS_DEFAULT_REGION: "us-east-1" };

export function awsCli({ path }: Machine, { standIn }: Context): Program {
  const env = { ...scrubbed(path), ...baseKeys(standIn.user), ...NOWHERE, AWS_ENDPOINT_URL_STS: standIn.url };
  const args = ["sts", "assume-role", "--role-arn", roleArn(1), "--role-session-name", "bench", "--output", "json"];
  return { name: "aws sts assume-role", argv: [realAws(), ...args], cwd: path, env, prints: /"AccessKeyId": "ASIA/ };
}

/** pyenv's shim costs more than what it starts. */
function realAws(): string {
  if (!isOnPath("pyenv")) return "aws";
  try {
    return execFileSync("pyenv", ["which", "aws"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return "aws";
  }
}

/** Its login is stored first; where that fails, its own run says so. */
export function awsVault({ path }: Machine, keychain: Keychain, { standIn }: Context): Program {
  const backend = keychain.name === "file" ? "file" : "secret-service";
  const opens = keychain.name === "file" ? { AWS_VAULT_FILE_PASSPHRASE: "bench" } : keychain.env;
  const env = { ...scrubbed(path), ...opens, ...NOWHERE, ...REGION, AWS_ENDPOINT_URL_STS: standIn.url };
  const config = `[profile base]\n[profile bench]\nsource_profile = base\nrole_arn = ${roleArn(1)}\n`;
  writeTree(path, { ".aws/config": config });
  const vault = ["aws-vault", `--backend=${backend}`];
  const stored = { env: { ...env, ...baseKeys(standIn.user) }, timeout: 10_000, stdio: "ignore" } as const;
  spawnSync(vault[0]!, [...vault.slice(1), "add", "--env", "base"], stored);
  const argv = [...vault, "export", "--format=json", "bench"];
  return { name: "aws-vault export", cwd: path, argv, env, prints: /"AccessKeyId": *"ASIA/ };
}

function baseKeys(user: { accessKeyId: string; secretAccessKey: string }): Record<string, string> {
  return { AWS_ACCESS_KEY_ID: user.accessKeyId, AWS_SECRET_ACCESS_KEY: user.secretAccessKey, ...REGION };
}
