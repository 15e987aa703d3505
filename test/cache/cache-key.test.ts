import { describe, expect, it } from "vitest";
import { cacheKey } from "../../src/cache/cache-key.ts";
import { loadCrypto } from "../../src/crypto.ts";
import { credentialsEntry } from "../../src/role/issue.ts";
import type { Base, RoleArn, Target, World } from "../../src/types.ts";

const target = {
  account: { id: "666666666666", name: "prod" },
  partition: "aws",
  role: "arn:aws:iam::666666666666:role/deploy",
  unit: "prod/vpc",
  saidBy: [],
} as unknown as Target;
const base = { id: "one", principalArn: "arn:aws:iam::222222222222:user/ana" } as Base;
const world = { sts: { endpoint: "https://sts.us-east-1.amazonaws.com" } } as World;
const keyOf = (...[of, by, within]: [Target, Base, World]) => cacheKey(credentialsEntry(of, by, within), loadCrypto());

const keyOfEntry = (entry: Parameters<typeof cacheKey>[0]) => cacheKey(entry, loadCrypto());

describe("the key of a role's credentials", () => {
  const original = keyOf(target, base, world);

  it.each([
    ["the base's identity or generation", { ...target }, { ...base, id: "two" }, world],
    ["the role", { ...target, role: "arn:aws:iam::666666666666:role/read" as RoleArn }, base, world],
    ["the account", { ...target, role: "arn:aws:iam::444444444444:role/deploy" as RoleArn }, base, world],
    ["the partition", { ...target, partition: "aws-cn" as never }, base, world],
    ["the STS endpoint", target, base, { sts: { endpoint: "https://sts.eu-central-1.amazonaws.com" } } as World],
    ["the session name", target, { ...base, principalArn: "arn:aws:iam::222222222222:user/eva" }, world],
  ])("changes with %s", (_what, of, by, within) => {
    expect(keyOf(of, by, within)).not.toBe(original);
  });

  it("does not change with the unit: all units of an account share a session", () => {
    expect(keyOf({ ...target, unit: "prod/other" }, base, world)).toBe(original);
  });

  it("changes with the kind, the duration, and any input that is added", () => {
    const { inputs } = credentialsEntry(target, base, world);
    const key = (kind: "role" | "session", more: Record<string, string | number>) =>
      keyOfEntry({ kind, inputs: { ...inputs, ...more } });
    const all = [
      key("role", {}),
      key("session", {}),
      key("role", { durationSeconds: 900 }),
      key("role", { extra: "" }),
    ];
    expect(new Set(all).size).toBe(all.length);
  });

  it("does not read two lists of inputs as one", () => {
    expect(keyOfEntry({ kind: "role", inputs: { a: "x|b=y" } })).not.toBe(
      keyOfEntry({ kind: "role", inputs: { a: "x", b: "y" } }),
    );
    expect(keyOfEntry({ kind: "role", inputs: { a: "1" } })).not.toBe(keyOfEntry({ kind: "role", inputs: { a: 1 } }));
    expect(keyOfEntry({ kind: "role", inputs: { a: "1", b: "2" } })).toBe(
      keyOfEntry({ kind: "role", inputs: { b: "2", a: "1" } }),
    );
  });
});
