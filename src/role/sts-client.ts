import type { STSClient } from "@aws-sdk/client-sts";
import type { AwsKeys } from "../types.ts";
import { retryStrategy } from "./retry.ts";

/** A client that reads nothing but its arguments: no profile, no AWS_* variable, no instance metadata. */
export function createClient(
  Client: typeof STSClient,
  options: { keys: AwsKeys; url: string; region: string },
): STSClient {
  const { keys } = options;
  return new Client({
    region: options.region,
    endpoint: options.url,
    credentials: {
      accessKeyId: keys.accessKeyId,
      secretAccessKey: keys.secretAccessKey.reveal(),
      ...(keys.sessionToken && { sessionToken: keys.sessionToken.reveal() }),
    },
    retryStrategy: retryStrategy(),
    defaultsMode: "standard",
    useDualstackEndpoint: false,
    useFipsEndpoint: false,
    requestHandler: { connectionTimeout: 3000, requestTimeout: 5000, throwOnRequestTimeout: true },
  });
}

/** Calls back with the Date header of each answer. */
export function onServerDate(client: STSClient, tell: (date: Date) => void): void {
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const headers = (result.response as { headers?: Record<string, string> }).headers;
      const date = new Date(headers?.["date"] ?? "");
      if (!Number.isNaN(date.getTime())) tell(date);
      return result;
    },
    { step: "deserialize", name: "serverDate", priority: "low" },
  );
}
