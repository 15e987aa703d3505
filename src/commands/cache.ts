import { BrokerError } from "../errors.ts";
import { timeLeft } from "../output/summary.ts";
import { renderTable } from "../output/table.ts";
import type { CachedSession, World } from "../types.ts";
import { defineCommand, SHARED } from "./command.ts";

export const cache = defineCommand({
  name: "cache",
  operands: "list|clear",
  takes: [1, 1],
  describe: "the sessions that are kept, or none any more",
  flags: { json: SHARED.json },
  examples: [
    ["hallpass cache list", "what is kept, for how long, and who used it last"],
    ["hallpass cache clear", "the next call asks AWS again"],
  ],
  run: async ({ flags, operands }, world) => {
    if (operands[0] === "list") world.print(await listing(flags.json === true, world));
    else if (operands[0] === "clear") world.say(`hallpass: ${await world.cache.clear()} sealed values are gone\n`);
    else throw unknownWord(operands[0] ?? "");
    return 0;
  },
});

async function listing(asJson: boolean, world: World): Promise<string> {
  const sessions = await world.cache.list();
  if (asJson) return `${JSON.stringify(sessions, undefined, 2)}\n`;
  return sessions.length === 0 ? "nothing is kept\n" : sessionTable(sessions, world.now());
}

/** One line a session: what, time left, who used it last. */
export function sessionTable(sessions: CachedSession[], now: Date): string {
  const rows = sessions.map(({ what, expiresAt, usedBy, usedAt }) => [
    what,
    expiresAt > now ? `${timeLeft(expiresAt, now)} left` : "ended",
    usedBy && usedAt ? `${usedBy}, ${timeLeft(now, usedAt)} ago` : "",
  ]);
  return renderTable([["session", "time", "used last by"], ...rows]);
}

function unknownWord(word: string): BrokerError {
  return new BrokerError("USAGE", `"${word}" is nothing that can be done with the cache`, [
    ["expected", "list or clear"],
    ["try", "hallpass cache --help"],
  ]);
}
