import { type KnownBases, readKnownBases } from "../base/known-bases.ts";
import { timeLeft } from "../output/summary.ts";
import type { CachedSession, World } from "../types.ts";
import { visible } from "../visible.ts";
import { sessionTable } from "./cache.ts";
import { defineCommand, SHARED } from "./command.ts";

export const whoami = defineCommand({
  name: "whoami",
  operands: "",
  takes: [0, 0],
  describe: "who you are to AWS, and the sessions that are open",
  flags: { json: SHARED.json },
  examples: [["hallpass whoami", "asks nobody: it shows what login learned and what is cached"]],
  run: async ({ flags }, world) => {
    const bases = readKnownBases(world);
    const sessions = await world.cache.list();
    world.print(flags.json ? asJson(bases, sessions) : asText(bases, sessions, world));
    return 0;
  },
});

function asJson(bases: KnownBases, sessions: CachedSession[]): string {
  const logins = Object.entries(bases).map(([name, { principalArn, accountId, backend, storedAt }]) => ({
    name,
    principalArn,
    accountId,
    keychain: backend,
    storedAt,
  }));
  return `${JSON.stringify({ logins, sessions }, undefined, 2)}\n`;
}

function asText(bases: KnownBases, sessions: CachedSession[], world: World): string {
  const logins = Object.entries(bases).map(([name, { principalArn, accountId, backend, storedAt }]) => {
    const age = timeLeft(world.now(), new Date(storedAt));
    return visible(`${principalArn}   account ${accountId}, "${name}" in the ${backend} keychain, stored ${age} ago`);
  });
  const lines = logins.length > 0 ? logins : ["nobody: hallpass login"];
  return `${lines.join("\n")}\n${sessions.length > 0 ? sessionTable(sessions, world.now()) : ""}`;
}
