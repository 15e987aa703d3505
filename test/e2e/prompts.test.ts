import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { KEYS, type Pty, startPty } from "../fakes/pty.ts";
import { expectNoCanary } from "./canary.ts";
import { ANA, BUILDS, type Ended, makeRig, type Rig, startProgram } from "./rig.ts";

const KEY_ID = "Access key id      ";
const SECRET = "Secret access key  ";
const AGAIN = "hallpass  the same again  ";
/** After these lines the shell has said how the program left the terminal. */
const THEN_LOOK = "; echo status $?; stty -a";

describe.each(BUILDS)("on a terminal, $build", (build) => {
  let rig: Rig;
  let terminals: Pty[];
  const hallpass = build.command.map((word) => `'${word}'`).join(" ");

  beforeEach(async () => {
    rig = await makeRig(build);
    terminals = [];
  });
  afterEach(async () => {
    await Promise.all(terminals.map((terminal) => terminal.end()));
    expectNoCanary(terminals.map((terminal) => terminal.raw()));
    await rig.end();
  });

  const start = (script: string, options: { env?: Record<string, string | undefined>; cwd?: string } = {}): Pty => {
    const env = Object.entries({ ...rig.env, ...options.env }).filter(([, value]) => value !== undefined);
    const terminal = startPty(["sh", "-c", script], {
      cwd: options.cwd ?? rig.live,
      env: Object.fromEntries(env) as Record<string, string>,
    });
    terminals.push(terminal);
    return terminal;
  };
  /** Answers a question as soon as it stands there: a test is quicker than a person, and so is a paste. */
  const answer = async (terminal: Pty, question: string, keys: string): Promise<void> => {
    await terminal.until(question);
    terminal.type(keys);
  };
  const answerKeys = async (terminal: Pty): Promise<void> => {
    await answer(terminal, KEY_ID, rig.ana.accessKeyId + KEYS.enter);
    await answer(terminal, SECRET, rig.ana.secretAccessKey + KEYS.enter);
  };
  const unit = (): string => `${rig.live}/prod/us-east-1/vpc`;
  const storedFiles = (): string[] =>
    rig
      .files()
      .map(({ path }) => basename(path))
      .toSorted();
  const passphraseQuestion = (): string => `hallpass  passphrase of ${rig.state}/keychain.sealed  `;

  describe("hallpass login", () => {
    it("asks for the key, echoes the id and not the secret, and says what it stored", async () => {
      const terminal = start(`${hallpass} login`);
      await answerKeys(terminal);
      expect(await terminal.ended).toBe(0);
      expect(terminal.screen()).toBe(`${KEY_ID}${rig.ana.accessKeyId}
${SECRET}
✓ ${ANA} in account 222222222222
✓ stored in ${rig.state}/keychain.sealed as "default"
`);
      expect(storedFiles()).toEqual(["bases.json", "keychain.sealed"]);
    });

    it("asks the terminal also when no stream leads to it", async () => {
      const terminal = start(`${hallpass} login </dev/null >/dev/null 2>&1; echo status $?`);
      await answerKeys(terminal);
      await terminal.until("status 0");
      expect(terminal.screen()).toBe(`${KEY_ID}${rig.ana.accessKeyId}\n${SECRET}\nstatus 0\n`);
      expect(storedFiles()).toEqual(["bases.json", "keychain.sealed"]);
    });

    it("leaves stdin alone, which others may be reading", async () => {
      const terminal = start(`echo theirs | { ${hallpass} login; cat; }`);
      await answerKeys(terminal);
      await terminal.until("theirs");
      expect(await terminal.ended).toBe(0);
    });

    it("lets a typing error be corrected, under the same question", async () => {
      const terminal = start(`${hallpass} login`);
      await answer(terminal, KEY_ID, `X${KEYS.backspace}${rig.ana.accessKeyId}${KEYS.enter}`);
      await answer(terminal, SECRET, `X${KEYS.backspace}${rig.ana.secretAccessKey}${KEYS.enter}`);
      expect(await terminal.ended).toBe(0);
      expect(terminal.screen()).not.toContain("> ");
    });

    it("does not show a secret that was pasted together with the id", async () => {
      const terminal = start(`${hallpass} login`);
      const { accessKeyId, secretAccessKey } = rig.ana;
      await answer(terminal, KEY_ID, `${accessKeyId}${KEYS.enter}${secretAccessKey}${KEYS.enter}`);
      await answer(terminal, SECRET, secretAccessKey + KEYS.enter);
      expect(await terminal.ended).toBe(0);
    });

    it.each([
      ["Ctrl-C", KEYS.ctrlC, "Ctrl-C", "id"],
      ["Ctrl-D", KEYS.ctrlD, "end of input", "id"],
      ["Ctrl-C", KEYS.ctrlC, "Ctrl-C", "secret"],
      ["Ctrl-D", KEYS.ctrlD, "end of input", "secret"],
    ])("ends at %s, stores nothing, and gives the terminal back as it was (%#)", async (_key, key, why, at) => {
      const terminal = start(`${hallpass} login${THEN_LOOK}`);
      const id = at === "id" ? "" : rig.ana.accessKeyId;
      if (id !== "") await answer(terminal, KEY_ID, id + KEYS.enter);
      await answer(terminal, at === "id" ? KEY_ID : SECRET, key);
      await terminal.ended;
      const [said, modes] = cutAt(terminal.screen(), "status 1\n");
      expect(said).toBe(`${KEY_ID}${id}
${id === "" ? "" : `${SECRET}\n`}hallpass: the question was not answered (${why}); nothing was changed
`);
      expect(switchedOff(modes)).toEqual([]);
      expect(storedFiles()).toEqual([]);
    });

    it.each(["id", "secret"])("that is ended by SIGTERM at the %s gives the terminal back", async (at) => {
      const terminal = start(`sh -c 'echo pid $$ end; exec "$@" login' sh ${hallpass}${THEN_LOOK}`);
      await terminal.until(" end");
      const pid = Number(/pid (\d+) end/.exec(terminal.screen())?.[1]);
      if (at === "secret") await answer(terminal, KEY_ID, rig.ana.accessKeyId + KEYS.enter);
      await terminal.until(at === "id" ? KEY_ID : SECRET);
      process.kill(pid, "SIGTERM");
      await terminal.ended;
      const [, modes] = cutAt(terminal.screen(), "status 143\n");
      expect(switchedOff(modes)).toEqual([]);
      expect(storedFiles()).toEqual([]);
    });

    it("goes on after Ctrl-Z and fg, and does not echo the secret then either", async () => {
      const terminal = startPty(["bash", "--norc", "--noprofile", "-i"], {
        cwd: rig.live,
        env: { ...rig.env, PS1: "shell$ " },
      });
      terminals.push(terminal);
      await answer(terminal, "shell$ ", `${hallpass} login${KEYS.enter}`);
      await answer(terminal, KEY_ID, rig.ana.accessKeyId + KEYS.enter);
      await answer(terminal, SECRET, KEYS.ctrlZ);
      await terminal.until("Stopped");
      await answer(terminal, "shell$ ", `fg${KEYS.enter}`);
      await answer(terminal, SECRET, rig.ana.secretAccessKey + KEYS.enter);
      await terminal.until(`as "default"`);
      await answer(terminal, "shell$ ", `exit${KEYS.enter}`);
      expect(await terminal.ended).toBe(0);
    });

    it("stores nothing when AWS does not know the secret", async () => {
      const terminal = start(`${hallpass} login`);
      await answer(terminal, KEY_ID, rig.ana.accessKeyId + KEYS.enter);
      await answer(terminal, SECRET, `${"x".repeat(40)}${KEYS.enter}`);
      expect(await terminal.ended).toBe(1);
      const [, said] = cutAt(terminal.screen(), `${SECRET}\n`);
      expect(said).toBe(`hallpass: AWS does not accept the base credentials
  asked by  access key ${rig.ana.accessKeyId}
  AWS says  SignatureDoesNotMatch: The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.
  try       hallpass login   (the key was deleted, deactivated, or its secret is another one)
`);
      expect(storedFiles()).toEqual([]);
    });

    it("refuses what cannot be a secret before it asks AWS, and does not show it", async () => {
      const terminal = start(`${hallpass} login`);
      await answer(terminal, KEY_ID, rig.ana.accessKeyId + KEYS.enter);
      await answer(terminal, SECRET, `canary short${KEYS.enter}`);
      expect(await terminal.ended).toBe(1);
      const [, said] = cutAt(terminal.screen(), `${SECRET}\n`);
      expect(said).toBe(wrongKeys("a secret of 12 characters"));
      expect(rig.sts.calls).toEqual([]);
    });
  });

  describe("the passphrase of the keychain file", () => {
    const env = { HALLPASS_PASSPHRASE_FILE: undefined };

    it("is asked for twice when the file is new, later once, and never shown", async () => {
      const first = start(`${hallpass} login`, { env });
      await answerKeys(first);
      await answer(first, passphraseQuestion(), `canary-typed${KEYS.enter}`);
      await answer(first, AGAIN, `canary-typed${KEYS.enter}`);
      expect(await first.ended).toBe(0);
      const second = start(`${hallpass} --json`, { env, cwd: unit() });
      await answer(second, passphraseQuestion(), `canary-typed${KEYS.enter}`);
      await second.until('{"awsCredentials"');
      expect(await second.ended).toBe(0);
      expect(second.screen()).not.toContain(AGAIN);
      terminals.pop(); // it was asked for credentials, and shows them
      expect(second.raw()).not.toContain("canary-typed");
    });

    it.each([
      ["differ", ["canary-one", "canary-two"], "the two passphrases differ"],
      ["are empty", ["", ""], "an empty passphrase protects nothing"],
    ])("is refused when the answers %s", async (_why, [one, two], message) => {
      const terminal = start(`${hallpass} login`, { env });
      await answerKeys(terminal);
      await answer(terminal, passphraseQuestion(), one! + KEYS.enter);
      if (two !== "") await answer(terminal, AGAIN, two! + KEYS.enter);
      expect(await terminal.ended).toBe(1);
      const [, said] = cutAt(terminal.screen(), two === "" ? `${passphraseQuestion()}\n` : `${AGAIN}\n`);
      expect(said).toBe(`hallpass: ${message}
  try  HALLPASS_PASSPHRASE_FILE=<a file of yours with mode 0600>, or run hallpass on a terminal
`);
      expect(storedFiles()).toEqual([]);
    });

    /** Two logins that both have their keys already, and now need the passphrase. */
    const twoLogins = async (): Promise<Pty> => {
      await rig.login();
      const calls = rig.sts.calls.length;
      const keys = join(rig.path, "keys");
      writeFileSync(keys, `${rig.ana.accessKeyId}\n${rig.ana.secretAccessKey}\n`, { mode: 0o600 });
      const login = (name: string): string => `{ ${hallpass} login ${name} --stdin <${keys}; echo ${name} $?; }`;
      const terminal = start(`${login("one")} & ${login("two")} & wait`, { env });
      await terminal.until(passphraseQuestion());
      await expect.poll(() => rig.sts.calls.length, { timeout: 20_000 }).toBe(calls + 2);
      await expect.poll(() => waitersOf(rig), { timeout: 20_000 }).toBe(1);
      expect(terminal.screen()).toBe(passphraseQuestion());
      return terminal;
    };

    it("is asked for by one process at a time", async () => {
      const terminal = await twoLogins();
      terminal.type(`canary-passphrase${KEYS.enter}`);
      await answer(terminal, passphraseQuestion(), `canary-passphrase${KEYS.enter}`);
      await terminal.ended;
      expect(terminal.screen()).toContain("one 0\n");
      expect(terminal.screen()).toContain("two 0\n");
    });

    it("is asked for by the next process after Ctrl-C, which ends only the one that asked", async () => {
      const terminal = await twoLogins();
      terminal.type(KEYS.ctrlC);
      await answer(terminal, passphraseQuestion(), `canary-passphrase${KEYS.enter}`);
      await terminal.ended;
      const screen = terminal.screen();
      expect(screen).toContain("hallpass: the question was not answered (Ctrl-C); nothing was changed\n");
      const statuses = ["one", "two"].map((name) => Number(new RegExp(`${name} (\\d)\n`).exec(screen)?.[1]));
      expect(new Set(statuses)).toEqual(new Set([0, 1]));
    });
  });

  describe("hallpass in a unit", () => {
    beforeEach(() => rig.login());

    it("shows a summary without secrets", async () => {
      const terminal = start(hallpass, { cwd: unit() });
      expect(await terminal.ended).toBe(0);
      const keyId = /ASIA\w+/.exec(terminal.screen())?.[0];
      expect(terminal.screen().replace(/\d+ min left/, "N min left"))
        .toBe(`prod  666666666666   allow-full-access-from-other-accounts
  unit    prod/us-east-1/vpc
  said by prod/account.hcl:2, accounts.json:7
  base    keychain "default" (${ANA})
  keys    ${keyId}, N min left
Terragrunt gets these with  TG_AUTH_PROVIDER_CMD=hallpass   (JSON: hallpass --json)
`);
    });

    it.each([
      ["with --json", "--json"],
      ["into a pipe", "| cat"],
    ])("prints the JSON %s", async (_how, rest) => {
      const terminal = start(`${hallpass} ${rest}`, { cwd: unit() });
      expect(await terminal.ended).toBe(0);
      terminals.pop(); // it was asked for credentials, and shows them
      expect(Object.keys(JSON.parse(terminal.screen()) as object)).toEqual(["awsCredentials", "envs"]);
    });
  });

  describe("while another hallpass uses the same terminal", () => {
    beforeEach(() => rig.login());
    const file = (name: string): string => join(rig.path, name);
    const waitFor = (name: string): string => `until [ -e ${file(name)} ]; do sleep 0.02; done`;
    /** A second one, without questions: it runs from when it says so until the file `go` is there. */
    const second = (): string =>
      `${hallpass} exec prod -- sh -c 'echo second runs; touch ${file("runs")}; ${waitFor("go")}'`;

    it("questions of two logins come one after the other", async () => {
      const terminal = start(`${hallpass} login one & ${hallpass} login two & wait`);
      const questions = (): string[] => terminal.screen().match(new RegExp(`${KEY_ID}|${SECRET}`, "g")) ?? [];
      await terminal.until(KEY_ID);
      await expect.poll(() => waitersOf(rig), { timeout: 20_000 }).toBe(1);
      for (let asked = 1; asked <= 4; asked++) {
        await expect.poll(() => questions().length, { timeout: 20_000 }).toBe(asked);
        terminal.type((questions().at(-1) === KEY_ID ? rig.ana.accessKeyId : rig.ana.secretAccessKey) + KEYS.enter);
      }
      await terminal.ended;
      expect(terminal.screen()).toContain('as "one"\n');
      expect(terminal.screen()).toContain('as "two"\n');
    });

    it("no secret is echoed when that one ends in the middle of the question", async () => {
      const terminal = start(`{ ${second()}; echo second ended; } & ${waitFor("runs")}; ${hallpass} login x`, {
        cwd: unit(),
      });
      await answer(terminal, KEY_ID, rig.ana.accessKeyId + KEYS.enter);
      await terminal.until(SECRET);
      writeFileSync(file("go"), "");
      await terminal.until("second ended");
      terminal.type(rig.ana.secretAccessKey + KEYS.enter);
      await terminal.until('as "x"');
      expect(terminal.raw()).not.toContain(rig.ana.secretAccessKey);
    });

    it("the terminal is as it was when that one began in the middle of the question and ends later", async () => {
      const terminal = start(`${hallpass} login x & ${waitFor("begin")}; ${second()}; wait${THEN_LOOK}`, {
        cwd: unit(),
      });
      await answer(terminal, KEY_ID, rig.ana.accessKeyId + KEYS.enter);
      await terminal.until(SECRET);
      writeFileSync(file("begin"), "");
      await answer(terminal, "second runs", rig.ana.secretAccessKey + KEYS.enter);
      await terminal.until('as "x"');
      writeFileSync(file("go"), "");
      await terminal.ended;
      const [, modes] = cutAt(terminal.screen(), "status 0\n");
      expect(switchedOff(modes)).toEqual([]);
    });
  });

  describe("without any terminal", () => {
    /** setsid: a session of its own, which has no controlling terminal. */
    const run = (args: string[], env: Record<string, string | undefined> = {}) =>
      startProgram(["setsid", "-w", ...build.command, ...args], { cwd: unit(), env: { ...rig.env, ...env } }).ended;

    it("login says so and names the way out", async () => {
      expect(await run(["login"])).toEqual(
        refused(
          1,
          `hallpass: there is no terminal to ask a person on
  try  run the same command in a terminal first; the answer is kept for those that have none
`,
        ),
      );
    });

    it("a keychain file without its passphrase does not open", async () => {
      await rig.login();
      expect(await run([], { HALLPASS_PASSPHRASE_FILE: undefined })).toEqual(
        refused(
          1,
          `hallpass: there is no terminal to ask for the passphrase of the keychain file
  try  HALLPASS_PASSPHRASE_FILE=<a file of yours with mode 0600>, or run hallpass on a terminal
`,
        ),
      );
    });
  });
});

