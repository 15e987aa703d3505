import type { STSClient } from "@aws-sdk/client-sts";
import { BrokerError } from "../errors.ts";
import { Secret } from "../secret.ts";
import type { AccountId, AwsKeys, AwsSession, Sts, World } from "../types.ts";
import { stsEndpoint } from "./endpoint.ts";
import { BUDGET_MS } from "./retry.ts";
import { createClient, onServerDate } from "./sts-client.ts";
import { type Asked, stsRefusal } from "./sts-refusal.ts";

/** AWS refuses signatures that are 5 minutes off; the SDK corrects them silently, but then the expiry would be read wrongly. */
const MAX_SKEW_MS = 300_000;

/** STS through the AWS SDK, which is loaded with the first call. */
export function createSts(world: Pick<World, "env" | "now">): Sts {
  const call = async <T>(
    asked: Omit<Asked, "endpoint">,
    send: (sdk: Sdk, client: STSClient, options: SendOptions) => Promise<T>,
  ): Promise<T> => {
    const endpoint = stsEndpoint(world.env).url;
    try {
      return await callWithinBudget(asked.keys, send, world);
    } catch (error) {
      throw stsRefusal(error, { ...asked, endpoint });
    }
  };
  return {
    get endpoint() {
      return stsEndpoint(world.env).url;
    },
    assumeRole: (keys, role, sessionName, durationSeconds) =>
      call({ action: "AssumeRole", keys, role }, async (sdk, client, options) => {
        const input = { RoleArn: role, RoleSessionName: sessionName, DurationSeconds: durationSeconds };
        const answer = await client.send(new sdk.AssumeRoleCommand(input), options);
        const principalArn = answer.AssumedRoleUser?.Arn ?? "";
        const accountId = (principalArn.split(":")[4] ?? "") as AccountId;
        return { ...session(answer.Credentials, "AssumeRole", durationSeconds, world.now()), accountId, principalArn };
      }),
    getSessionToken: (keys, durationSeconds) =>
      call({ action: "GetSessionToken", keys }, async (sdk, client, options) => {
        const answer = await client.send(new sdk.GetSessionTokenCommand({ DurationSeconds: durationSeconds }), options);
        return session(answer.Credentials, "GetSessionToken", durationSeconds, world.now());
      }),
    getCallerIdentity: (keys) =>
      call({ action: "GetCallerIdentity", keys }, async (sdk, client, options) => {
        const answer = await client.send(new sdk.GetCallerIdentityCommand({}), options);
        if (!answer.Account || !answer.Arn) throw incomplete("GetCallerIdentity");
        return { accountId: answer.Account as AccountId, arn: answer.Arn };
      }),
  };
}

type Sdk = typeof import("./sts-sdk.ts");
type SendOptions = { abortSignal: AbortSignal };

async function callWithinBudget<T>(
  keys: AwsKeys,
  send: (sdk: Sdk, client: STSClient, options: SendOptions) => Promise<T>,
  world: Pick<World, "env" | "now">,
): Promise<T> {
  const sdk = await import("./sts-sdk.ts");
  const { url, region } = stsEndpoint(world.env);
  const client = createClient(sdk.STSClient, { keys, url, region });
  let skewMs = 0;
  onServerDate(client, (date) => (skewMs = date.getTime() - world.now().getTime()));
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), BUDGET_MS);
  try {
    const answer = await Promise.race([send(sdk, client, { abortSignal: limit.signal }), rejectAt(limit.signal)]);
    refuseSkew(skewMs);
    return answer;
  } catch (error) {
    refuseSkew(skewMs); // a wrong clock explains the rest
    throw error;
  } finally {
    clearTimeout(timer);
    client.destroy();
  }
}

/** For what the SDK does before it looks at the signal. */
function rejectAt(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const abort = (): void => reject(Object.assign(new TypeError("time limit"), { name: "AbortError" }));
    signal.addEventListener("abort", abort, { once: true });
  });
}

type SdkCredentials = {
  AccessKeyId?: string | undefined;
  SecretAccessKey?: string | undefined;
  SessionToken?: string | undefined;
  Expiration?: Date | undefined;
};

/** All four parts, and still valid: an answer that lacks one must never be handed on (Terragrunt warns and runs on). */
function session(credentials: SdkCredentials | undefined, action: string, askedSeconds: number, now: Date): AwsSession {
  const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = credentials ?? {};
  if (!AccessKeyId || !SecretAccessKey || !SessionToken || !Expiration) throw incomplete(action);
  if (!(Expiration > now)) throw incomplete(action);
  if (Expiration.getTime() > now.getTime() + askedSeconds * 1000 + MAX_SKEW_MS) throw livesTooLong(action);
  return {
    accessKeyId: AccessKeyId,
    secretAccessKey: new Secret(SecretAccessKey),
    sessionToken: new Secret(SessionToken),
    expiresAt: Expiration,
  };
}

function incomplete(action: string): BrokerError {
  return new BrokerError("STS_REJECTED", `the answer to ${action} is incomplete or already expired`, [
    ["expected", "key id, secret, session token and an expiry in the future"],
    ["try", "see what stands between you and AWS: AWS_ENDPOINT_URL_STS, a proxy"],
  ]);
}

function livesTooLong(action: string): BrokerError {
  return new BrokerError("STS_REJECTED", `the answer to ${action} lives longer than was asked for`, [
    ["try", "see what stands between you and AWS: AWS_ENDPOINT_URL_STS, a proxy"],
  ]);
}

function refuseSkew(skewMs: number): void {
  if (Math.abs(skewMs) <= MAX_SKEW_MS) return;
  const seconds = Math.round(Math.abs(skewMs) / 1000);
  throw new BrokerError("CLOCK_SKEW", "this machine's clock and AWS's differ too much", [
    ["clock", `${seconds} s ${skewMs > 0 ? "behind" : "ahead of"} AWS`],
    ["try", "set the clock (NTP); AWS allows 300 s"],
  ]);
}
