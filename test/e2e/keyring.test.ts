import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  type Actor,
  type Bus,
  type BusEnv,
  type DeafSocket,
  type Keyring,
  MISSING_TOOLS,
  startBlackHole,
  startBus,
  startDeafSocket,
  startKeyring,
  startPrompter,
} from "../fakes/bus.ts";
import { expectNoCanary } from "./canary.ts";
import { ACCOUNTS, ANA, BUILDS, type Ended, makeRig, type Rig, roleOf, type Running, type RunOptions } from "./rig.ts";

const NAME = "the login keychain (Secret Service)";
const CHOICES = `  try      start a Secret Service (gnome-keyring, KWallet, KeePassXC) in this session
  or       HALLPASS_KEYCHAIN=file hallpass login   (a file sealed with a passphrase)
`;
const unusable = (says: string): Ended => refused(`hallpass: ${NAME} cannot be used\n  it says  ${says}\n${CHOICES}`);
const LOCKED = refused(`hallpass: ${NAME} is locked
  it says  Cannot create an item in a locked collection
  try      unlock it (log in to the desktop, or open its password manager), then run this again
  or       HALLPASS_KEYCHAIN=file hallpass login   (a file sealed with a passphrase)
`);
const LOST = refused(`hallpass: ${NAME} has no keys under "default" although they were stored
  try  unlock the keychain if it is locked; otherwise: hallpass login default
`);
const SILENT = refused(`hallpass: ${NAME} does not answer
  waited  N s
  try     start a Secret Service (gnome-keyring, KWallet, KeePassXC) in this session
  or      HALLPASS_KEYCHAIN=file hallpass login   (a file sealed with a passphrase)
`);
const missing = MISSING_TOOLS.length > 0 ? `, skipped: there is no ${MISSING_TOOLS.join(", ")}` : "";

// It takes a minute, and no work: it runs while the other tests do.
let unanswered: Map<string, Promise<Ended>> | undefined;
beforeAll(async () => {
  if (missing !== "") return undefined;
  const minute = await startUnanswered();
  unanswered = minute.ended;
  return () => minute.end();
});