describe.each(BUILDS)("login from elsewhere, $build", (build) => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await makeRig(build);
  });
  afterEach(async () => {
    expectNoCanary(rig.outputs);
    await rig.end();
  });
  const write = (name: string, text: string): string => {
    const path = join(rig.path, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const storedAs = (name: string): string => `✓ ${ANA} in account 222222222222
✓ stored in ${rig.state}/keychain.sealed as "${name}"
`;
  const stored = (): string[] => rig.files().map(({ path }) => basename(path));

  describe("--csv", () => {
    const csv = (head: string, row: string): string => {
      const { accessKeyId, secretAccessKey } = rig.ana;
      return `${head}\r\n${row.replace("ID", accessKeyId).replace("KEY", secretAccessKey)}\r\n`;
    };

    it.each([
      ["of today", "Access key ID,Secret access key", "ID,KEY"],
      ["of today, with a byte order mark", "\uFEFFAccess key ID,Secret access key", "ID,KEY"],
      [
        "of a new user",
        "User name,Password,Access key ID,Secret access key,Console login link",
        "ana,,ID,KEY,https://x",
      ],
      ["of today, quoted", '\uFEFF"Access key ID","Secret access key"', '"ID","KEY"'],
      ["of long ago, with a comma in the name", '"User Name","Access Key Id","Secret Access Key"', '"a,b","ID","KEY"'],
    ])("reads the file %s", async (_which, head, row) => {
      const file = write("keys.csv", csv(head, row));
      const ended = await rig.run(["login", "--csv", file]);
      expect(ended).toEqual({ status: 0, signal: null, stdout: "", stderr: storedAs("default") });
    });

    it("reads it also after an editor changed or dropped its line ends", async () => {
      const text = csv("Access key ID,Secret access key", "ID,KEY");
      expect(await rig.run(["login", "--csv", write("a", text.replaceAll("\r", ""))])).toMatchObject({ status: 0 });
      expect(await rig.run(["login", "--csv", write("b", text.trimEnd())])).toMatchObject({ status: 0 });
    });

    it.each([
      ["is empty", ""],
      ["has only its head", "Access key ID,Secret access key\n"],
      ["has other columns", "canary,columns\ncanary,values\n"],
    ])("refuses one that %s, and quotes nothing of it", async (_what, text) => {
      const ended = await rig.run(["login", "--csv", write("keys.csv", text)]);
      expect(ended).toEqual(refused(1, wrongKeys("an access key id of another form, not shown")));
    });

    it("that is not there: wrong usage", async () => {
      expect(await rig.run(["login", "--csv", "/no/such/file"])).toEqual(
        refused(
          64,
          `hallpass: /no/such/file cannot be read (ENOENT)
  try  hallpass login --csv FILE, with the file that the AWS console handed out
`,
        ),
      );
    });
  });

  describe("--stdin", () => {
    const login = (stdin: string) => rig.run(["login", "--stdin"], { stdin });

    it("reads the id and the secret, a line each, whatever ends the lines", async () => {
      const { accessKeyId, secretAccessKey } = rig.ana;
      expect(await login(`${accessKeyId}\r\n ${secretAccessKey} \r\n`)).toMatchObject({ status: 0 });
      expect(await login(`${accessKeyId}\n${secretAccessKey}`)).toMatchObject({ status: 0 });
    });

    it("waits for a slow program, also where somebody made stdin non-blocking", async () => {
      const file = write("keys", `${rig.ana.accessKeyId}\n${rig.ana.secretAccessKey}\n`);
      const nonBlocking = `perl -MFcntl -e 'fcntl(STDIN, F_SETFL, O_NONBLOCK) or die; exec @ARGV'`;
      const script = `(sleep 0.5; cat ${file}) | ${nonBlocking} "$@" login --stdin`;
      const argv = ["sh", "-c", script, "sh", ...build.command];
      const ended = await startProgram(argv, { cwd: rig.live, env: rig.env }).ended;
      expect(ended).toEqual({ status: 0, signal: null, stdout: "", stderr: storedAs("default") });
    });

    it.each([
      ["nothing", "", "an access key id of another form, not shown"],
      ["no secret", "AKIAIOSFODNN7EXAMPLE\n", "a secret of 0 characters"],
      ["a temporary key", `ASIAIOSFODNN7EXAMPLE\n${"x".repeat(40)}\n`, "a temporary key (ASIA…)"],
      [
        "the secret first",
        `canary${"x".repeat(40)}\nAKIAIOSFODNN7EXAMPLE\n`,
        "an access key id of another form, not shown",
      ],
    ])("refuses %s before AWS is asked", async (_what, stdin, came) => {
      expect(await login(stdin)).toEqual(refused(1, wrongKeys(came)));
      expect(rig.sts.calls).toEqual([]);
      expect(stored()).toEqual([]);
    });

    it("refuses the root user", async () => {
      const root = "arn:aws:iam::222222222222:root";
      const sts = createServer((_request, response) => {
        response.setHeader("content-type", "text/xml");
        response.end(`<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>${root}</Arn><UserId>222222222222</UserId><Account>222222222222</Account></GetCallerIdentityResult>
<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></GetCallerIdentityResponse>`);
      });
      await new Promise<void>((resolve) => sts.listen(0, "127.0.0.1", resolve));
      const { port } = sts.address() as { port: number };
      const ended = await rig.run(["login", "--stdin"], {
        stdin: `${rig.ana.accessKeyId}\n${rig.ana.secretAccessKey}\n`,
        env: { AWS_ENDPOINT_URL_STS: `http://127.0.0.1:${port}` },
      });
      sts.close();
      expect(ended).toEqual(
        refused(
          1,
          `hallpass: these are not the keys of an IAM user
  came      ${root}
  expected  arn:aws:iam::<account id>:user/<name>: the root user and role sessions cannot vouch for other accounts
  try       an access key of your IAM user; nothing was stored
`,
        ),
      );
      expect(stored()).toEqual([]);
    });
  });

  describe("--from-profile", () => {
    const login = (profile: string, env: Record<string, string> = {}) =>
      rig.run(["login", "--from-profile", profile], { env });
    const writeProfiles = (credentials: string, config = ""): void => {
      mkdirSync(join(rig.path, ".aws"), { recursive: true });
      write(".aws/credentials", credentials);
      write(".aws/config", config);
    };
    const keys = (): string =>
      `aws_access_key_id = ${rig.ana.accessKeyId}\naws_secret_access_key = ${rig.ana.secretAccessKey}\n`;
    const noKey = (profile: string): string => `hallpass: the profile "${profile}" has no access key
  expected  aws_access_key_id and aws_secret_access_key in ~/.aws/credentials or ~/.aws/config
  try       aws configure list-profiles
`;

    it("takes static keys from ~/.aws/credentials and from ~/.aws/config", async () => {
      writeProfiles(`[security]\n${keys()}`, `[profile other]\n${keys()}`);
      for (const profile of ["security", "other"])
        expect(await login(profile)).toMatchObject({ status: 0, stderr: storedAs("default") });
    });

    it("looks into the files that AWS's own variables name", async () => {
      const file = write("elsewhere", `[security]\n${keys()}`);
      expect(await login("security", { AWS_SHARED_CREDENTIALS_FILE: file })).toMatchObject({ status: 0 });
      const config = write("config", `[profile security]\n${keys()}`);
      expect(await login("security", { AWS_CONFIG_FILE: config })).toMatchObject({ status: 0 });
    });

    it("refuses a profile with a session token", async () => {
      writeProfiles(`[session]\n${keys()}aws_session_token = canary-token\n`);
      expect(await login("session")).toEqual(refused(1, wrongKeys("temporary keys (with a session token)")));
      expect(stored()).toEqual([]);
    });

    it("refuses a profile that is missing, or has only half a key", async () => {
      writeProfiles(`[half]\naws_access_key_id = ${rig.ana.accessKeyId}\n`);
      expect(await login("missing")).toEqual(refused(64, noKey("missing")));
      expect(await login("half")).toEqual(refused(64, noKey("half")));
    });

    it("refuses a profile that assumes a role, without assuming it", async () => {
      writeProfiles(
        `[security]\n${keys()}`,
        "[profile role]\nsource_profile = security\nrole_arn = arn:aws:iam::666666666666:role/allow-full-access-from-other-accounts\n",
      );
      expect(await login("role")).toEqual(refused(1, wrongKeys("a profile that assumes a role")));
      expect(rig.sts.calls).toEqual([]);
    });

    it("takes what a program of the profile prints for what it is", async () => {
      const { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey } = rig.ana;
      const program = (answer: Record<string, unknown>): string =>
        `credential_process = cat ${write(`answer-${Object.keys(answer).length}`, JSON.stringify(answer))}\n`;
      const keysOnly = program({ Version: 1, AccessKeyId, SecretAccessKey });
      const session = program({ Version: 1, AccessKeyId, SecretAccessKey, SessionToken: "canary-token" });
      writeProfiles("", `[profile static]\n${keysOnly}[profile session]\n${session}`);
      expect(await login("session")).toEqual(refused(1, wrongKeys("temporary keys (with a session token)")));
      expect(await login("static")).toMatchObject({ status: 0, stderr: storedAs("default") });
    });
  });

  it.each([
    ["--stdin", "--csv", "keys.csv"],
    ["--stdin", "--from-profile", "security"],
    ["--csv", "keys.csv", "--from-profile", "security"],
  ])("refuses two sources at once: %s and more", async (...flags) => {
    expect(await rig.run(["login", ...flags])).toEqual(
      refused(
        64,
        `hallpass: --stdin, --csv and --from-profile exclude each other
  try  one of them
`,
      ),
    );
  });
});

