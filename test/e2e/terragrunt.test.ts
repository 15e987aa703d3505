import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HAS_MOTO, type Moto, startMoto, tryProgram } from "../fakes/moto.ts";
import { recordCalls, type RecordedCall } from "../fakes/recorder.ts";
import { ACCOUNTS, type Build, BUILDS, makeRig, type Rig, roleOf, startProgram } from "./rig.ts";

/*
 * Real Terragrunt and OpenTofu over a copy of examples/live, with state in S3 buckets, one in each account.
 * STS is moto here, because moto's S3 knows only keys that moto handed out; its buckets answer nobody but
 * their own account. Terragrunt makes the buckets itself (--backend-bootstrap), with hallpass's keys too.
 */

type Account = keyof typeof ACCOUNTS;
const UNITS: Readonly<Record<Account, string>> = {
  dev: "dev/us-east-1/app",
  prod: "prod/us-east-1/vpc",
  logs: "logs/us-east-1/bucket",
  security: "security/_global/users",
};
const NAMES = Object.keys(ACCOUNTS) as Account[];
const NO_BUCKETS = { dev: [], prod: [], logs: [], security: [] };

/**
 * How each version calls for N = 4 units and D = 2 dependencies: measured, and agrees with Terragrunt's source.
 * `withoutKeys`, `withOwnKeys`, `withOthersKeys`: whose AWS_ACCESS_KEY_ID the call found in its environment.
 */
const HABITS: Readonly<Record<string, Habits>> = {
  "1.1.3": { calls: 10, withoutKeys: 8, withOwnKeys: 0, withOthersKeys: 2, inCache: 0 }, // 2N+D
  "1.0.3": { calls: 12, withoutKeys: 8, withOwnKeys: 2, withOthersKeys: 2, inCache: 2 }, // 2N+2D
  "0.88.0": { calls: 10, withoutKeys: 4, withOwnKeys: 4, withOthersKeys: 2, inCache: 2 }, // 2N+D
};
type Habits = { calls: number; withoutKeys: number; withOwnKeys: number; withOthersKeys: number; inCache: number };

const CAN_RUN = HAS_MOTO && tryProgram("tofu", "version") !== undefined;
const [node, binary] = BUILDS;
const SUITES = [
  suite("terragrunt", binary),
  suite("terragrunt", node),
  suite("terragrunt-1.0.3", binary),
  suite("terragrunt-0.88.0", binary),
];

/** `found`: the version, or what is missing for its tests to run. */
function suite(program: string, build: Build) {
  const version = /v(\d+\.\d+\.\d+)/.exec(tryProgram(program, "--version") ?? "")?.[1];
  const found = CAN_RUN ? (version ?? "not on PATH") : "needs tofu and moto[server]";
  return { program, build, version, found, skipped: version === undefined || !CAN_RUN };
}

let moto: Moto;
const rigs: Rig[] = [];
beforeAll(async () => {
  if (CAN_RUN) moto = await startMoto();
});
afterAll(async () => {
  for (const rig of rigs) await rig.end();
  await moto?.stop();
});

