import type { Secret } from "./secret.ts";

// Every noun of the map in broker.ts, in the order in which the data meets them.

/** Twelve digits, as AWS writes them; leading zeros count. */
export type AccountId = string & { readonly brand: "AccountId" };
/** `arn:<partition>:iam::<account>:role/<path and name>` */
export type RoleArn = string & { readonly brand: "RoleArn" };
export type Partition = "aws";

/** 0. What the caller asks. `account` and `role` come from flags; a role is a name or an ARN. */
export type Request = {
  directory: string;
  account?: string;
  role?: string;
  /** Credentials with less time left than this are renewed first; 15 minutes where it is not said. */
  minRemainingSeconds?: number;
};

/** A place that spoke about the account: for `explain`, the summary and error messages. */
export type SaidBy = {
  /** Absolute path of a file or folder, or the flag itself (`--account`). */
  source: string;
  /** 1-based, where the source is a file and one line said it. */
  line?: number;
  /** `account_name = "prod"`, `no account.hcl`: plain names and ids only, never file text. */
  said: string;
  decides?: boolean;
};

/** 1. What the working directory says that we must become. */
export type Target = {
  account: { id: AccountId; name?: string };
  partition: Partition;
  role: RoleArn;
  /** The git root, else undefined: the directory stands in no repository. */
  repository?: string;
  /** The unit's path inside the repository (`prod/us-east-1/vpc`); an absolute path outside any. */
  unit: string;
  saidBy: SaidBy[];
};

/** An access key pair, long-lived (`AKIA…`) or of a session (`ASIA…`, then with its token). */
export type AwsKeys = { accessKeyId: string; secretAccessKey: Secret; sessionToken?: Secret };

/**
 * 2. A source of base credentials that is here. Finding it is free (no prompt, no keychain, no network);
 * opening it may do all of that. `id` names the identity without holding it: it goes into cache keys.
 */
export type Base = {
  readonly id: string;
  /** `arn:aws:iam::222222222222:user/ana`, as AWS named it at login. */
  readonly principalArn: string;
  /** For people: `keychain "default"`. */
  readonly describe: string;
  open(): Promise<AwsKeys>;
};

/**
 * `undefined`: not here, the next source is asked. Throws: here but unusable, and the search ends: no
 * source is ever a fall-back for a broken one.
 */
export type BaseSource = (target: Target, world: World) => Promise<Base | undefined>;

/** 3. What is handed out. `principalArn` is the assumed role's session. */
export type Credentials = {
  accessKeyId: string;
  secretAccessKey: Secret;
  sessionToken: Secret;
  expiresAt: Date;
  accountId: AccountId;
  principalArn: string;
};

/** The three calls of AWS STS that hallpass makes. Each throws BrokerError (BASE_REJECTED, ROLE_REFUSED, STS_…, CLOCK_SKEW). */
export type Sts = {
  /** A session of the role. `durationSeconds` 900 to 43200. */
  assumeRole(keys: AwsKeys, role: RoleArn, sessionName: string, durationSeconds: number): Promise<Credentials>;
  /** A session of the IAM user itself. `durationSeconds` 900 to 129600. */
  getSessionToken(keys: AwsKeys, durationSeconds: number): Promise<AwsSession>;
  /** Whose keys these are. Needs no permission, so a refusal is always about the keys. */
  getCallerIdentity(keys: AwsKeys): Promise<{ accountId: AccountId; arn: string }>;
  /** Where it asks, for cache keys and messages: `https://sts.us-east-1.amazonaws.com`. */
  readonly endpoint: string;
};

export type AwsSession = Required<AwsKeys> & { expiresAt: Date };

/** Where secrets rest: the OS keychain, or a file sealed with a passphrase. All calls end within a time limit. */
export type Keychain = {
  /** undefined: no such item. Throws KEYCHAIN_*, NO_PASSPHRASE, WRONG_PASSPHRASE. */
  read(item: string): Promise<Secret | undefined>;
  write(item: string, secret: Secret): Promise<void>;
  /** Whether there was such an item. */
  remove(item: string): Promise<boolean>;
  readonly backend: KeychainBackend;
  /** For people: `the login keychain`, `/home/ana/…/keychain.sealed`. */
  readonly describe: string;
};
export type KeychainBackend = "system" | "file";

