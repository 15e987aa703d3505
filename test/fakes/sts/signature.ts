import { createHash } from "node:crypto";
import { Sha256 } from "@aws-crypto/sha256-js";
import { SignatureV4 } from "@smithy/signature-v4";
import type { Key } from "./accounts.ts";
import { Refusal } from "./answer.ts";
import type { Received } from "./query.ts";

const ALLOWED_SKEW = 15 * 60_000;
const MISMATCH =
  "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key " +
  "and signing method. Consult the service documentation for details.";

/** What the request says about its own signature. */
type Claim = { authorization: string; accessKeyId: string; region: string; signedHeaders: string[]; date: Date };

/** The key that signed the request, which is thereby shown to be whole, fresh and its owner's. */
export async function authenticate(request: Received, keys: ReadonlyMap<string, Key>, now: Date): Promise<Key> {
  const claim = parseClaim(request);
  const key = keys.get(claim.accessKeyId);
  if (key?.state !== "active" || request.headers["x-amz-security-token"] !== key.session?.token)
    throw new Refusal(403, "InvalidClientTokenId", "The security token included in the request is invalid.");
  if (key.session !== undefined && now >= key.session.expiresAt)
    throw new Refusal(403, "ExpiredToken", "The security token included in the request is expired");
  checkSignedHeaders(claim, key);
  checkDate(claim.date, now);
  checkBodyHash(request);
  await checkSignature(request, claim, key);
  return key;
}

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/\d{8}\/([^/]+)\/[^/]+\/aws4_request, *SignedHeaders=([^,]+), *Signature=[0-9a-f]{64}$/;

function parseClaim({ headers }: Received): Claim {
  const { authorization } = headers;
  if (authorization === undefined)
    throw new Refusal(403, "MissingAuthenticationToken", "Request is missing Authentication Token");
  const [, accessKeyId, region, signedHeaders] = AUTHORIZATION.exec(authorization) ?? [];
  if (accessKeyId === undefined || region === undefined || signedHeaders === undefined)
    throw incomplete("Authorization header requires 'Credential', 'SignedHeaders' and 'Signature'.");
  const date = parseDate(headers["x-amz-date"]);
  return { authorization, accessKeyId, region, signedHeaders: signedHeaders.split(";"), date };
}

/** ISO 8601 without separators, the only form that AWS reads. */
function parseDate(header: string | string[] | undefined): Date {
  const [, year, month, dayAndHour, minute, second] =
    /^(\d{4})(\d\d)(\d\dT\d\d)(\d\d)(\d\dZ)$/.exec(String(header)) ?? [];
  const date = new Date(`${year}-${month}-${dayAndHour}:${minute}:${second}`);
  if (Number.isNaN(date.getTime()))
    throw incomplete("Authorization header requires existence of a 'X-Amz-Date' header.");
  return date;
}

/** A header outside the signature could be changed on the way. */
function checkSignedHeaders({ signedHeaders }: Claim, key: Key): void {
  const required = ["content-type", "host", "x-amz-date"];
  if (key.session !== undefined) required.push("x-amz-security-token");
  const missing = required.find((name) => !signedHeaders.includes(name));
  if (missing !== undefined) throw mismatch(`'${missing}' must be a 'SignedHeader' in the AWS Authorization.`);
}

function checkDate(signed: Date, now: Date): void {
  const [oldest, newest] = [new Date(now.getTime() - ALLOWED_SKEW), new Date(now.getTime() + ALLOWED_SKEW)];
  const [signedAt, nowIs] = [stamp(signed), stamp(now)];
  if (signed < oldest)
    throw mismatch(`Signature expired: ${signedAt} is now earlier than ${stamp(oldest)} (${nowIs} - 15 min.)`);
  if (signed > newest)
    throw mismatch(`Signature not yet current: ${signedAt} is still later than ${stamp(newest)} (${nowIs} + 15 min.)`);
}

/** SignatureV4 signs the hash that this header states, where there is one, without a look at the body. */
function checkBodyHash({ headers, body }: Received): void {
  const stated = headers["x-amz-content-sha256"];
  if (stated !== undefined && stated !== createHash("sha256").update(body).digest("hex")) throw mismatch(MISMATCH);
}

async function checkSignature(request: Received, claim: Claim, key: Key): Promise<void> {
  const signer = new SignatureV4({
    service: "sts",
    region: claim.region,
    // Without the token: it is among the headers, and what counts is the header that came.
    credentials: { accessKeyId: key.accessKeyId, secretAccessKey: key.secretAccessKey },
    sha256: Sha256,
    applyChecksum: false,
  });
  const headers = Object.fromEntries(claim.signedHeaders.map((name) => [name, String(request.headers[name])]));
  const again = await signer.sign(
    { method: request.method, protocol: "http:", hostname: "", path: request.url, headers, body: request.body },
    { signingDate: claim.date, signableHeaders: new Set(claim.signedHeaders) },
  );
  // The whole header, and so the scope in it: its day, its service.
  if (again.headers["authorization"] !== claim.authorization.replace(/, */g, ", ")) throw mismatch(MISMATCH);
}

function incomplete(message: string): Refusal {
  return new Refusal(400, "IncompleteSignature", message);
}

function mismatch(message: string): Refusal {
  return new Refusal(403, "SignatureDoesNotMatch", message);
}

function stamp(date: Date): string {
  return date.toISOString().replace(/[-:]|\.\d{3}/g, "");
}
