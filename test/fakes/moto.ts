import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createServer, type IncomingMessage, request as send, type Server } from "node:http";
import { tmpdir } from "node:os";
import process from "node:process";

/*
 * moto: an STS, IAM and S3 that we did not write, for the shape of requests and answers and for real state
 * files. It tells accounts apart by the key id alone and lets everybody assume every role, so it proves two
 * refusals only: a bucket answers nobody but its own account, and, where a test asks for it, keys must be
 * whole (checkSignatures). The refusals of STS are proven against fakes/sts-server.ts.
 */

/** One request that came through `url`; "" where it named no service, key, action or role. */
type Call = {
  service: string;
  accessKeyId: string;
  method: string;
  path: string;
  action: string;
  roleArn: string;
  /** 0 until moto has answered. */
  status: number;
};

export type Moto = {
  /** A proxy in front of moto that writes `calls`. */
  readonly url: string;
  readonly calls: readonly Call[];
  /** A long-lived key of a new IAM user. */
  addUser(user: { accountId: string; name: string }): Promise<{ accessKeyId: string; secretAccessKey: string }>;
  /** The account that moto gave out this key id for; 123456789012 for a key that it never gave out. */
  accountOf(accessKeyId: string): Promise<string>;
  buckets(accountId: string): Promise<string[]>;
  /** The text of every object in a bucket, by name. The bucket must be this account's own. */
  objects(bucket: string, accountId: string): Promise<Record<string, string>>;
  /**
   * From now on each request must be signed with a secret and carry a session token that belong to its key.
   * Nothing else is refused to GetCallerIdentity; everything else is refused, so it is for the end of a test.
   */
  checkSignatures(): Promise<void>;
  /** Forgets users, keys, buckets and calls, and checks no signature. */
  reset(): Promise<void>;
  stop(): Promise<void>;
};

/** Nothing of the machine's own environment but PATH: what is there under it is there for the tests, too. */
const ENV = { PATH: process.env["PATH"] ?? "", HOME: tmpdir() };

/** What a program prints, or undefined where it is not here or fails: suites that need it are skipped then. */
export function tryProgram(program: string, ...args: string[]): string | undefined {
  const { status, stdout } = spawnSync(program, args, { env: ENV, encoding: "utf8" });
  return status === 0 ? stdout : undefined;
}

const SERVER = "moto_server";
export const HAS_MOTO = tryProgram(SERVER, "--help") !== undefined;

/** Starts a moto of one's own on the loopback. Throws where it is not installed: see HAS_MOTO. */
export async function startMoto(): Promise<Moto> {
  const child = spawn(SERVER, ["--host", "127.0.0.1", "--port", "0"], {
    env: { ...ENV, MOTO_S3_ALLOW_CROSSACCOUNT_ACCESS: "false" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const own = await addressOf(child);
  const calls: Call[] = [];
  const proxy = countingProxy(own, calls);
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const { port } = proxy.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    calls,
    ...directly(own),
    checkSignatures: () => setUncheckedRequests(own, "0"),
    reset: async () => {
      await setUncheckedRequests(own, "inf");
      await fetch(`${own}/moto-api/reset`, { method: "POST" });
      calls.length = 0;
    },
    stop: async () => {
      proxy.close();
      proxy.closeAllConnections();
      child.kill("SIGKILL");
      await new Promise((resolve) => child.once("close", resolve));
    },
  };
}

/** Port 0: the kernel picks a free one, and moto says which. Its log is read on, or it would block. */
function addressOf(child: ChildProcess): Promise<string> {
  let said = "";
  return new Promise((resolve, reject) => {
    const tooLate = setTimeout(() => child.kill("SIGKILL"), 30_000);
    child.once("error", reject).once("exit", () => reject(new Error(`moto did not start:\n${said}`)));
    child.stderr?.on("data", (text: Buffer) => {
      said = (said + text.toString()).slice(-10_000);
      const address = /Running on (http:\/\/127\.0\.0\.1:\d+)/.exec(said)?.[1];
      if (address === undefined) return;
      clearTimeout(tooLate);
      resolve(address);
    });
  });
}

/** How many requests moto lets pass before it looks at signatures. */
async function setUncheckedRequests(own: string, count: string): Promise<void> {
  await fetch(`${own}/moto-api/reset-auth`, { method: "POST", body: count });
}

function countingProxy(to: string, calls: Call[]): Server {
  return createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks);
      const call = callOf(request, body);
      calls.push(call);
      const { method = "", url = "/" } = request;
      const { expect: _answeredHere, ...headers } = request.headers;
      // A connection for each request: moto closes its side whenever it likes.
      send(`${to}${url}`, { method, headers, agent: false }, (answer) => {
        call.status = answer.statusCode ?? 0;
        response.writeHead(call.status, answer.headers);
        answer.pipe(response);
      })
        .on("error", () => response.destroy())
        .end(body);
    });
  });
}

