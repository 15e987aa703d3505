import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Accounts, type KeyState, type MfaDevice, type RoleOptions } from "./sts/accounts.ts";
import { perform } from "./sts/actions.ts";
import { type Answer, garbage, Refusal, refused, success } from "./sts/answer.ts";
import { type Fault, Faults, type Plan, refusePlanned } from "./sts/faults.ts";
import { Gates, type Hold } from "./sts/gates.ts";
import { parseQuery, type Received } from "./sts/query.ts";
import { authenticate } from "./sts/signature.ts";

/** One request that arrived, whether or not it was served; "" where it named no action or no key. */
type Call = {
  action: string;
  accessKeyId: string;
  roleArn?: string;
  sessionName?: string;
  /** By the server's clock. */
  at: Date;
  /** The code it was refused with. */
  error?: string;
};

export type StsServer = {
  readonly url: string;
  /** Every request in the order of arrival, refused ones too. */
  readonly calls: readonly Call[];
  /** A new long-lived key; the same name again is a second key of the same user. */
  addUser(user: { accountId: string; name: string }): { accessKeyId: string; secretAccessKey: string; arn: string };
  setKeyState(accessKeyId: string, state: KeyState): void;
  /** Each code is good once, as with AWS: a device whose code never changes serves one login. */
  addMfaDevice(userArn: string, device: MfaDevice): void;
  /** `trusts`: ARNs of users, roles and sessions, or `arn:aws:iam::ID:root` for all of an account. */
  addRole(arn: string, options: RoleOptions): void;
  /** Counted from the oldest plan on; a request meets at most one. */
  misbehave(plan: Plan): void;
  /** Ends all misbehaviour. */
  behave(): void;
  /** The next request that no earlier hold has taken arrives, is counted, and waits. */
  hold(): Hold;
  setClock(clock: () => Date): void;
  /** Cuts the connections that are open, so hung requests fail now. */
  close(): Promise<void>;
};

/**
 * A stand-in for AWS STS on the loopback. It checks what STS checks (signature, key, token, MFA code,
 * trust, duration) and refuses with the status, code and text of STS: a client that passes here by
 * mistake would pass there by mistake. Every secret that it makes contains "canary".
 */
export async function startStsServer(options: { port?: number } = {}): Promise<StsServer> {
  const state: State = {
    accounts: new Accounts(),
    faults: new Faults(),
    calls: [],
    gates: new Gates(),
    clock: () => new Date(),
  };
  const server = createServer((request, response) => void serve(state, request, response));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as { port: number };
  return { url: `http://127.0.0.1:${port}`, calls: state.calls, ...controls(state), close: () => close(server) };
}

type State = { accounts: Accounts; faults: Faults; calls: Call[]; gates: Gates; clock: () => Date };

function controls(state: State): Omit<StsServer, "url" | "calls" | "close"> {
  const { accounts, faults } = state;
  return {
    addUser: (user) => accounts.addUser(user),
    setKeyState: (accessKeyId, keyState) => accounts.setKeyState(accessKeyId, keyState),
    addMfaDevice: (userArn, device) => accounts.addMfaDevice(userArn, device),
    addRole: (arn, options) => accounts.addRole(arn, options),
    misbehave: (plan) => faults.add(plan),
    behave: () => faults.clear(),
    hold: () => state.gates.hold(),
    setClock: (clock) => void (state.clock = clock),
  };
}

async function serve(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const received = await receive(request);
  const call = callOf(received, state.clock());
  state.calls.push(call);
  await state.gates.pass();
  const plan = state.faults.take(call.action);
  if (plan?.fault === "hang") return;
  if (plan?.fault === "close") return void request.socket.destroy();
  if (plan?.fault === "slow") await new Promise((resolve) => setTimeout(resolve, plan.ms).unref());
  const answer = await answerTo(received, state, plan?.fault);
  if (answer.error !== undefined) call.error = answer.error;
  send(response, answer, state.clock());
}

/** Never settles for a request that its sender gave up halfway: it has not arrived. */
function receive(request: IncomingMessage): Promise<Received> {
  const { method = "", url = "", headers } = request;
  const chunks: Buffer[] = [];
  return new Promise((resolve) => {
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => resolve({ method, url, headers, body: Buffer.concat(chunks) }));
  });
}

function callOf({ headers, body }: Received, at: Date): Call {
  const parameters = new URLSearchParams(body.toString());
  const [roleArn, sessionName] = [parameters.get("RoleArn"), parameters.get("RoleSessionName")];
  return {
    action: parameters.get("Action") ?? "",
    accessKeyId: /Credential=([^/,\s]*)/.exec(headers.authorization ?? "")?.[1] ?? "",
    ...(roleArn === null ? {} : { roleArn }),
    ...(sessionName === null ? {} : { sessionName }),
    at,
  };
}

async function answerTo(received: Received, { accounts, clock }: State, fault: Fault | undefined): Promise<Answer> {
  if (fault === "garbage") return garbage();
  try {
    refusePlanned(fault);
    const { action, parameters } = parseQuery(received);
    const now = clock();
    const caller = await authenticate(received, accounts.keys, now);
    return success(action, perform(action, accounts, { parameters, caller, now, fault }));
  } catch (error) {
    if (error instanceof Refusal) return refused(error);
    throw error;
  }
}

function send(response: ServerResponse, { status, requestId, body }: Answer, now: Date): void {
  response.writeHead(status, { "Content-Type": "text/xml", Date: now.toUTCString(), "x-amzn-RequestId": requestId });
  response.end(body);
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
