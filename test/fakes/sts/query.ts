import type { IncomingHttpHeaders } from "node:http";
import { Refusal } from "./answer.ts";

const VERSION = "2011-06-15";
const ACTIONS = ["AssumeRole", "GetCallerIdentity", "GetSessionToken"] as const;
export type Action = (typeof ACTIONS)[number];

/** A whole request, before anything in it is believed. */
export type Received = { method: string; url: string; headers: IncomingHttpHeaders; body: Buffer };
export type Query = { action: Action; parameters: URLSearchParams };

/**
 * The operation asked for. STS looks for it before it looks at who asks. Stricter than STS, which also
 * reads a GET: a code or a session name has no place in a URL.
 */
export function parseQuery({ method, url, headers, body }: Received): Query {
  if (method !== "POST" || url !== "/")
    throw new Refusal(400, "InvalidAction", `POST / expected, ${method} ${url} came`);
  if (!/^application\/x-www-form-urlencoded(;|$)/.test(headers["content-type"] ?? ""))
    throw malformed("Content-Type is not application/x-www-form-urlencoded");
  const text = body.toString();
  if (/%(?![0-9a-f]{2})/i.test(text)) throw malformed("The query string contains a syntax error.");
  const parameters = new URLSearchParams(text);
  return { action: parseAction(parameters), parameters };
}

function parseAction(parameters: URLSearchParams): Action {
  const asked = parameters.get("Action") ?? "";
  const version = parameters.get("Version") ?? "NO_VERSION_SPECIFIED";
  const action = ACTIONS.find((name) => name === asked);
  if (action === undefined || version !== VERSION)
    throw new Refusal(400, "InvalidAction", `Could not find operation ${asked} for version ${version}`);
  return action;
}

function malformed(message: string): Refusal {
  return new Refusal(400, "MalformedQueryString", message);
}