for (const { program, build, version, found, skipped } of SUITES) {
  describe.skipIf(skipped)(`${program} (${found}), ${build.build}`, () => {
    describe("run --all apply", () => {
      let run: Awaited<ReturnType<typeof applyAndLook>>;
      beforeAll(async () => {
        const machine = await makeMachine(program, build);
        await machine.login();
        run = await applyAndLook(machine);
      });

      it("applies every unit into its own account's bucket", () => {
        expect(run.buckets).toEqual(byAccount((name) => [`state-${name}`]));
        const outputs = mapValues(run.states, (objects) => mapValues(objects, (state) => state.outputs.id.value));
        expect(outputs).toEqual(byAccount((name) => ({ [stateOf(name)]: `${name}-${ACCOUNTS[name]}` })));
      });

      it("is each unit's own account: in its hook, and to S3 in tofu", () => {
        expect(run.hooks).toEqual(byAccount((name) => name));
        expect(run.writers).toEqual(byAccount((name) => [name]));
      });

      it("meets a closed door at another account's bucket", () => {
        expect(run.strangerSees).toContain("AccessDenied");
      });

      it("carries the outputs of two other accounts into dev's state", () => {
        const state = run.states.dev[stateOf("dev")];
        expect(state?.resources[0]?.instances[0]?.attributes.output.value).toEqual({
          account: "dev",
          id: ACCOUNTS.dev,
          needs: { vpc: `prod-${ACCOUNTS.prod}`, bucket: `logs-${ACCOUNTS.logs}` },
        });
      });

      it("answers every call with keys of the unit's account", () => {
        expect(run.calls.map(({ status }) => status)).toEqual(run.calls.map(() => 0));
        expect(run.calls.map(({ answered }) => answered)).toEqual(run.calls.map(({ unit }) => unit));
      });

      it("finds its own marker with every key that it finds", () => {
        expect(run.calls.map(({ marker }) => marker)).toEqual(run.calls.map(({ inherited }) => inherited));
      });

      it("is called for each dependency with dev's keys", () => {
        const others = run.calls.filter(({ unit, inherited }) => inherited !== undefined && inherited !== unit);
        const shown = others.map(({ unit, inherited, answered }) => `${unit} with ${inherited}'s: ${answered}'s`);
        expect(shown.toSorted()).toEqual(["logs with dev's: logs's", "prod with dev's: prod's"]);
      });

      it.skipIf(!HABITS[version ?? ""])("is called as this version is known to call", () => {
        expect(habitsOf(run.calls)).toEqual(HABITS[version ?? ""]);
      });

      it("asks STS for one session, and for each role once", () => {
        expect(run.sessions).toBe(1);
        expect(run.roles.toSorted()).toEqual(Object.values(ACCOUNTS).map(roleOf).toSorted());
        expect(run.askedStrictSts).toBe(0);
      });
    });

    it("fails with 1 and applies nothing where nobody is logged in, whatever keys are around", async () => {
      const machine = await makeMachine(program, build);
      const output = await machine.apply({ expectedStatus: 1, env: machine.ambient });
      expect(output).toContain("hallpass: there are no base credentials to ask AWS with\n");
      expect(output).toMatch(/^ +try +hallpass login$/m);
      expect(await bucketsByAccount()).toEqual(NO_BUCKETS);
      expectRefusals(machine.recorder.calls());
    });

    it("fails with 1 for a unit whose account is unknown, whatever keys are around", async () => {
      const machine = await makeMachine(program, build);
      await machine.login();
      machine.nameUnknownAccount("security");
      const output = await machine.apply({ expectedStatus: 1, env: machine.ambient });
      expect(output).toContain('hallpass: no account in this repository is called "nobody"\n');
      expect((await bucketsByAccount()).security).toEqual([]);
      expectRefusals(machine.recorder.calls().filter(({ cwd }) => cwd.endsWith(UNITS.security)));
    });

    it.skipIf(version !== "1.1.3")("fails with 1 for that unit only, where discovery does not ask", async () => {
      const machine = await makeMachine(program, build);
      await machine.login();
      machine.nameUnknownAccount("security");
      const env = { ...machine.ambient, TG_NO_DISCOVERY_AUTH_PROVIDER_CMD: "true" };
      const output = await machine.apply({ expectedStatus: 1, env });
      expect(output).toContain('hallpass: no account in this repository is called "nobody"\n');
      expect(await bucketsByAccount()).toEqual({ ...byAccount((name) => [`state-${name}`]), security: [] });
      expect(machine.recorder.calls().length).toBe(6); // N+D
    });
  });
}

