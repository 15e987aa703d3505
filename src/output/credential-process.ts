import type { Credentials } from "../types.ts";

/**
 * The answer of a `credential_process`, version 1, one JSON object and a newline.
 * Source: AWS SDKs and Tools reference guide, "Process credential provider"; `Expiration` is RFC 3339.
 */
export function credentialProcessJson(credentials: Credentials): string {
  const answer = {
    Version: 1,
    AccessKeyId: credentials.accessKeyId,
    SecretAccessKey: credentials.secretAccessKey.reveal(),
    SessionToken: credentials.sessionToken.reveal(),
    Expiration: rfc3339(credentials.expiresAt),
  };
  return `${JSON.stringify(answer)}\n`;
}

/** `2026-11-21T21:40:00Z`: without fractions, which some parsers of the SDKs do not take. */
export function rfc3339(date: Date): string {
  return date.toISOString().replace(/\.\d{3}Z$/, "Z");
}
