import { randomUUID } from "node:crypto";

const NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/";

/** Whatever is not a success is thrown as one of these and rendered in one place. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** XML elements in their order; a value is text or elements in turn. */
export type Fields = { [name: string]: string | Fields };

export type Answer = { status: number; requestId: string; body: string; error?: string };

export function success(action: string, result: Fields): Answer {
  const requestId = randomUUID();
  const fields = { [`${action}Result`]: result, ResponseMetadata: { RequestId: requestId } };
  return { status: 200, requestId, body: document(`${action}Response`, fields) };
}

/** Receiver is the server's own fault, Sender the caller's. */
export function refused({ status, code, message }: Refusal): Answer {
  const requestId = randomUUID();
  const error = { Type: status < 500 ? "Sender" : "Receiver", Code: code, Message: message };
  return { status, requestId, body: document("ErrorResponse", { Error: error, RequestId: requestId }), error: code };
}

/** What a captive portal or a broken proxy might say in the place of STS. */
export function garbage(): Answer {
  return { status: 200, requestId: randomUUID(), body: "It works & this is not XML <" };
}

function document(root: string, fields: Fields): string {
  return `<${root} xmlns="${NAMESPACE}">${elements(fields)}</${root}>`;
}

function elements(fields: Fields): string {
  return Object.entries(fields)
    .map(([name, value]) => `<${name}>${typeof value === "string" ? escape(value) : elements(value)}</${name}>`)
    .join("");
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