type Machine = Awaited<ReturnType<typeof makeMachine>>;
async function makeMachine(program: string, build: Build) {
  await moto.reset();
  const rig = await makeRig(build);
  rigs.push(rig);
  const root = join(rig.live, "root.hcl");
  writeFileSync(root, withStateInS3(readFileSync(root, "utf8"), moto.url));
  const env = { ...rig.env, AWS_ENDPOINT_URL_STS: moto.url };
  const ana = await moto.addUser({ accountId: ACCOUNTS.security, name: "ana" });
  const recorder = recordCalls(rig.path, build.command);
  const flags = ["--non-interactive", "--no-color", "--backend-bootstrap", "--tf-path", "tofu"];
  const command = [program, "run", "--all", "apply", ...flags, "--auth-provider-cmd", recorder.script];
  return {
    rig,
    recorder,
    /** ana's own keys, with which Terragrunt and tofu would run on if hallpass let them. */
    ambient: { AWS_ACCESS_KEY_ID: ana.accessKeyId, AWS_SECRET_ACCESS_KEY: ana.secretAccessKey },
    login: async () => {
      const stdin = `${ana.accessKeyId}\n${ana.secretAccessKey}\n`;
      expect(await rig.run(["login", "--stdin"], { env, stdin })).toMatchObject({ status: 0 });
    },
    /** What Terragrunt printed. Throws, and shows it, where its exit status is not the expected one. */
    apply: async (wanted: { expectedStatus: number; env?: Record<string, string> }): Promise<string> => {
      const { status, stdout, stderr } = await startProgram(command, { cwd: rig.live, env: { ...env, ...wanted.env } })
        .ended;
      if (status !== wanted.expectedStatus) throw new Error(`${program} ended with ${status}:\n${stdout}${stderr}`);
      return stdout + stderr;
    },
    /** Terragrunt itself goes on: only hallpass stands between this unit and an apply. */
    nameUnknownAccount: (name: Account) => {
      writeFileSync(join(rig.live, name, "account.hcl"), 'locals {\n  account_name = "nobody"\n}\n');
      const text = readFileSync(root, "utf8");
      writeFileSync(
        root,
        replaced(text, "local.accounts[local.name].id", 'try(local.accounts[local.name].id, "none")'),
      );
    },
  };
}

/** Applies, and brings everything that can be seen afterwards into words: account names in place of key ids. */
async function applyAndLook(machine: Machine) {
  const { rig, recorder } = machine;
  await machine.apply({ expectedStatus: 0 });
  const requests = [...moto.calls];
  const recorded = recorder.calls();
  const hookKeys = byAccount((name) => readFileSync(join(rig.live, UNITS[name], "key-of-hook"), "utf8").trim());
  const found = [...requests, ...recorded].flatMap((call) =>
    "service" in call ? call.accessKeyId : [call.inherited, call.marker, call.answered],
  );
  const names = await nameKeys([...found, ...Object.values(hookKeys)]);
  const writers = byAccount((name) => {
    const writes = requests.filter(
      ({ method, path }) => method === "PUT" && path === `/state-${name}/${stateOf(name)}`,
    );
    return [...new Set(writes.map(({ accessKeyId }) => names.get(accessKeyId)))];
  });
  const sts = requests.filter(({ service }) => service === "sts");
  const states = await Promise.all(NAMES.map(async (name) => [name, await statesIn(name)] as const));
  return {
    calls: recorded.map((call) => ({
      unit: unitOf(call, rig.live),
      inCache: call.cwd.includes("/.terragrunt-cache/"),
      inherited: names.get(call.inherited),
      marker: names.get(call.marker),
      answered: names.get(call.answered),
      status: call.status,
    })),
    hooks: mapValues(hookKeys, (key) => names.get(key)),
    writers,
    states: Object.fromEntries(states) as Record<Account, Record<string, State>>,
    buckets: await bucketsByAccount(),
    strangerSees: String(await moto.objects("state-prod", ACCOUNTS.dev).catch((error: unknown) => error)),
    sessions: sts.filter(({ action }) => action === "GetSessionToken").length,
    roles: sts.filter(({ action }) => action === "AssumeRole").map(({ roleArn }) => roleArn),
    askedStrictSts: rig.sts.calls.length,
  };
}

/** Key id → name of its account; "" and keys of no account have no entry. */
async function nameKeys(keys: readonly string[]): Promise<Map<string, Account>> {
  const names = new Map<string, Account>();
  for (const key of new Set(keys)) {
    const id = key === "" ? "" : await moto.accountOf(key);
    const name = NAMES.find((account) => ACCOUNTS[account] === id);
    if (name) names.set(key, name);
  }
  return names;
}

