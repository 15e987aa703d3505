import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { credentialProcessJson } from "../../src/output/credential-process.ts";
import { credentialVariables, shellLines } from "../../src/output/shell.ts";
import { timeLeft } from "../../src/output/summary.ts";
import { terragruntJson } from "../../src/output/terragrunt.ts";
import { Secret } from "../../src/secret.ts";
import type { AccountId, Credentials } from "../../src/types.ts";

const CREDENTIALS: Credentials = {
  accessKeyId: "ASIAEXAMPLE",
  secretAccessKey: new Secret("se'cr\\et$(x)"),
  sessionToken: new Secret('tok"en'),
  expiresAt: new Date("2026-11-21T21:40:00.500Z"),
  accountId: "666666666666" as AccountId,
  principalArn: "arn:aws:sts::666666666666:assumed-role/deploy/hallpass-ana",
};

/** Terragrunt's auth-provider-cmd schema v2, rule by rule: closed objects, required keys, strings only. */
function schemaFaults(answer: Record<string, unknown>): string[] {
  const strings = (value: unknown, allowed?: string[]) =>
    Object.entries(value as object).flatMap(([name, text]) =>
      [
        typeof text === "string" ? "" : `${name} is not a string`,
        allowed && !allowed.includes(name) ? `${name} is unknown` : "",
      ].filter(Boolean),
    );
  const { awsCredentials, envs, ...others } = answer;
  const required = ["ACCESS_KEY_ID", "SECRET_ACCESS_KEY"].filter((name) => !(name in (awsCredentials as object)));
  return [
    ...Object.keys(others).map((name) => `${name} is unknown or not wanted`),
    ...required.map((name) => `${name} is missing`),
    ...strings(awsCredentials, ["ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN"]),
    ...strings(envs),
  ];
}

describe("terragruntJson", () => {
  it("is one JSON object and a newline, valid against the schema, with all keys filled", () => {
    const text = terragruntJson(CREDENTIALS, "marker");
    expect(text).toMatch(/^\{.*\}\n$/);
    const answer = JSON.parse(text) as Record<string, unknown>;
    expect(schemaFaults(answer)).toEqual([]);
    expect(answer).toEqual({
      awsCredentials: { ACCESS_KEY_ID: "ASIAEXAMPLE", SECRET_ACCESS_KEY: "se'cr\\et$(x)", SESSION_TOKEN: 'tok"en' },
      envs: { HALLPASS_ISSUED: "marker" },
    });
  });

  it("the check of the schema finds what Terragrunt's would", () => {
    expect(schemaFaults({ awsCredentials: { ACCESS_KEY_ID: "a" }, envs: {} })).toEqual([
      "SECRET_ACCESS_KEY is missing",
    ]);
    expect(
      schemaFaults({
        awsCredentials: { ACCESS_KEY_ID: "a", SECRET_ACCESS_KEY: "b", X: 1 },
        envs: { E: null },
        more: 1,
      }),
    ).toHaveLength(4);
  });
});

describe("credentialProcessJson", () => {
  it("has version 1 and an RFC 3339 expiry without fractions", () => {
    expect(JSON.parse(credentialProcessJson(CREDENTIALS))).toEqual({
      Version: 1,
      AccessKeyId: "ASIAEXAMPLE",
      SecretAccessKey: "se'cr\\et$(x)",
      SessionToken: 'tok"en',
      Expiration: "2026-11-21T21:40:00Z",
    });
  });
});

describe("shellLines", () => {
  const variables = credentialVariables(CREDENTIALS, "marker");

  it("come back from a real shell as they were, and take contradicting variables away", () => {
    const script = `${shellLines(variables, "bash")}printf '%s|%s|%s|%s' "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" "$AWS_SESSION_TOKEN" "\${AWS_PROFILE-unset}"`;
    const shown = execFileSync("bash", ["-c", script], { env: { AWS_PROFILE: "other" }, encoding: "utf8" });
    expect(shown).toBe("ASIAEXAMPLE|se'cr\\et$(x)|tok\"en|unset");
  });

  it("are quoted by the rules of fish and PowerShell", () => {
    expect(shellLines(variables, "fish")).toContain(String.raw`set -gx AWS_SECRET_ACCESS_KEY 'se\'cr\\et$(x)'` + "\n");
    expect(shellLines(variables, "fish")).toContain("set -e AWS_PROFILE\n");
    expect(shellLines(variables, "pwsh")).toContain("$env:AWS_SECRET_ACCESS_KEY = 'se''cr\\et$(x)'\n");
  });

  it("refuse a shell they do not know", () => {
    expect(() => shellLines(variables, "tcsh")).toThrow("hallpass does not know this shell");
  });
});

describe("timeLeft", () => {
  it.each([
    [-5, "0 s"],
    [40, "40 s"],
    [119, "119 s"],
    [120, "2 min"],
    [3599, "59 min"],
    [11_400, "3 h 10 min"],
  ])("%i s is %s", (seconds, text) => {
    const now = new Date("2026-01-01T00:00:00Z");
    expect(timeLeft(new Date(now.getTime() + seconds * 1000), now)).toBe(text);
  });
});
