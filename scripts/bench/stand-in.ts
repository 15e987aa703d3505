import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { parentPort, Worker } from "node:worker_threads";
import { startStsServer } from "../../test/fakes/sts-server.ts";

/*
 * The STS stand-in of the tests in a thread of its own: the benchmark's own thread stands still while it waits for a
 * process. Before it stand two doors that count; one of them throttles as STS does, by a token bucket.
 */

export const BASE_ACCOUNT = "222222222222";
/** So few, because the processes of a small machine start too slowly to empty a bucket of the size of AWS's. */
export const BUCKET = { perSecond: 20, burst: 40 };

/** `url` is the stand-in itself, without the cost of a door. */
export type StandIn = {
  url: string;
  counted: string;
  throttled: string;
  user: { accessKeyId: string; secretAccessKey: string };
};
/** What went through a door since it was last asked. `issued`: key id → account of the role. */
export type Counts = { actions: Record<string, number>; throttled: number; issued: Record<string, string> };

/** In the benchmark's thread; `program` is the bundle, which calls `serve` where it is not the main thread. */
export async function startStandIn(program: string): Promise<StandIn & { end(): Promise<unknown> }> {
  const worker = new Worker(program);
  const standIn = await new Promise<StandIn>((resolve, reject) => {
    worker.once("message", resolve).once("error", reject);
  });
  return { ...standIn, end: () => worker.terminate() };
}

export async function takeCounts(door: string): Promise<Counts> {
  return (await (await fetch(door)).json()) as Counts;
}

/** In the thread. */
export async function serve(roles: readonly string[]): Promise<void> {
  const sts = await startStsServer();
  const user = sts.addUser({ accountId: BASE_ACCOUNT, name: "ana" });
  for (const role of roles) sts.addRole(role, { trusts: [`arn:aws:iam::${BASE_ACCOUNT}:root`] });
  const [counted, throttled] = [await openDoor(sts.url), await openDoor(sts.url, BUCKET)];
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has none
  parentPort!.postMessage({ url: sts.url, counted, throttled, user } satisfies StandIn);
}

async function openDoor(target: string, bucket?: typeof BUCKET): Promise<string> {
  const pass = tokenBucket(bucket);
  let counts = noCounts();
  const server = createServer((asked, response) => {
    if (asked.method === "POST") void relay(asked, response, { target, pass, counts });
    else {
      // Kept open, it would be closed while the benchmark's thread stands still, and found so at the next use.
      response.writeHead(200, { Connection: "close" }).end(JSON.stringify(counts));
      counts = noCounts();
    }
  });
  return listen(server);
}

type Door = { target: string; pass: () => boolean; counts: Counts };

async function relay(asked: IncomingMessage, response: ServerResponse, { target, pass, counts }: Door): Promise<void> {
  const body = await text(asked);
  const asks = new URLSearchParams(body);
  const action = asks.get("Action") ?? "";
  if (!pass()) {
    counts.throttled += 1;
    response.writeHead(400, { "Content-Type": "text/xml" }).end(THROTTLED);
    return;
  }
  const answer = await forward(asked, body, target);
  counts.actions[action] = (counts.actions[action] ?? 0) + 1;
  const key = /<AccessKeyId>(\w+)</.exec(answer.body)?.[1];
  if (key !== undefined) counts.issued[key] = asks.get("RoleArn")?.split(":")[4] ?? "";
  response.writeHead(answer.status, answer.headers).end(answer.body);
}

const THROTTLED = `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>
<Code>Throttling</Code><Message>Rate exceeded</Message></Error><RequestId>bench</RequestId></ErrorResponse>`;

/** With the headers as they came: Host is signed. */
function forward({ headers, url }: IncomingMessage, body: string, target: string) {
  return new Promise<{ status: number; headers: IncomingMessage["headers"]; body: string }>((resolve, reject) => {
    const asking = request(`${target}${url}`, { method: "POST", headers }, (answer) => {
      const { "transfer-encoding": _, ...kept } = answer.headers;
      text(answer).then((got) => resolve({ status: answer.statusCode!, headers: kept, body: got }), reject);
    });
    asking.once("error", reject).end(body);
  });
}

/** Whether a request may pass now. */
function tokenBucket(bucket?: typeof BUCKET): () => boolean {
  if (!bucket) return () => true;
  let [tokens, last] = [bucket.burst, performance.now()];
  return () => {
    const now = performance.now();
    tokens = Math.min(bucket.burst, tokens + ((now - last) / 1000) * bucket.perSecond);
    last = now;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  };
}

function noCounts(): Counts {
  return { actions: {}, throttled: 0, issued: {} };
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(0, "127.0.0.1", 1024, resolve);
  });
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
}
