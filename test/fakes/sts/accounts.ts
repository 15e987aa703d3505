import { randomBytes, randomInt } from "node:crypto";

/** Whom a key speaks for. */
export type Principal = {
  accountId: string;
  arn: string;
  userId: string;
  /** The ARNs by which a trust policy can name it; the root of its account is one of them. */
  names: readonly string[];
};

export type KeyState = "active" | "inactive" | "deleted";
export type Session = { token: string; expiresAt: Date; mfa: boolean };
export type Key = {
  accessKeyId: string;
  secretAccessKey: string;
  state: KeyState;
  principal: Principal;
  /** undefined: the key is a user's long-lived one. */
  session?: Session;
};

export type Role = {
  arn: string;
  accountId: string;
  /** The last segment of its path: the only one that an assumed-role ARN holds. */
  name: string;
  id: string;
  trusts: readonly string[];
  maxDurationSeconds: number;
  requiresMfa: boolean;
};
export type RoleOptions = { trusts: readonly string[]; maxDurationSeconds?: number; requiresMfa?: boolean };

/** `code` tells the one code that is right at a time. */
export type MfaDevice = { serial: string; code: (now: Date) => string };
type Device = MfaDevice & { used: Set<string> };
type User = { principal: Principal; devices: Device[] };

/** All that the server knows; nothing of it is shared between two servers. */
export class Accounts {
  readonly keys = new Map<string, Key>();
  readonly roles = new Map<string, Role>();
  readonly #users = new Map<string, User>();

  /** A new key of the user: the same name twice is one user with two keys, as after a rotation. */
  addUser(user: { accountId: string; name: string }): { accessKeyId: string; secretAccessKey: string; arn: string } {
    const arn = `arn:aws:iam::${user.accountId}:user/${user.name}`;
    const known = this.#users.get(arn);
    const principal = known?.principal ?? newPrincipal(user.accountId, arn, randomId("AIDA", 21));
    if (known === undefined) this.#users.set(arn, { principal, devices: [] });
    const { accessKeyId, secretAccessKey } = this.#addKey("AKIA", principal);
    return { accessKeyId, secretAccessKey, arn };
  }

  addRole(arn: string, options: RoleOptions): void {
    const [, accountId, name] = /^arn:aws:iam::(\d{12}):role\/(?:.*\/)?([^/]+)$/.exec(arn) ?? [];
    if (accountId === undefined || name === undefined) throw new Error(`not a role ARN: ${arn}`);
    const defaults = { maxDurationSeconds: 3600, requiresMfa: false };
    this.roles.set(arn, { arn, accountId, name, id: randomId("AROA", 21), ...defaults, ...options });
  }

  addMfaDevice(userArn: string, device: MfaDevice): void {
    this.#user(userArn).devices.push({ ...device, used: new Set() });
  }

  /** The user's device with the codes that were accepted so far; undefined: the user has no such device. */
  mfaDevice(userArn: string, serial: string): Device | undefined {
    return this.#user(userArn).devices.find((device) => device.serial === serial);
  }

  setKeyState(accessKeyId: string, state: KeyState): void {
    const key = this.keys.get(accessKeyId);
    if (key === undefined) throw new Error(`no such key: ${accessKeyId}`);
    key.state = state;
  }

  /** The token has characters that a URL or XML would change (`+`, `/`, `=`), as those of STS have. */
  addSession(principal: Principal, session: { expiresAt: Date; mfa: boolean }): Key & { session: Session } {
    const token = `canary-token-${randomBytes(151).toString("base64")}`;
    return Object.assign(this.#addKey("ASIA", principal), { session: { ...session, token } });
  }

  #addKey(prefix: "AKIA" | "ASIA", principal: Principal): Key {
    const accessKeyId = randomId(prefix, 20);
    const secretAccessKey = `canary-secret-${randomBytes(30).toString("base64")}`.slice(0, 40);
    const key: Key = { accessKeyId, secretAccessKey, state: "active", principal };
    this.keys.set(accessKeyId, key);
    return key;
  }

  #user(arn: string): User {
    const user = this.#users.get(arn);
    if (user === undefined) throw new Error(`no such user: ${arn}`);
    return user;
  }
}

export function newPrincipal(accountId: string, arn: string, userId: string, alsoNamed: string[] = []): Principal {
  return { accountId, arn, userId, names: [arn, `arn:aws:iam::${accountId}:root`, ...alsoNamed] };
}

const ID_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

function randomId(prefix: string, length: number): string {
  const letters = Array.from({ length: length - prefix.length }, () => ID_LETTERS[randomInt(ID_LETTERS.length)]);
  return prefix + letters.join("");
}