function callOf({ method = "", url = "", headers }: IncomingMessage, body: Buffer): Call {
  const [accessKeyId = "", , , service = ""] =
    /Credential=([^,\s]*)/.exec(headers.authorization ?? "")?.[1]?.split("/") ?? [];
  const form = new URLSearchParams(service === "s3" ? "" : body.toString());
  return {
    service,
    accessKeyId,
    method,
    path: new URL(url, "http://moto").pathname,
    action: form.get("Action") ?? "",
    roleArn: form.get("RoleArn") ?? "",
    status: 0,
  };
}

/** What tests ask of moto without being counted. */
function directly(own: string): Pick<Moto, "addUser" | "accountOf" | "buckets" | "objects"> {
  const ask = async (service: string, accessKeyId: string, path: string, init: RequestInit = {}): Promise<string> => {
    const authorization = `AWS4-HMAC-SHA256 Credential=${accessKeyId}/20300101/us-east-1/${service}/aws4_request, SignedHeaders=host, Signature=0`;
    const answer = await fetch(own + path, { ...init, headers: { authorization } });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`moto: ${service} ${path}: ${answer.status} ${text}`);
    return text;
  };
  const act = (service: string, accessKeyId: string, parameters: Record<string, string>) =>
    ask(service, accessKeyId, "/", { method: "POST", body: new URLSearchParams(parameters) });
  /** Any role of an account makes us a member of it, whether or not it is there. */
  const keyIn = async (accountId: string): Promise<string> => {
    const RoleArn = `arn:aws:iam::${accountId}:role/administrator`;
    const answer = await act("sts", "AKIAAAAAAAAAAAAAAAAA", { Action: "AssumeRole", RoleArn, RoleSessionName: "test" });
    return field("AccessKeyId", answer);
  };
  return {
    addUser: async ({ accountId, name }) => {
      const key = await keyIn(accountId);
      await act("iam", key, { Action: "CreateUser", UserName: name });
      const answer = await act("iam", key, { Action: "CreateAccessKey", UserName: name });
      return { accessKeyId: field("AccessKeyId", answer), secretAccessKey: field("SecretAccessKey", answer) };
    },
    accountOf: async (accessKeyId) => field("Account", await act("sts", accessKeyId, { Action: "GetCallerIdentity" })),
    buckets: async (accountId) => fields("Name", await ask("s3", await keyIn(accountId), "/")),
    objects: async (bucket, accountId) => {
      const key = await keyIn(accountId);
      const names = fields("Key", await ask("s3", key, `/${bucket}?list-type=2`));
      const texts = names.map(async (name) => [name, await ask("s3", key, `/${bucket}/${name}`)] as const);
      return Object.fromEntries(await Promise.all(texts));
    },
  };
}

function fields(name: string, xml: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, "g"))].map((match) => match[1]!);
}

function field(name: string, xml: string): string {
  const [value] = fields(name, xml);
  if (value === undefined) throw new Error(`moto: no ${name} in ${xml}`);
  return value;
}
