import { visible } from "./visible.ts";

/**
 * Every way in which hallpass can refuse or fail. The list is closed: a test matches the code, a person
 * reads the message, and a new failure gets a name here before it can be thrown.
 */
export type ErrorCode =
  // what was asked
  | "USAGE"
  | "CANCELLED"
  // account/: which account the directory belongs to
  | "NO_ACCOUNT_FILE"
  | "UNSAFE_FILE"
  | "BROKEN_ACCOUNT_FILE"
  | "ACCOUNT_NOT_STATED"
  | "AMBIGUOUS_ACCOUNT"
  | "MALFORMED_ACCOUNT_ID"
  | "NO_REGISTRY"
  | "BROKEN_REGISTRY"
  | "UNKNOWN_ACCOUNT"
  | "ACCOUNT_CONTRADICTED"
  | "BAD_ROLE"
  // base/ and keychain/: who vouches for us
  | "NO_BASE"
  | "BASE_REJECTED"
  | "BASE_WRONG_KIND"
  | "KEYCHAIN_UNAVAILABLE"
  | "KEYCHAIN_SILENT"
  | "KEYCHAIN_LOCKED"
  | "KEYCHAIN_LOST_ITEM"
  | "KEYCHAIN_DAMAGED"
  | "NO_PASSPHRASE"
  | "WRONG_PASSPHRASE"
  | "NO_TERMINAL"
  // role/: what AWS said
  | "ROLE_REFUSED"
  | "STS_UNREACHABLE"
  | "STS_BROKEN"
  | "STS_THROTTLED"
  | "STS_REJECTED"
  | "CLOCK_SKEW"
  | "WRONG_ACCOUNT"
  | "UNSAFE_ENDPOINT"
  // output/ and cache/: what we keep and hand out
  | "FORGED_MARKER"
  | "NO_SUCH_FOLDER"
  | "UNSAFE_FOLDER"
  | "CANNOT_WRITE"
  | "WAITED_TOO_LONG"
  | "UNSAFE_RUNTIME";

/** A line under the message: a label of one or two words, and what it says. `try` is the way out. */
export type Detail = readonly [label: string, text: string];

/**
 * A refusal or failure that hallpass foresaw. The message says what was expected and what came; the
 * details say where and what to do now. Neither ever holds a secret or a line of a file.
 */
export class BrokerError extends Error {
  override readonly name = "BrokerError";
  readonly code: ErrorCode;
  readonly details: readonly Detail[];

  constructor(code: ErrorCode, message: string, details: readonly Detail[] = [], cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.details = details;
  }
}

/** 64 is wrong usage (sysexits.h), 70 a bug of ours. Never 2: Terragrunt passes our status on, and 2 reads as "changes present". */
export function exitStatus(error: unknown): 1 | 64 | 70 {
  if (!(error instanceof BrokerError)) return 70;
  return error.code === "USAGE" ? 64 : 1;
}

/** The text of a failure for stderr: `hallpass: message`, then the details, aligned. Ends with a newline. */
export function renderError(error: unknown, version: string): string {
  if (!(error instanceof BrokerError)) return renderBug(error, version);
  const width = Math.max(0, ...error.details.map(([label]) => label.length));
  const lines = error.details.map(([label, text]) => `  ${label.padEnd(width)}  ${visible(text)}`);
  return [`hallpass: ${visible(error.message)}`, ...lines, ""].join("\n");
}

/**
 * A bug shows its kind and our own stack frames. Not its message: that may quote an outside value, and
 * an outside value may be a secret.
 */
function renderBug(error: unknown, version: string): string {
  const kind = error instanceof Error ? error.name : typeof error;
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  const frames = stack.split("\n").filter((line) => /^\s+at /.test(line));
  return [
    `hallpass: a bug in hallpass ${version} (${visible(kind)}); nothing was handed out`,
    ...frames.slice(0, 8).map((line) => visible(line.trimEnd())),
    "  try  report it with the lines above; they hold no secret",
    "",
  ].join("\n");
}

/** The shape in which a failure travels to the processes that waited for it. */
export type WireError = { code: ErrorCode; message: string; details: readonly Detail[] };

export function toWire(error: BrokerError): WireError {
  return { code: error.code, message: error.message, details: error.details };
}

export function fromWire(wire: WireError): BrokerError {
  return new BrokerError(wire.code, wire.message, wire.details);
}

/** The `code` of a Node system error (`ENOENT`), or undefined for anything else. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
