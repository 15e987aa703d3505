import { readFileSync } from "node:fs";
import process from "node:process";
import { text as readAll } from "node:stream/consumers";
import { homedir } from "node:os";
import { join } from "node:path";
import { BrokerError, systemCode } from "../errors.ts";
import { Secret } from "../secret.ts";
import type { AwsKeys, World } from "../types.ts";
import { visible } from "../visible.ts";

type Source = { stdin: boolean | undefined; csv: string | undefined; "from-profile": string | undefined };

/** The key pair from where the flags say, else from the terminal. Throws USAGE, BASE_WRONG_KIND, NO_TERMINAL, CANCELLED. */
export async function readKeys(source: Source, world: World): Promise<AwsKeys> {
  const { stdin, csv, "from-profile": profile } = source;
  if ([stdin, csv, profile].filter((given) => given !== undefined && given !== false).length > 1)
    throw severalSources();
  if (csv !== undefined) return checked(...fromCsv(readText(csv)));
  if (profile !== undefined) return fromProfile(profile, world);
  if (stdin) return checked(...fromLines(await readAll(process.stdin)));
  const id = await world.terminal.ask("Access key id      ");
  return checked(id.trim(), (await world.terminal.ask("Secret access key  ", { hidden: true })).trim());
}

/** The forms that IAM gives out. Checked here because a typing error is cheaper to name than AWS's refusal of it. */
function checked(id: string | undefined, secret: string | undefined): AwsKeys {
  if (id?.startsWith("ASIA")) throw wrongKeys("a temporary key (ASIA…)");
  if (!/^AKIA[A-Z0-9]{12,}$/.test(id ?? "")) throw wrongKeys("an access key id of another form, not shown");
  if (!/^[A-Za-z0-9/+=_-]{40,}$/.test(secret ?? "")) throw wrongKeys(`a secret of ${secret?.length ?? 0} characters`);
  return { accessKeyId: id!, secretAccessKey: new Secret(secret!) };
}

function fromLines(text: string): [string | undefined, string | undefined] {
  const [id, secret] = text.split(/\r?\n/).map((line) => line.trim());
  return [id, secret];
}

/** `Access key ID,Secret access key` and one row; older files have more columns and quotes. A byte order mark may stand in front. */
function fromCsv(text: string): [string | undefined, string | undefined] {
  const [head, row] = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  const names = cellsOf(head ?? "").map((name) => name.toLowerCase());
  const cells = cellsOf(row ?? "");
  return [cells[names.indexOf("access key id")], cells[names.indexOf("secret access key")]];
}

function cellsOf(line: string): string[] {
  return [...line.matchAll(/(?:^|,)(?:"([^"]*)"|([^,]*))/g)].map(([, quoted, plain]) => (quoted ?? plain ?? "").trim());
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new BrokerError(
      "USAGE",
      `${visible(path)} cannot be read (${systemCode(error) ?? "unknown error"})`,
      [["try", "hallpass login --csv FILE, with the file that the AWS console handed out"]],
      error,
    );
  }
}

/**
 * Long-lived keys only: a profile that assumes a role is refused without assuming it. A credential_process is
 * run: a password manager's may well print such keys.
 */
async function fromProfile(profile: string, world: World): Promise<AwsKeys> {
  const { fromIni } = await import("@aws-sdk/credential-providers");
  try {
    const noRoles = { roleAssumer: refuseRole, roleAssumerWithWebIdentity: refuseRole };
    const keys = await fromIni({ profile, ignoreCache: true, ...noRoles, ...iniFiles(world) })();
    if (keys.sessionToken !== undefined) throw wrongKeys("temporary keys (with a session token)");
    return checked(keys.accessKeyId, keys.secretAccessKey);
  } catch (error) {
    if (error instanceof BrokerError) throw error;
    throw new BrokerError(
      "USAGE",
      `the profile "${visible(profile)}" has no access key`,
      [
        ["expected", "aws_access_key_id and aws_secret_access_key in ~/.aws/credentials or ~/.aws/config"],
        ["try", "aws configure list-profiles"],
      ],
      error,
    );
  }
}

function refuseRole(): Promise<never> {
  throw wrongKeys("a profile that assumes a role");
}

/** Named, because world.ts points the SDK's own defaults at nothing. */
function iniFiles({ env }: World): { filepath: string; configFilepath: string } {
  const folder = join(homedir(), ".aws");
  return {
    filepath: env["AWS_SHARED_CREDENTIALS_FILE"] ?? join(folder, "credentials"),
    configFilepath: env["AWS_CONFIG_FILE"] ?? join(folder, "config"),
  };
}

function wrongKeys(came: string): BrokerError {
  return new BrokerError("BASE_WRONG_KIND", "these are not the long-lived keys of an IAM user", [
    ["expected", "an access key id (AKIA…) and its secret of 40 characters"],
    ["came", came],
    ["try", "an access key from the IAM console; nothing was stored"],
  ]);
}

function severalSources(): BrokerError {
  return new BrokerError("USAGE", "--stdin, --csv and --from-profile exclude each other", [["try", "one of them"]]);
}