/** How a refusal ends: with nothing on stdout. */
function refused(status: number, stderr: string): Ended {
  return { status, signal: null, stdout: "", stderr };
}

function wrongKeys(came: string): string {
  return `hallpass: these are not the long-lived keys of an IAM user
  expected  an access key id (AKIA…) and its secret of 40 characters
  came      ${came}
  try       an access key from the IAM console; nothing was stored
`;
}

/** What stands before the text and what stands behind it. */
function cutAt(screen: string, text: string): [before: string, behind: string] {
  expect(screen).toContain(text);
  const at = screen.indexOf(text);
  return [screen.slice(0, at), screen.slice(at + text.length)];
}

/** What `stty -a` says is off (a minus before it) of what a raw terminal has off and a shell needs. */
function switchedOff(modes: string): string[] {
  const words = modes.split(/[\s;]+/);
  return ["icanon", "echo", "icrnl", "isig", "opost"].filter((word) => !words.includes(word));
}

/** How many processes are connected to one that has the turn: its end of each connection is a line with its socket's name. */
function waitersOf(rig: Rig): number {
  const sockets = readFileSync("/proc/net/unix", "utf8").split("\n");
  const connected = "03";
  return sockets.filter((line) => line.includes(`${rig.path}/run/`) && line.split(/ +/)[5] === connected).length;
}
