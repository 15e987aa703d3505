import { execFileSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import process from "node:process";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { writeTree } from "../fakes/tree.ts";
import { expectNoCanary, expectRefusal } from "./canary.ts";
import { ACCOUNTS, ANA, BUILDS, type Ended, makeRig, type Rig, roleOf, type RunOptions, startProgram } from "./rig.ts";

const UNIT = "prod/us-east-1/vpc";
const BUN = join(dirname(createRequire(import.meta.url).resolve("bun/package.json")), "bin", "bun.exe");

/** Everything by which Node, Bun or a version manager could be made to load code or settings of the unit. Each trap leaves its name in the marker. */
function traps(marker: string, state: string): Record<string, string> {
  const write = (trap: string) => `appendFileSync(${JSON.stringify(marker)}, ${JSON.stringify(`${trap}\n`)});\n`;
  const esm = (trap: string) => `import { appendFileSync } from "node:fs";\n${write(trap)}`;
  const cjs = (trap: string) => `const { appendFileSync } = require("node:fs");\n${write(trap)}`;
  const env = `AWS_ENDPOINT_URL_STS=http://evil.example.com
AWS_REGION=evil
HALLPASS_BASE=evil
HALLPASS_KEYCHAIN=evil
HALLPASS_STATE_DIR=${state}
NODE_OPTIONS=--require=./evil.cjs
BUN_OPTIONS=--preload=./evil.ts
`;
  return {
    ".env": env,
    ".env.local": env,
    ".env.development": env,
    ".env.production": env,
    "bunfig.toml": 'preload = ["./evil.ts"]\n[run]\npreload = ["./evil.ts"]\n',
    ".npmrc": 'node-options="--require=./evil.cjs"\n',
    ".tool-versions": "nodejs 0.0.1\nbun 0.0.1\n",
    ".node-version": "0.0.1\n",
    "package.json": JSON.stringify({
      name: "hallpass",
      type: "commonjs",
      main: "./evil.cjs",
      imports: { "#*": "./evil.cjs" },
      exports: { ".": "./evil.cjs", "./*": "./evil.cjs" },
      bin: "./evil.cjs",
    }),
    "tsconfig.json": JSON.stringify({
      compilerOptions: { baseUrl: ".", paths: { "*": ["./evil.ts"], yargs: ["./evil.ts"], "node:*": ["./evil.ts"] } },
    }),
    "evil.ts": esm("evil.ts"),
    "evil.cjs": cjs("evil.cjs"),
    "index.js": cjs("index.js"),
    "main.js": cjs("main.js"),
    "node_modules/keytar/index.js": cjs("keytar"),
    "node_modules/keytar/package.json": '{"name": "keytar", "main": "index.js"}',
    "node_modules/yargs/index.js": cjs("yargs"),
    "node_modules/yargs/package.json": '{"name": "yargs", "main": "index.js"}',
    "node_modules/@aws-sdk/client-sts/index.js": cjs("client-sts"),
    "node_modules/hallpass/index.js": cjs("hallpass"),
  };
}

describe.each(BUILDS)("a hostile unit, $build", (build) => {
  let rig: Rig;
  const unit = () => `${rig.live}/${UNIT}`;
  /** Each of these must end by itself, long before Terragrunt or a person would give up. */
  const run = (args: string[] = [], options: RunOptions = {}): Promise<Ended> =>
    rig.run(args, { cwd: unit(), limitMs: 15_000, ...options });

  beforeEach(async () => {
    rig = await makeRig(build);
  });
  afterEach(async () => {
    const handedOut = /"SecretAccessKey"|"SECRET_ACCESS_KEY"|export AWS_SECRET/;
    expectNoCanary(rig.outputs.filter((text) => !handedOut.test(text)));
    await rig.end();
  });

  describe("full of code and settings", () => {
    const marker = () => join(rig.path, "marker");
    const sprung = () => (existsSync(marker()) ? readFileSync(marker(), "utf8") : "");
    beforeEach(async () => {
      await rig.login();
      for (const place of [unit(), rig.live]) writeTree(place, traps(marker(), rig.state));
    });

    it("the traps are set: Node and Bun fall into them", () => {
      execFileSync(process.execPath, ["-e", 'require("keytar"); require("yargs"); require(".")'], { cwd: unit() });
      expect(sprung()).toBe("keytar\nyargs\nevil.cjs\n");
      execFileSync(BUN, ["-e", "1"], { cwd: unit() });
      expect(sprung()).toContain("evil.ts\n");
    });

    it("gets its account's role, from the STS of the caller's environment", async () => {
      const before = rig.sts.calls.length;
      const { status, stdout, stderr } = await run();
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      expect(JSON.parse(stdout)).toMatchObject({
        awsCredentials: { ACCESS_KEY_ID: expect.stringMatching(/^ASIA/) as string },
      });
      const calls = rig.sts.calls.slice(before);
      expect(calls.map(({ action }) => action)).toEqual(["GetSessionToken", "AssumeRole"]);
      expect(calls.at(-1)).toMatchObject({ roleArn: roleOf(ACCOUNTS.prod) });
      expect(sprung()).toBe("");
    });

    it.each([
      [["credential-process"], 0],
      [["credential-process", "--role", roleOf(ACCOUNTS.dev)], 0],
      [["env", "prod", "--shell", "bash"], 0],
      [["explain"], 0],
      [["explain", "--json"], 0],
      [["exec", "prod", "--", process.execPath, "--version"], 0],
      [["--help"], 0],
      [["--version"], 0],
      [["frobnicate"], 64],
      [["logout"], 0],
    ])("runs none of it for hallpass %j", async (args, status) => {
      expect(await run(args)).toMatchObject({ status, signal: null });
      expect(sprung()).toBe("");
    });

    it("runs none of it where the OS keychain is asked", async () => {
      const ended = await run(["login", "evil", "--stdin"], {
        env: { HALLPASS_KEYCHAIN: "system" },
        stdin: `${rig.ana.accessKeyId}\n${rig.ana.secretAccessKey}\n`,
      });
      expect(ended).toMatchObject({ signal: null, stdout: "" });
      expect(sprung()).toBe("");
    });

    it("takes no setting from .env: state folder", async () => {
      const { status, stdout } = await run(["explain"], {
        env: { HALLPASS_STATE_DIR: undefined, HALLPASS_KEYCHAIN: undefined },
      });
      expect({ status, stdout }).toEqual({ status: 0, stdout: explanation("none: hallpass login") });
    });

    it("takes no setting from .env: endpoint, region and base", async () => {
      const { status, stdout, stderr } = await run(["explain"], { env: { AWS_ENDPOINT_URL_STS: undefined } });
      expect({ status, stdout, stderr }).toEqual({
        status: 0,
        stdout: explanation(`keychain "default"   ${ANA}`),
        stderr: "",
      });
    });

    function explanation(base: string): string {
      return `account  prod  ${ACCOUNTS.prod}
  prod/us-east-1      no account.hcl
  prod/account.hcl:2  account_name = "prod"   decides
  accounts.json:7     prod → ${ACCOUNTS.prod}
unit     ${UNIT}
role     ${roleOf(ACCOUNTS.prod)}
base     ${base}
cache    nothing
`;
    }
  });

  describe("with files that are none", () => {
    const WAY_OUT = "  try  make it a regular text file of yours inside the repository, or remove it\n";
    const fifo = (path: string) => execFileSync("mkfifo", [path]);
    const sparse = (path: string) => {
      const descriptor = openSync(path, "w");
      ftruncateSync(descriptor, 100 * 1024 * 1024);
      closeSync(descriptor);
    };
    const folder = (path: string) => mkdirSync(path);
    const linkTo = (target: string) => (path: string) => symlinkSync(target, path);
    const bytes = (path: string) => writeFileSync(path, Buffer.from([0xff, 0xfe, 0x00]));
    const cases: [title: string, file: string, make: (path: string) => void, what: (live: string) => string][] = [
      ["a FIFO", "prod/account.hcl", fifo, () => "is not a regular file"],
      ["a folder", "prod/account.hcl", folder, () => "is not a regular file"],
      ["100 MB", "prod/account.hcl", sparse, () => "has 104857600 bytes, at most 262144 are read"],
      ["a link to a device", "prod/account.hcl", linkTo("/dev/zero"), (live) => `is a link out of ${live}`],
      [
        "a link to the user's own files",
        "prod/account.hcl",
        linkTo("/etc/passwd"),
        (live) => `is a link out of ${live}`,
      ],
      ["bytes that are no text", "prod/account.hcl", bytes, () => "is not UTF-8 text"],
      ["a FIFO", "accounts.json", fifo, () => "is not a regular file"],
      ["a folder", "accounts.json", folder, () => "is not a regular file"],
      ["100 MB", "accounts.json", sparse, () => "has 104857600 bytes, at most 4194304 are read"],
      ["a link to a device", "accounts.json", linkTo("/dev/zero"), (live) => `is a link out of ${live}`],
    ];
    it.each(cases)("%s as %s: refused at once", async (_title, file, make, what) => {
      const path = `${rig.live}/${file}`;
      rmSync(path);
      make(path);
      const started = performance.now();
      const ended = await run();
      expect(performance.now() - started).toBeLessThan(5000);
      expectRefusal(ended, 1, `hallpass: ${path} ${what(rig.live)}\n${WAY_OUT}`);
    });

    it("an account.hcl that names no account", async () => {
      const path = `${rig.live}/prod/account.hcl`;
      writeFileSync(path, 'locals {\n  region = "eu-central-1"\n}\n');
      expectRefusal(
        await run(),
        1,
        `hallpass: ${path} names no account
  expected  account_name or aws_account_id in locals (or account.name, account_id and the like)
  try       locals { account_name = "<a name in accounts.json>" }
`,
      );
    });

    it("an account.hcl whose locals are each twice the one before", async () => {
      const doubled = Array.from(
        { length: 60 },
        (_, index) => `  a${index + 1} = "\${local.a${index}}\${local.a${index}}"`,
      );
      writeFileSync(
        `${rig.live}/prod/account.hcl`,
        ["locals {", '  a0 = "x"', ...doubled, "  account_name = local.a60", "}", ""].join("\n"),
      );
      const ended = await run();
      expect(ended).toMatchObject({ status: 1, signal: null, stdout: "" });
      expect(ended.stderr).toMatch(/^hallpass: account_name /);
    });

    it("an account.hcl that holds a key pair: none of it is shown", async () => {
      const secret = "canary/XUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEK";
      const path = `${rig.live}/prod/account.hcl`;
      writeFileSync(path, `locals {\n  account_name = "AKIAIOSFODNN7EXAMPLE"\n  aws_account_id = "${secret}"\n}\n`);
      expectRefusal(
        await run(),
        1,
        `hallpass: aws_account_id is not an AWS account id
  said by   ${path}:3
  expected  twelve digits in quotes
  came      40 characters that are not all digits
  try       aws_account_id = "<twelve digits, as AWS shows them>"
`,
      );
    });
  });

  describe("whose folder's name would redraw the terminal", () => {
    const NAME = "\u001B]0;title\u0007\u001B[2J\r\n\u009B1m\u202Eevil\u2066\u200B\u2028";
    const SHOWN = String.raw`\u{1b}]0;title\u{7}\u{1b}[2J\u{d}\u{a}\u{9b}1m\u{202e}evil\u{2066}\u{200b}\u{2028}`;
    /** What is left when the ends of our own lines are gone. */
    const raw = ({ stdout, stderr }: Ended) =>
      /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.exec(`${stdout}${stderr}`.replaceAll("\n", ""))?.[0];

    it("outside of every account: shown with its characters made visible", async () => {
      const cwd = `${rig.live}/${NAME}/vpc`;
      mkdirSync(cwd, { recursive: true });
      const ended = await run([], { cwd });
      expectRefusal(
        ended,
        1,
        `hallpass: no account.hcl from ${rig.live}/${SHOWN}/vpc up to ${rig.live}
  expected  account.hcl in the folder of the account, above its units
  try       locals { account_name = "<a name in accounts.json>" }   in that file
`,
      );
      expect(raw(ended)).toBeUndefined();
    });

    it.each([
      ["empty", "", ' is empty\n  try  locals { account_name = "<a name in accounts.json>" }\n'],
      [
        "not HCL",
        "}",
        ':1 is not HCL that Terragrunt would read\n  try  locals { account_name = "<a name in accounts.json>" }\n',
      ],
    ])("with an account.hcl that is %s", async (_title, text, what) => {
      writeTree(rig.live, { [`${NAME}/account.hcl`]: text });
      const ended = await run([], { cwd: `${rig.live}/${NAME}` });
      expectRefusal(ended, 1, `hallpass: ${rig.live}/${SHOWN}/account.hcl${what}`);
      expect(raw(ended)).toBeUndefined();
    });

    it("as the account's name: not a name, and not shown", async () => {
      writeTree(rig.live, {
        [`${NAME}/account.hcl`]: "locals {\n  account_name = basename(get_terragrunt_dir())\n}\n",
      });
      const ended = await run([], { cwd: `${rig.live}/${NAME}` });
      expectRefusal(
        ended,
        1,
        `hallpass: account_name is not an account name
  said by   ${rig.live}/${SHOWN}/account.hcl:2
  expected  1 to 64 letters, digits and . _ - @ / + = , or blanks
  came      ${NAME.length} characters, not shown
  try       account_name = "<a name in accounts.json>"
`,
      );
      expect(raw(ended)).toBeUndefined();
    });

    it("with a registry whose names are as bad", async () => {
      writeTree(rig.live, {
        [`${NAME}/accounts.json`]: JSON.stringify({ [NAME]: { id: ACCOUNTS.prod } }),
        [`${NAME}/account.hcl`]: 'locals {\n  account_name = "prod"\n}\n',
      });
      const ended = await run([], { cwd: `${rig.live}/${NAME}` });
      expectRefusal(
        ended,
        1,
        `hallpass: no account in this repository is called "prod"
  said by  ${rig.live}/${SHOWN}/account.hcl:2   account_name = "prod"
  known    ${SHOWN}   (${rig.live}/${SHOWN}/accounts.json)
  try      add "prod" to ${rig.live}/${SHOWN}/accounts.json
`,
      );
      expect(raw(ended)).toBeUndefined();
    });

    it("inside an account: works, and neither JSON nor explain holds the characters", async () => {
      await rig.login();
      const cwd = `${rig.live}/prod/${NAME}`;
      writeTree(rig.live, { [`prod/${NAME}/terragrunt.hcl`]: "" });
      const answer = await run([], { cwd });
      expect(answer).toMatchObject({ status: 0, stderr: "" });
      expect(JSON.parse(answer.stdout)).toHaveProperty("awsCredentials.ACCESS_KEY_ID");
      expect(raw(answer)).toBeUndefined();
      const explained = await run(["explain"], { cwd });
      expect(explained).toMatchObject({ status: 0, stderr: "" });
      expect(explained.stdout).toContain(`\nunit     prod/${SHOWN}\n`);
      expect(raw(explained)).toBeUndefined();
    });
  });

  describe("that cannot be named at all", () => {
    /** Runs hallpass from a folder that only a shell can enter. */
    const runFrom = (enter: string) =>
      startProgram(["sh", "-c", `${enter} && exec "$@"`, "sh", ...build.command], {
        cwd: rig.live,
        env: rig.env,
        limitMs: 15_000,
      }).ended;

    it("a folder whose name is not UTF-8", async () => {
      const ended = await runFrom(String.raw`d=$(printf 'prod/\377') && mkdir "$d" && cd "$d"`);
      expect(ended).toMatchObject({ status: 1, signal: null, stdout: "" });
      expect(ended.stderr).toMatch(
        /^hallpass: .* is not a folder that can be entered\n {2}try {2}the path of a folder inside the repository\n$/,
      );
    });

    it("a folder that was removed", async () => {
      const ended = await runFrom("mkdir gone && cd gone && rmdir ../gone");
      // The binary's runtime refuses before any code of ours runs, in its own words.
      const byRuntime =
        "error: The current working directory was deleted, so that command didn't work. Please cd into a different directory and try again.\n";
      const byUs = "hallpass: the working directory was removed\n  try  cd to a folder that is there\n";
      expectRefusal(ended, 1, build.build === "binary" ? byRuntime : byUs);
    });
  });

  it("BUN_OPTIONS: refused by the binary, which would take options from it; nothing to Node", async () => {
    await rig.login();
    const ended = await run([], { env: { BUN_OPTIONS: "--smol" } });
    const refused = {
      status: 1,
      signal: null,
      stdout: "",
      stderr: "hallpass: BUN_OPTIONS can make this program load other code\n  try  unset BUN_OPTIONS\n",
    };
    const answered = {
      status: 0,
      signal: null,
      stdout: expect.stringContaining("ACCESS_KEY_ID") as string,
      stderr: "",
    };
    expect(ended).toEqual(build.build === "binary" ? refused : answered);
  });
});
