import type { Base, Credentials, SaidBy, Target, World } from "../types.ts";
import { shortPath, visible } from "../visible.ts";

/** What a person sees who runs `hallpass` in a unit: the answer without its secrets. Ends with a newline. */
export function summary(
  credentials: Credentials,
  target: Target,
  base: Base,
  world: Pick<World, "cwd" | "now">,
): string {
  const { account } = target;
  const rows = [
    ["unit", target.unit],
    ["said by", saidByText(target, world)],
    ["base", `${base.describe} (${base.principalArn})`],
    ["keys", `${credentials.accessKeyId}, ${timeLeft(credentials.expiresAt, world.now())} left`],
  ] as const;
  return [
    `${account.name ?? ""}  ${account.id}   ${target.role.split("/").slice(1).join("/")}`.trimStart(),
    ...rows.map(([label, text]) => `  ${label.padEnd(7)} ${text}`),
    "Terragrunt gets these with  TG_AUTH_PROVIDER_CMD=hallpass   (JSON: hallpass --json)",
    "",
  ]
    .map(visible)
    .join("\n");
}

/** The places that decided: `live/prod/account.hcl:2, live/accounts.json:14`. */
function saidByText(target: Target, world: Pick<World, "cwd">): string {
  const places = target.saidBy.filter((place) => place.line !== undefined || place.decides);
  return places.map((place) => placeText(place, target.repository ?? world.cwd)).join(", ");
}

export function placeText(place: SaidBy, from: string): string {
  const path = shortPath(place.source, from);
  return place.line === undefined ? path : `${path}:${place.line}`;
}

/** `52 min`, `3 h 10 min`, `40 s`. */
export function timeLeft(until: Date, now: Date): string {
  const seconds = Math.max(0, Math.floor((until.getTime() - now.getTime()) / 1000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
