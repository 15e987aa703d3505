import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ACCOUNTS, BUILDS, type Ended, makeRig, type Rig, roleOf, type Running } from "./rig.ts";

type Answer = { awsCredentials: { ACCESS_KEY_ID: string } };
const UNITS = { dev: "dev/us-east-1/app", prod: "prod/us-east-1/vpc", logs: "logs/us-east-1/bucket" } as const;
const DENIED = "refused us its role";

describe.each(BUILDS)("many processes at once, $build", (build) => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await makeRig(build);
    await rig.login();
  });
  afterEach(() => rig.end());

  const startIn = (unit: string) => rig.start([], { cwd: `${rig.live}/${unit}` });
  const startMany = (count: number, unit: string) => Array.from({ length: count }, () => startIn(unit));
  const allOf = (many: Running[]) => Promise.all(many.map(({ ended }) => ended));
  const count = (action: string) => rig.sts.calls.filter((call) => call.action === action).length;
  const keyOf = (ended: Ended) => (JSON.parse(ended.stdout) as Answer).awsCredentials.ACCESS_KEY_ID;
  const warmBase = () => startIn("security/_global/users").ended;

  /** The kernel lists a socket once for its listener and once for each process that is connected to it. */
  const waiting = () =>
    readFileSync("/proc/net/unix", "utf8")
      .split("\n")
      .filter((line) => line.includes(`${rig.state}/cache/`)).length - 1;
  const untilWaiting = async (wanted: number) => {
    while (waiting() < wanted) await sleep(5);
  };
  const leaderPid = () => {
    const lock = readdirSync(`${rig.state}/cache`).find((name) => name.endsWith(".l"))!;
    const socket = readdirSync(`${rig.state}/cache/${lock}`).find((name) => name.startsWith("s"))!;
    return Number.parseInt(socket.slice(1), 36);
  };

  /** The lock's new holder; between two there may be none. */
  const untilAnotherLeads = async (old: number) => {
    const leads = () => {
      try {
        return leaderPid();
      } catch {
        return old;
      }
    };
    while (leads() === old) await sleep(1);
  };

  it("cold, one account: one session and one role for sixty, all the same keys", async () => {
    const ended = await allOf(startMany(60, UNITS.prod));
    expect(ended.filter(({ status, stderr }) => status !== 0 || stderr !== "")).toEqual([]);
    expect(new Set(ended.map(keyOf)).size).toBe(1);
    expect([count("GetSessionToken"), count("AssumeRole")]).toEqual([1, 1]);
    await allOf(startMany(60, UNITS.prod));
    expect([count("GetSessionToken"), count("AssumeRole")]).toEqual([1, 1]);
  });

  it("cold, three accounts: one session, one role each, each its own account's", async () => {
    const units = Array.from({ length: 45 }, (_, index) => Object.values(UNITS)[index % 3]!);
    const ended = await allOf(units.map(startIn));
    expect(ended.filter(({ status }) => status !== 0)).toEqual([]);
    const keysIn = (unit: string) => [...new Set(ended.filter((_, index) => units[index] === unit).map(keyOf))];
    const keys = Object.values(UNITS).map(keysIn);
    expect(keys.map((own) => own.length)).toEqual([1, 1, 1]);
    expect(new Set(keys.flat()).size).toBe(3);
    expect([count("GetSessionToken"), count("AssumeRole")]).toEqual([1, 3]);
  });

  it("a refusal is shared with those who waited for it, and with nobody else", async () => {
    await warmBase();
    const before = count("AssumeRole");
    rig.sts.addRole(roleOf(ACCOUNTS.prod), { trusts: ["arn:aws:iam::999999999999:root"] });
    const held = rig.sts.hold();
    const many = startMany(20, UNITS.prod);
    await held.arrived;
    await untilWaiting(19);
    held.release();
    const ended = await allOf(many);
    expect(new Set(ended.map(({ stderr }) => stderr)).size).toBe(1);
    expect(
      ended.filter(({ status, stdout, stderr }) => status !== 1 || stdout !== "" || !stderr.includes(DENIED)),
    ).toEqual([]);
    expect(count("AssumeRole") - before).toBe(1);
    expect((await startIn(UNITS.prod).ended).stderr).toContain(DENIED);
    expect(count("AssumeRole") - before).toBe(2);
  });

  it.each(["SIGKILL", "SIGINT", "SIGTERM"] as const)(
    "a leader that dies of %s is followed by another within a second",
    async (signal) => {
      await warmBase();
      const before = count("AssumeRole");
      const first = rig.sts.hold();
      const many = startMany(10, UNITS.prod);
      await first.arrived;
      await untilWaiting(9);
      const [leader, second] = [leaderPid(), rig.sts.hold()];
      const killed = Date.now();
      process.kill(leader, signal);
      await untilAnotherLeads(leader);
      expect(Date.now() - killed).toBeLessThan(1000);
      await second.arrived;
      first.release();
      second.release();
      const ended = await allOf(many);
      expect(ended.filter(({ status }) => status === 0)).toHaveLength(9);
      expect(count("AssumeRole") - before).toBe(2);
    },
  );

  it("a leader that is stopped is followed by another, and harms nobody when it goes on", async () => {
    await warmBase();
    const first = rig.sts.hold();
    const many = startMany(5, UNITS.prod);
    await first.arrived;
    await untilWaiting(4);
    const [leader, second] = [leaderPid(), rig.sts.hold()];
    const stopped = Date.now();
    process.kill(leader, "SIGSTOP");
    await second.arrived;
    expect(Date.now() - stopped).toBeLessThan(3000);
    second.release();
    first.release();
    const others = await Promise.all(many.filter(({ process: { pid } }) => pid !== leader).map(({ ended }) => ended));
    expect(new Set(others.map(keyOf)).size).toBe(1);
    process.kill(leader, "SIGCONT");
    expect((await allOf(many)).filter(({ status }) => status !== 0)).toEqual([]);
    expect(keyOf(await startIn(UNITS.prod).ended)).toBe(keyOf(others[0]!));
  });
});