describe.each(BUILDS)(`the keychain of the system, $build${missing}`, (build) => {
  let rig: Rig;
  /** What the test started besides hallpass, in the order in which it must end. */
  let others: { end(): Promise<void> }[];

  beforeEach(async () => {
    rig = await makeRig(build);
    others = [];
  });
  afterEach(async () => {
    for (const other of others) await other.end();
    expectNoCanary(rig.outputs.filter((text) => !text.startsWith('{"awsCredentials"')));
    await rig.end();
  });

  const using = async <T extends { end(): Promise<void> }>(started: Promise<T>): Promise<T> => {
    const other = await started;
    others.unshift(other);
    return other;
  };
  const envFor = (bus: Partial<BusEnv>): Record<string, string | undefined> => ({
    HALLPASS_KEYCHAIN: undefined,
    HALLPASS_PASSPHRASE_FILE: undefined,
    ...bus,
  });
  const unit = (account: string): string => join(rig.live, UNITS[account as keyof typeof UNITS]);
  const start = (bus: Partial<BusEnv>, args: readonly string[], options: RunOptions = {}) =>
    rig.start(args, { cwd: unit("prod"), ...options, env: envFor(bus) });
  const run = (bus: Partial<BusEnv>, args: readonly string[] = [], options: RunOptions = {}): Promise<Ended> =>
    start(bus, args, options).ended;
  const keys = (): string => `${rig.ana.accessKeyId}\n${rig.ana.secretAccessKey}\n`;
  const login = (bus: Partial<BusEnv>, ...name: string[]): Promise<Ended> =>
    run(bus, ["login", ...name, "--stdin"], { stdin: keys() });
  const loggedIn = async (bus: BusEnv): Promise<void> => {
    expect(await login(bus)).toMatchObject({ status: 0 });
  };
  /** The sealing key stands in memory, as in the middle of a session, but no answer is cached. */
  const forgetAnswers = (): void => rmSync(join(rig.state, "cache"), { recursive: true, force: true });
  const forgetSealingKey = (): void => rmSync(join(rig.path, "run"), { recursive: true, force: true });

  describe.skipIf(missing !== "")("that is unlocked", () => {
    let keyring: Keyring;
    beforeEach(async () => {
      keyring = await using(startKeyring());
    });
    const itemNames = async (): Promise<string[]> =>
      Object.keys(await keyring.items())
        .map((name) => name.replace(/[0-9a-f]{12}$/, "…"))
        .toSorted();

    it("holds the key after login, serves a call, and is empty of it after logout", async () => {
      expect(await login(keyring.env)).toEqual({
        status: 0,
        signal: null,
        stdout: "",
        stderr: `✓ ${ANA} in account 222222222222\n✓ stored in ${NAME} as "default"\n`,
      });
      const { accessKeyId, secretAccessKey } = rig.ana;
      expect(Object.values(await keyring.items())).toContain(JSON.stringify([accessKeyId, secretAccessKey]));

      const { status, stdout } = await run(keyring.env);
      expect({ status, role: rig.sts.calls.at(-1)?.roleArn }).toEqual({ status: 0, role: roleOf(ACCOUNTS.prod) });
      expect(stdout).toContain('"awsCredentials"');
      expect(await itemNames()).toEqual(["base/default/…", "sealing-key"]);

      const loggedOut = await run(keyring.env, ["logout"]);
      expect(loggedOut).toMatchObject({ status: 0, stdout: "" });
      expect(loggedOut.stderr).toContain(`"default" is logged out of ${NAME}`);
      expect(await itemNames()).toEqual([]);
      expect((await run(keyring.env)).stderr).toContain("there are no base credentials to ask AWS with");
    });

    it("holds one item a name, the last login's", async () => {
      await loggedIn(keyring.env);
      await loggedIn(keyring.env);
      expect(await login(keyring.env, "second")).toMatchObject({ status: 0 });
      expect(await itemNames()).toEqual(["base/default/…", "base/second/…", "sealing-key"]);
    });

    it("keeps nothing of a login that AWS refused", async () => {
      rig.sts.setKeyState(rig.ana.accessKeyId, "inactive");
      expect(await login(keyring.env)).toMatchObject({ status: 1, stdout: "" });
      expect(await keyring.items()).toEqual({});
    });

    it("can be logged out of where somebody removed the item by hand", async () => {
      await loggedIn(keyring.env);
      await keyring.clear();
      expect(await run(keyring.env)).toEqual(LOST);
      expect(await run(keyring.env, ["logout"])).toMatchObject({ status: 0 });
      expect(await itemNames()).toEqual([]);
    });

    it("answers thirty calls at once, all cold, with one session and the right account each", async () => {
      await loggedIn(keyring.env);
      const names = Array.from({ length: 30 }, (_, index) => Object.keys(UNITS)[index % 4]!);
      const answers = await Promise.all(names.map((name) => run(keyring.env, [], { cwd: unit(name) })));
      expect(answers.filter(({ status, stderr }) => status !== 0 || stderr !== "")).toEqual([]);
      const keysOf = new Map<string, Set<string>>();
      answers.forEach(({ stdout }, index) => {
        const { awsCredentials } = JSON.parse(stdout) as { awsCredentials: { ACCESS_KEY_ID: string } };
        const known = keysOf.get(names[index]!) ?? new Set();
        keysOf.set(names[index]!, known.add(awsCredentials.ACCESS_KEY_ID));
      });
      // One key an account, and no key in two accounts.
      expect([...keysOf.values()].map((ids) => ids.size)).toEqual([1, 1, 1, 1]);
      expect(new Set([...keysOf.values()].map((ids) => [...ids].join())).size).toBe(4);
      const actions = rig.sts.calls.map(({ action, roleArn }) => roleArn ?? action).toSorted();
      expect(actions).toEqual(
        ["GetCallerIdentity", "GetSessionToken", ...Object.values(ACCOUNTS).map(roleOf)].toSorted(),
      );
    });
  });

  describe.skipIf(missing !== "")("that is locked", () => {
    let keyring: Keyring;
    beforeEach(async () => {
      keyring = await using(startKeyring());
      await loggedIn(keyring.env);
      await run(keyring.env); // now the sealing key is in it too, and an answer is cached
      await keyring.lock();
    });

    it("is not needed for what is cached", async () => {
      expect(await run(keyring.env)).toMatchObject({ status: 0, stderr: "" });
    });

    it("refuses a cold call, and says that it is locked, not that nobody is logged in", async () => {
      forgetSealingKey();
      expect(await run(keyring.env)).toEqual(LOCKED);
    });

    it("refuses a call that needs the key itself", async () => {
      forgetAnswers();
      expect(await run(keyring.env)).toEqual(LOST);
    });

    it("takes no login, and the one that is there stays", async () => {
      const before = await keyring.items();
      expect(await login(keyring.env)).toEqual(LOCKED);
      expect(await login(keyring.env, "second")).toEqual(LOCKED);
      expect(await keyring.items()).toEqual(before);
      expect((await run(keyring.env, ["explain"])).stdout).toContain('keychain "default"');
    });

    it("refuses a logout: the key is still in it", async () => {
      const before = await keyring.items();
      expect(Object.keys(before)).toHaveLength(2);
      expect(await run(keyring.env, ["logout"])).toEqual(LOCKED);
      expect(await keyring.items()).toEqual(before);
      expect((await run(keyring.env, ["explain"])).stdout).toContain('keychain "default"');
    });

    it("waits for the person whom it asks for its password, longer than for a dead one", async () => {
      const prompter = await using(startPrompter(keyring, 3000));
      forgetAnswers();
      const started = Date.now();
      expect(await run(keyring.env)).toEqual(LOST);
      expect(Date.now() - started).toBeGreaterThan(3000);
      await prompter.said("called");
    });
  });

  describe("that is not there", () => {
    it.skipIf(missing !== "")("because nobody offers one on the bus", async () => {
      const bus = await using(startBus());
      expect(await login(bus.env)).toEqual(
        unusable("The name org.freedesktop.secrets was not provided by any .service files"),
      );
      expect(rig.files()).toEqual([]);
    });

    it.each([
      ["there is no bus", undefined, "Cannot autolaunch D-Bus without X11 $DISPLAY"],
      ["the bus is gone", "unix:path=/no/such/bus", "Could not connect: No such file or directory"],
    ])("because %s", async (_why, address, says) => {
      const bus = address === undefined ? {} : { DBUS_SESSION_BUS_ADDRESS: address };
      expect(await login(bus)).toEqual(unusable(says));
      expect(rig.files()).toEqual([]);
    });

    it.skipIf(missing !== "")("any more: it never looks as if nobody were logged in", async () => {
      const keyring = await using(startKeyring());
      await loggedIn(keyring.env);
      keyring.kill();
      const answer = unusable("Could not connect: Connection refused");
      expect(await run(keyring.env)).toEqual(answer);
      expect(await run(keyring.env, ["logout"])).toEqual(answer);
    });
  });

  describe("that is silent", () => {
    const measured = async (bus: BusEnv, args: string[]): Promise<Ended> => {
      const started = performance.now();
      const ended = await run(bus, args, { stdin: keys() });
      const took = performance.now() - started;
      console.log(`silent keychain, ${build.build}, hallpass ${args.join(" ")}: ${Math.round(took)} ms`);
      expect(took).toBeLessThan(3000);
      expect(helpersOn(bus)).toEqual([]);
      return withoutTime(ended);
    };

    it("because its socket takes connections and never says a word: over in 3 s, no process left", async () => {
      const bus = await using(startDeafSocket());
      expect(await measured(bus.env, ["login", "--stdin"])).toEqual(SILENT);
      expect(rig.files()).toEqual([]);
    });

    it.skipIf(missing !== "")("because its owner never answers: over in 3 s, no process left", async () => {
      const bus = await using(startBus());
      await using(startBlackHole(bus));
      expect(await measured(bus.env, ["login", "--stdin"])).toEqual(SILENT);
    });

    it.skipIf(missing !== "")("because gnome-keyring is stuck: over in 3 s for every command", async () => {
      const keyring = await using(startKeyring());
      await loggedIn(keyring.env);
      keyring.freeze();
      expect(await measured(keyring.env, [])).toEqual(SILENT);
      expect(await measured(keyring.env, ["login", "--stdin"])).toEqual(SILENT);
      expect(await measured(keyring.env, ["logout"])).toEqual(SILENT);
      keyring.thaw();
      expect(await run(keyring.env)).toMatchObject({ status: 0, stderr: "" });
    });

    it.skipIf(missing !== "")("for ten calls at once: they wait together, not one after the other", async () => {
      const keyring = await using(startKeyring());
      await loggedIn(keyring.env);
      keyring.freeze();
      const started = performance.now();
      const all = await Promise.all(Array.from({ length: 10 }, () => run(keyring.env)));
      expect(performance.now() - started).toBeLessThan(8000); // two waits and ten starts on a busy machine
      expect(all.map(withoutTime)).toEqual(Array.from({ length: 10 }, () => SILENT));
    });
  });

  describe.skipIf(missing !== "")("that dies in the middle of a call", () => {
    let bus: Bus;
    let owner: Actor;
    beforeEach(async () => {
      bus = await using(startBus());
      owner = await using(startBlackHole(bus));
    });

    it("alone", async () => {
      const ended = login(bus.env);
      await owner.said("called");
      owner.kill();
      expect(await ended).toEqual(unusable("Message recipient disconnected from message bus without replying"));
    });

    it("with its bus", async () => {
      const ended = login(bus.env);
      await owner.said("called");
      bus.kill();
      // GLib ends a program that loses its session bus: here the helper.
      expect(await ended).toEqual(unusable("the helper process ended without an answer"));
    });
  });

  describe("whose helper process is held up", () => {
    const held = async (): Promise<{ bus: DeafSocket; running: Running; helper: number }> => {
      const bus = await using(startDeafSocket());
      const running = start(bus.env, ["login", "--stdin"], { stdin: keys() });
      await bus.asked;
      return { bus, running, helper: helpersOn(bus.env)[0]! };
    };

    it("has the secret neither on its command line nor in its environment", async () => {
      const { running, helper } = await held();
      const commandLine = readFileSync(`/proc/${helper}/cmdline`, "utf8").split("\0").slice(0, -1);
      const environment = readFileSync(`/proc/${helper}/environ`, "utf8").split("\0").slice(0, -1);
      expect(commandLine).toEqual([...build.command, "keychain-helper"]);
      const names = environment.map((line) => line.slice(0, line.indexOf("=")));
      expect(names.toSorted()).toEqual(["DBUS_SESSION_BUS_ADDRESS", "HOME", "PATH"]);
      await running.ended;
    });

    it("does not outlive a hallpass that is killed", async () => {
      const { bus, running } = await held();
      running.process.kill("SIGKILL");
      await running.ended;
      await expect.poll(() => helpersOn(bus.env), { timeout: 5000 }).toEqual([]);
    });
  });
});

