import { Refusal } from "./answer.ts";
import type { Action } from "./query.ts";

const ANSWERED = {
  throttle: [400, "Throttling", "Rate exceeded"],
  unavailable: [503, "ServiceUnavailable", "The request has failed due to a temporary failure of the server."],
  internal: [500, "InternalFailure", "The request processing has failed because of an unknown error."],
} as const;

/** What only makes sense for some actions waits for one of them. */
const LIMITED: Readonly<Record<string, readonly string[]>> = {
  wrongAccount: ["AssumeRole"],
  missing: ["AssumeRole"],
  expired: ["AssumeRole", "GetSessionToken"],
};

type Named =
  | { fault: keyof typeof ANSWERED }
  /** Never answered, closed unanswered, answered with 200 and text that is not XML. */
  | { fault: "hang" | "close" | "garbage" }
  | { fault: "slow"; ms: number }
  /** Credentials of another account, of the past, without SessionToken. */
  | { fault: "wrongAccount" | "expired" | "missing" };

/** Without `times` the fault stays until `behave()`; without `action` it meets every request. */
export type Plan = Named & { times?: number; action?: Action };
export type Fault = Plan["fault"];

export class Faults {
  #plans: { plan: Plan; left: number }[] = [];

  add(plan: Plan): void {
    this.#plans.push({ plan, left: plan.times ?? Number.POSITIVE_INFINITY });
  }

  clear(): void {
    this.#plans = [];
  }

  /** The oldest plan that meets a request of this action and is not used up. Counts as one use. */
  take(action: string): Plan | undefined {
    const found = this.#plans.find(({ plan, left }) => left > 0 && meets(plan, action));
    if (found !== undefined) found.left -= 1;
    return found?.plan;
  }
}

function meets({ fault, action }: Plan, asked: string): boolean {
  return (action ?? asked) === asked && (LIMITED[fault] ?? [asked]).includes(asked);
}

export function refusePlanned(fault: Fault | undefined): void {
  if (fault !== "throttle" && fault !== "unavailable" && fault !== "internal") return;
  const [status, code, message] = ANSWERED[fault];
  throw new Refusal(status, code, message);
}