/** The person's terminal (`/dev/tty`), which is there even when stdin, stdout and stderr are pipes. */
export type Terminal = {
  /** One line. `hidden` echoes nothing. Throws NO_TERMINAL, CANCELLED (Ctrl-C, Ctrl-D, or the time limit). */
  ask(question: string, options?: { hidden?: boolean }): Promise<string>;
  /** Whether a person could be asked at all. */
  readonly present: boolean;
};

/** How a value is kept in the cache: what it needs to be found, kept and put back together. */
export type CacheEntry<T> = {
  kind: "role" | "session" | "account";
  /** Every input that can change the value: another input, another entry. */
  inputs: Readonly<Record<string, string | number>>;
  /** For messages to those who wait: `the role of prod`. */
  what: string;
  /** The value stays usable until then, less `minRemainingSeconds` when it is read. */
  expiresAt(value: T): Date;
  minRemainingSeconds: number;
  encode(value: T): unknown;
  /** undefined: not of this shape; the entry is then made anew. */
  decode(json: unknown): T | undefined;
};

/** A session in the cache, as a person may see it. `usedBy`: the directory that asked for it last. */
export type CachedSession = {
  kind: "role" | "session";
  what: string;
  madeAt: Date;
  expiresAt: Date;
  usedBy?: string;
  usedAt?: Date;
};

export type Cache = {
  /** The value, made at most once over all processes that ask at the same time. A failure is shared with those who waited. */
  getOrMake<T>(entry: CacheEntry<T>, make: () => Promise<T>): Promise<T>;
  /** Makes the sealing key ready, while the keychain is open anyway: the calls after it need it only for the base. */
  prepare(): Promise<void>;
  /** The same for what is no secret and does not end; without a sealing key at hand it is simply made. */
  remember<T>(entry: CacheEntry<T>, make: () => Promise<T>): Promise<T>;
  /** The value if it is there and would be used now. Never makes one, never waits. */
  peek<T>(entry: CacheEntry<T>): Promise<T | undefined>;
  /** What is in the cache, those that end first in front; nothing where the keychain would have to be opened. */
  list(): Promise<CachedSession[]>;
  /** Removes every sealed value. Returns how many there were. */
  clear(): Promise<number>;
  /** The same, and the sealing key too: copies of sealed files stay sealed for ever. Opens the keychain. */
  forget(): Promise<void>;
  /** The MAC under the sealing key that the marker carries: see output/marker.ts. */
  sign(text: string): Promise<{ keyId: string; mac: string }>;
  /** undefined: signed with a sealing key that we do not have. */
  verify(text: string, keyId: string, mac: string): Promise<boolean | undefined>;
};

/** `runtime` is in memory and ends with the login session; undefined where the platform has no such folder. */
export type Folders = { config: string; state: string; runtime: string | undefined };

/**
 * Everything outside this process. Built once in world.ts, passed last.
 * There is no module-level state: what is not in here or in the arguments does not exist.
 */
export type World = {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly platform: NodeJS.Platform;
  /** -1 where the platform has no user ids (Windows). */
  readonly uid: number;
  readonly folders: Folders;
  /** The command that runs this program once more: `node …/hallpass.cjs`, or the binary alone. */
  readonly self: readonly [command: string, ...args: string[]];
  readonly version: string;
  now(): Date;
  /** stdout holds one complete answer or nothing. */
  print(text: string): void;
  /** stderr, for the person. */
  say(text: string): void;
  readonly stdoutIsTerminal: boolean;
  /** Runs a program with our streams and that environment. Its exit status; 128 + n for signal n. Throws USAGE if it cannot start. */
  runChild(command: string, args: readonly string[], env: Record<string, string | undefined>): Promise<number>;
  readonly terminal: Terminal;
  /** Does the work while no other process of the user does `what`; a name of letters and blanks, also for messages. */
  inTurn<T>(what: string, work: () => Promise<T>): Promise<T>;
  readonly keychain: Keychain;
  readonly cache: Cache;
  readonly sts: Sts;
};