/** The account whose unit the call came from. */
function unitOf({ cwd }: RecordedCall, live: string): Account | undefined {
  const [unit] = cwd.split("/.terragrunt-cache/");
  return NAMES.find((name) => unit === join(live, UNITS[name]));
}

type LookedAt = { unit: unknown; inCache: boolean; inherited: unknown };
function habitsOf(calls: readonly LookedAt[]): Habits {
  const count = (test: (call: LookedAt) => boolean) => calls.filter(test).length;
  return {
    calls: calls.length,
    withoutKeys: count(({ inherited }) => inherited === undefined),
    withOwnKeys: count(({ inherited, unit }) => inherited !== undefined && inherited === unit),
    withOthersKeys: count(({ inherited, unit }) => inherited !== undefined && inherited !== unit),
    inCache: count(({ inCache }) => inCache),
  };
}

/** At least one call, and every one ended with 1 and handed out nothing. */
function expectRefusals(calls: readonly RecordedCall[]): void {
  expect(calls.length).toBeGreaterThan(0);
  for (const call of calls) expect(call).toMatchObject({ status: 1, answered: "" });
}

type State = {
  outputs: { id: { value: string } };
  resources: { instances: { attributes: { output: { value: unknown } } }[] }[];
};
async function statesIn(name: Account): Promise<Record<string, State>> {
  const objects = await moto.objects(`state-${name}`, ACCOUNTS[name]);
  return mapValues(objects, (text) => JSON.parse(text) as State);
}

function stateOf(name: Account): string {
  return `${UNITS[name]}/terraform.tfstate`;
}

async function bucketsByAccount(): Promise<Record<Account, string[]>> {
  const lists = await Promise.all(NAMES.map(async (name) => [name, await moto.buckets(ACCOUNTS[name])] as const));
  return Object.fromEntries(lists) as Record<Account, string[]>;
}

/** examples/live/root.hcl with another remote_state, and a hook that writes down whose keys it sees. */
function withStateInS3(root: string, url: string): string {
  const [before, after] = root.split(/^remote_state \{$[^]*?^\}$/m);
  if (before === undefined || after === undefined) throw new Error("examples/live/root.hcl has no remote_state block");
  return `${before}
remote_state {
  backend = "s3"
  config = {
    bucket         = "state-\${local.name}"
    key            = "\${path_relative_to_include()}/terraform.tfstate"
    region         = "us-east-1"
    use_lockfile   = true
    use_path_style = true
    endpoints      = { s3 = "${url}", sts = "${url}", iam = "${url}" }

    # All accounts are moto's, and it is asked over http: the policies that Terragrunt would add forbid that.
    skip_credentials_validation        = true
    skip_metadata_api_check            = true
    skip_requesting_account_id         = true
    skip_region_validation             = true
    skip_bucket_enforced_tls           = true
    skip_bucket_root_access            = true
    skip_bucket_ssencryption           = true
    skip_bucket_versioning             = true
    skip_bucket_public_access_blocking = true
  }
  generate = {
    path      = "backend.tf"
    if_exists = "overwrite"
  }
}

terraform {
  before_hook "key" {
    commands = ["apply"]
    execute  = ["sh", "-c", "echo $AWS_ACCESS_KEY_ID >\${get_terragrunt_dir()}/key-of-hook"]
  }
}
${after}`;
}

function replaced(text: string, from: string, to: string): string {
  if (!text.includes(from)) throw new Error(`root.hcl does not say ${from}`);
  return text.replace(from, to);
}

function byAccount<T>(make: (name: Account) => T): Record<Account, T> {
  return Object.fromEntries(NAMES.map((name) => [name, make(name)])) as Record<Account, T>;
}

function mapValues<K extends string, T, U>(record: Record<K, T>, change: (value: T) => U): Record<K, U> {
  return Object.fromEntries(Object.entries<T>(record).map(([key, value]) => [key, change(value)])) as Record<K, U>;
}
