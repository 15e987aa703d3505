import { findTarget } from "../account/find-target.ts";
import { findBase } from "../base/find-base.ts";
import { BrokerError } from "../errors.ts";
import { placeText, timeLeft } from "../output/summary.ts";
import { credentialsEntry } from "../role/issue.ts";
import type { Base, Credentials, Target, World } from "../types.ts";
import { visible } from "../visible.ts";
import { defineCommand, given, SHARED } from "./command.ts";

/** Everything hallpass would decide here. Never prompts, never opens the keychain, never touches the network. */
type Explanation = { target: Target; base: Base | undefined; cached: Credentials | undefined };

export const explain = defineCommand({
  name: "explain",
  operands: "[DIR]",
  takes: [0, 1],
  describe: "which file said what: account, role, base, and what is cached",
  flags: { account: SHARED.account, role: SHARED.role, json: SHARED.json },
  examples: [["hallpass explain live/prod/us-east-1/vpc", "why that unit gets the account it gets"]],
  run: async ({ flags, operands }, world) => {
    const request = { directory: operands[0] ?? world.cwd, ...given({ account: flags.account, role: flags.role }) };
    const target = await findTarget(request, world);
    const base = await findBaseOrNone(target, world);
    const cached = base && (await world.cache.peek(credentialsEntry(target, base, world)));
    const explanation = { target, base, cached };
    world.print(flags.json ? asJson(explanation) : asText(explanation, world));
    return 0;
  },
});

async function findBaseOrNone(target: Target, world: World): Promise<Base | undefined> {
  try {
    return await findBase(target, world);
  } catch (error) {
    if (error instanceof BrokerError && error.code === "NO_BASE") return undefined;
    throw error;
  }
}

function asJson({ target, base, cached }: Explanation): string {
  const answer = {
    account: target.account,
    partition: target.partition,
    role: target.role,
    unit: target.unit,
    repository: target.repository ?? null,
    saidBy: target.saidBy,
    base: base ? { source: base.describe, principalArn: base.principalArn } : null,
    cache: cached ? { accessKeyId: cached.accessKeyId, expiresAt: cached.expiresAt.toISOString() } : null,
  };
  return `${JSON.stringify(answer, undefined, 2)}\n`;
}

function asText({ target, base, cached }: Explanation, world: World): string {
  const { account } = target;
  const places = target.saidBy.map(
    (place) => [placeText(place, target.repository ?? world.cwd), place.said, place.decides ? "decides" : ""] as const,
  );
  const width = Math.max(...places.map(([place]) => place.length));
  return [
    `account  ${account.name ?? "(no name)"}  ${account.id}`,
    ...places.map(([place, said, decides]) => `  ${place.padEnd(width)}  ${said}${decides && `   ${decides}`}`),
    `unit     ${target.unit}`,
    `role     ${target.role}`,
    `base     ${base ? `${base.describe}   ${base.principalArn}` : "none: hallpass login"}`,
    `cache    ${cached ? `${cached.accessKeyId}, ${timeLeft(cached.expiresAt, world.now())} left` : "nothing"}`,
    "",
  ]
    .map(visible)
    .join("\n");
}
