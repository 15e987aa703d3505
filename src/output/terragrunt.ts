import type { Credentials } from "../types.ts";
import { MARKER } from "./marker.ts";

/**
 * Terragrunt's answer: one JSON object and a newline, valid against the auth-provider-cmd schema v2
 * (terragrunt: docs/public/schemas/auth-provider-cmd/v2/schema.json). Always full `awsCredentials`: for
 * empty keys, `{}` or a failed `awsRole`, Terragrunt warns and runs on with whatever is in its environment.
 */
export function terragruntJson(credentials: Credentials, marker: string): string {
  const answer = {
    awsCredentials: {
      ACCESS_KEY_ID: credentials.accessKeyId,
      SECRET_ACCESS_KEY: credentials.secretAccessKey.reveal(),
      SESSION_TOKEN: credentials.sessionToken.reveal(),
    },
    envs: { [MARKER]: marker },
  };
  return `${JSON.stringify(answer)}\n`;
}
