import { BrokerError } from "../errors.ts";
import type { Credentials } from "../types.ts";
import { rfc3339 } from "./credential-process.ts";
import { MARKER } from "./marker.ts";

/** The variables that make a program act as the role. */
export function credentialVariables(credentials: Credentials, marker: string): Record<string, string> {
  return {
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey.reveal(),
    AWS_SESSION_TOKEN: credentials.sessionToken.reveal(),
    AWS_CREDENTIAL_EXPIRATION: rfc3339(credentials.expiresAt),
    [MARKER]: marker,
  };
}

/**
 * Variables that could make a tool take other credentials than those above: an SDK prefers some of them to
 * static keys (the JavaScript SDK AWS_PROFILE; the Go SDK web identity over a profile).
 */
export const CONTRADICTING_VARIABLES: readonly string[] = [
  "AWS_PROFILE",
  "AWS_DEFAULT_PROFILE",
  "AWS_VAULT",
  "AWS_SECURITY_TOKEN",
  "AWS_ROLE_ARN",
  "AWS_ROLE_SESSION_NAME",
  "AWS_WEB_IDENTITY_TOKEN_FILE",
  "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
  "AWS_CONTAINER_CREDENTIALS_FULL_URI",
  "AWS_CONTAINER_AUTHORIZATION_TOKEN",
  "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
];

type Dialect = { set(name: string, value: string): string; unset(name: string): string };

const POSIX: Dialect = {
  set: (name, value) => `export ${name}='${value.replaceAll("'", `'\\''`)}'`,
  unset: (name) => `unset ${name}`,
};
const DIALECTS: Readonly<Record<string, Dialect>> = {
  bash: POSIX,
  zsh: POSIX,
  sh: POSIX,
  fish: {
    set: (name, value) => `set -gx ${name} '${value.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`,
    unset: (name) => `set -e ${name}`,
  },
  powershell: {
    set: (name, value) => `$env:${name} = '${value.replaceAll("'", "''")}'`,
    unset: (name) => `Remove-Item Env:${name} -ErrorAction SilentlyContinue`,
  },
};

/** Lines for `eval`, in the shell's own quoting. Throws USAGE for a shell we do not know. */
export function shellLines(variables: Record<string, string>, shell: string): string {
  const known = shell === "pwsh" ? "powershell" : shell;
  const dialect = Object.hasOwn(DIALECTS, known) ? DIALECTS[known] : undefined;
  if (!dialect)
    throw new BrokerError("USAGE", `hallpass does not know this shell`, [
      ["expected", "bash, zsh, sh, fish or powershell"],
      ["try", "hallpass env ACCOUNT --shell bash"],
    ]);
  const lines = [
    ...CONTRADICTING_VARIABLES.map((name) => dialect.unset(name)),
    ...Object.entries(variables).map(([name, value]) => dialect.set(name, value)),
  ];
  return `${lines.join("\n")}\n`;
}