describe.skipIf(missing !== "")(`a keyring whose question nobody answers${missing}`, () => {
  it.each(BUILDS)(
    "is given up after a minute, $build",
    async ({ build }) => {
      const text = LOCKED.stderr.replace(/it says .*/, "it says  its unlock prompt was not answered within a minute");
      expect(await unanswered?.get(build)).toEqual(refused(text));
    },
    90_000,
  );
});

/** Starts a login of each build against a locked keyring whose window nobody answers. Ends what it started. */
async function startUnanswered(): Promise<{ ended: Map<string, Promise<Ended>>; end(): Promise<void> }> {
  const keyring = await startKeyring();
  const prompter = await startPrompter(keyring, "never");
  await keyring.lock();
  const rigs = await Promise.all(BUILDS.map((build) => makeRig(build)));
  const started = rigs.map((rig) =>
    rig.start(["login", "--stdin"], {
      env: { HALLPASS_KEYCHAIN: "system", HALLPASS_PASSPHRASE_FILE: undefined, ...keyring.env },
      stdin: `${rig.ana.accessKeyId}\n${rig.ana.secretAccessKey}\n`,
      limitMs: 75_000,
    }),
  );
  return {
    ended: new Map(BUILDS.map(({ build }, index) => [build, started[index]!.ended])),
    end: async () => {
      for (const running of started) running.process.kill("SIGKILL");
      await Promise.all(started.map((running) => running.ended));
      await Promise.all(rigs.map((rig) => rig.end()));
      await prompter.end();
      await keyring.end();
    },
  };
}

const UNITS = {
  dev: "dev/us-east-1/app",
  prod: "prod/us-east-1/vpc",
  logs: "logs/us-east-1/bucket",
  security: "security/_global/users",
} as const;

/** How a refusal ends: with nothing on stdout. */
function refused(stderr: string): Ended {
  return { status: 1, signal: null, stdout: "", stderr };
}

/** How long it waited is measured, not read. */
function withoutTime(ended: Ended): Ended {
  return { ...ended, stderr: ended.stderr.replace(/waited {2}\d\.\d s/, "waited  N s") };
}

/** The helper processes that talk to this bus, whoever their parent is by now. A zombie has no environment. */
function helpersOn(bus: BusEnv): number[] {
  const address = `DBUS_SESSION_BUS_ADDRESS=${bus.DBUS_SESSION_BUS_ADDRESS}`;
  const has = (pid: string, file: string, text: string): boolean => {
    try {
      return readFileSync(`/proc/${pid}/${file}`, "utf8").split("\0").includes(text);
    } catch {
      return false; // it ended just now
    }
  };
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => has(pid, "cmdline", "keychain-helper") && has(pid, "environ", address))
    .map(Number);
}
