import { BrokerError, type Detail } from "../errors.ts";
import type { AwsKeys, RoleArn } from "../types.ts";

/** What was asked, for the message. `asker` is the principal's ARN where it is known. */
export type Asked = { action: string; endpoint: string; keys: AwsKeys; role?: RoleArn };

type AwsFailure = { name: string; message: string; code?: unknown; $metadata?: { httpStatusCode?: number } };

type StsCode =
  | "BASE_REJECTED"
  | "ROLE_REFUSED"
  | "STS_THROTTLED"
  | "CLOCK_SKEW"
  | "STS_UNREACHABLE"
  | "STS_BROKEN"
  | "STS_REJECTED";

/** Codes of the STS API ("Common Errors" and each action's page), and what they mean for us. */
const CODES: Readonly<Record<string, StsCode>> = {
  InvalidClientTokenId: "BASE_REJECTED",
  UnrecognizedClientException: "BASE_REJECTED",
  SignatureDoesNotMatch: "BASE_REJECTED",
  ExpiredToken: "BASE_REJECTED",
  ExpiredTokenException: "BASE_REJECTED",
  AccessDenied: "ROLE_REFUSED",
  AccessDeniedException: "ROLE_REFUSED",
  Throttling: "STS_THROTTLED",
  ThrottlingException: "STS_THROTTLED",
  RequestLimitExceeded: "STS_THROTTLED",
  TooManyRequestsException: "STS_THROTTLED",
  RequestExpired: "CLOCK_SKEW",
  RequestInTheFuture: "CLOCK_SKEW",
  RequestTimeTooSkewed: "CLOCK_SKEW",
};

/** Any failure of an STS call as a BrokerError: which call, whose keys, what AWS said, what to do now. */
export function stsRefusal(error: unknown, asked: Asked): BrokerError {
  if (error instanceof BrokerError) return error;
  const failure = asFailure(error);
  const code = codeOf(failure);
  const { message, way } = EXPLANATIONS[code](asked);
  const details: Detail[] = [
    ...(asked.role === undefined ? [] : [["role", asked.role] as const]),
    ["asked by", whose(asked, failure)],
    [failure.$metadata?.httpStatusCode === undefined ? "at" : "AWS says", says(failure, asked)],
    ...(way === undefined ? [] : [["try", way] as const]),
  ];
  return new BrokerError(code, message, details, error);
}

function asFailure(error: unknown): AwsFailure {
  return error instanceof Error ? error : { name: "unknown error", message: "" };
}

function codeOf(failure: AwsFailure): StsCode {
  if (/^Signature (expired|not yet current)/.test(failure.message)) return "CLOCK_SKEW";
  const known = CODES[failure.name];
  if (known) return known;
  const status = failure.$metadata?.httpStatusCode;
  if (status === undefined || isNotSts(failure)) return "STS_UNREACHABLE";
  return status >= 500 ? "STS_BROKEN" : "STS_REJECTED";
}

/** AWS names the caller in an AccessDenied; otherwise the key id is all there is. Key ids are no secrets. */
function whose(asked: Asked, failure: AwsFailure): string {
  const user = /User: (arn:[\w:/+=,.@-]+)/.exec(failure.message)?.[1];
  return user ?? `access key ${asked.keys.accessKeyId}`;
}

/** Without a status nothing came back: then where we asked is what helps. AWS's messages quote no secret. */
function says(failure: AwsFailure, asked: Asked): string {
  if (failure.$metadata?.httpStatusCode === undefined) return `${asked.endpoint}   (${noAnswer(failure)})`;
  if (isNotSts(failure)) return "something that is not an answer of STS";
  return `${failure.name}: ${failure.message}`.slice(0, 400);
}

/** The SDK's own words when it cannot read the XML. */
function isNotSts(failure: AwsFailure): boolean {
  return /XML parse error|Deserialization error/.test(failure.message);
}

function noAnswer(failure: AwsFailure): string {
  if (failure.message === "socket hang up") return "the connection was cut";
  if (failure.name === "TimeoutError" || failure.name === "AbortError") return "no answer in time";
  return typeof failure.code === "string" ? failure.code : failure.name;
}

/** One sentence for what happened, and what to do now. */
const EXPLANATIONS: Readonly<Record<StsCode, (asked: Asked) => { message: string; way?: string }>> = {
  BASE_REJECTED: () => ({
    message: "AWS does not accept the base credentials",
    way: "hallpass login   (the key was deleted, deactivated, or its secret is another one)",
  }),
  ROLE_REFUSED: ({ role, action }) =>
    role === undefined
      ? { message: `AWS refuses ${action}` }
      : {
          message: `account ${role.split(":")[4]} refused us its role`,
          way: "compare the role's trust policy; a role that is not there is refused the same way",
        },
  STS_THROTTLED: () => ({
    message: "AWS STS throttles us, and did so until the time limit",
    way: "wait a minute; other tools of this account may be asking too",
  }),
  CLOCK_SKEW: () => ({
    message: "this machine's clock and AWS's differ too much",
    way: "set the clock (NTP); AWS allows a few minutes",
  }),
  STS_BROKEN: () => ({
    message: "AWS STS has a failure of its own, and had it three times",
    way: "wait a minute; then the AWS Health Dashboard",
  }),
  STS_UNREACHABLE: () => ({
    message: "AWS STS does not answer",
    way: "the network, the proxy, AWS_REGION and AWS_ENDPOINT_URL_STS",
  }),
  STS_REJECTED: ({ action }) => ({
    message: `AWS STS rejects ${action}`,
    way: "hallpass explain   (shows account, role and base)",
  }),
};
