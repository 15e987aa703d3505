import type { RetryErrorInfo, RetryStrategyV2, RetryToken } from "@smithy/types";
import { BrokerError } from "../errors.ts";

/** One answer, all its retries included. Terragrunt waits for us without a limit of its own. */
export const BUDGET_MS = 15_000;

/** A server that is down or silent is not worth more: the person wants to know. */
const ATTEMPTS_AT_A_BROKEN_SERVER = 3;
const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 2_000;

/**
 * When an STS call is tried again: throttling until the budget is used up, because hundreds of accounts may
 * ask at once and the limit is per second; a broken or silent server three times; a refusal never.
 * Full jitter, so that many who were throttled together do not come back together.
 */
export function retryStrategy(): RetryStrategyV2 {
  const started = Date.now();
  const token = (count: number): RetryToken => ({ getRetryCount: () => count, getRetryDelay: () => delayOf(count) });
  return {
    acquireInitialRetryToken: async () => token(0),
    refreshRetryTokenForRetry: async (last, info) => {
      const next = token(last.getRetryCount() + 1);
      if (!isWorthwhile(info, next.getRetryCount(), started)) throw new BrokerError("STS_REJECTED", "not retried");
      return next;
    },
    recordSuccess: () => {},
  };
}

function isWorthwhile({ errorType }: RetryErrorInfo, retry: number, started: number): boolean {
  if (errorType === "THROTTLING") return Date.now() - started < BUDGET_MS - LONGEST_DELAY_MS;
  return errorType !== "CLIENT_ERROR" && retry < ATTEMPTS_AT_A_BROKEN_SERVER;
}

function delayOf(count: number): number {
  return count === 0 ? 0 : Math.random() * Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** count);
}
