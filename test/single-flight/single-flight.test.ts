import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import process from "node:process";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BrokerError } from "../../src/errors.ts";
import { readPrivateFile } from "../../src/private-file.ts";
import { type Flight, singleFlight } from "../../src/single-flight/single-flight.ts";
import { waitForLeader } from "../../src/single-flight/wait-for-leader.ts";
import { type Folder, temporaryFolder } from "../fakes/tree.ts";

let folder: Folder;
let made: number;
beforeEach(() => {
  folder = temporaryFolder();
  made = 0;
});
afterEach(() => folder.remove());

const find = async () => readPrivateFile(`${folder.path}/k`, process.getuid!())?.toString();
const flight = (more: Partial<Flight<string>> = {}): Flight<string> => ({
  folder: folder.path,
  key: "k",
  what: "the role of prod",
  unit: "/live/prod/vpc",
  find,
  make: async () => {
    made++;
    return { value: "made", publish: Buffer.from("made") };
  },
  ...more,
});
const lock = () => `${folder.path}/k.l`;

describe("a flight", () => {
  it("makes once what a hundred want, and leaves only the result", async () => {
    const all = await Promise.all(Array.from({ length: 100 }, () => singleFlight(flight())));
    expect(new Set(all)).toEqual(new Set(["made"]));
    expect(made).toBe(1);
    expect(readdirSync(folder.path)).toEqual(["k"]);
  });

  it("takes its turn where nothing is published", async () => {
    let inside = 0;
    const make = async () => {
      expect(++inside).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 5));
      inside--;
      return { value: `turn ${++made}` };
    };
    const all = await Promise.all(
      Array.from({ length: 5 }, () => singleFlight(flight({ find: async () => undefined, make }))),
    );
    expect(all.toSorted()).toEqual(["turn 1", "turn 2", "turn 3", "turn 4", "turn 5"]);
  });

  it("shares a refusal with those who wait, or lets each try, as it is told", async () => {
    const refuse = async () => {
      made++;
      await new Promise((resolve) => setTimeout(resolve, 50));
      throw new BrokerError("ROLE_REFUSED", "no");
    };
    const attempt = (sharesFailure: boolean) =>
      Promise.allSettled(Array.from({ length: 4 }, () => singleFlight(flight({ make: refuse, sharesFailure }))));
    expect((await attempt(true)).map(({ status }) => status)).toEqual(Array.from({ length: 4 }, () => "rejected"));
    expect(made).toBe(1);
    made = 0;
    await attempt(false);
    expect(made).toBe(4);
  });

  it("is not held up by what a dead leader left: its socket, its file, its claim", async () => {
    mkdirSync(lock());
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(`${lock()}/s1-dead`, resolve));
    await new Promise((resolve) => server.close(resolve)); // Node unlinks the socket: a killed process would not
    writeFileSync(`${lock()}/s1-dead`, "");
    writeFileSync(`${lock()}/r1-dead`, "half a resu");
    const claim = `${folder.path}/k.u1-dead`;
    mkdirSync(claim);
    utimesSync(claim, 1, 1);
    expect(await singleFlight(flight())).toBe("made");
    expect(existsSync(claim)).toBe(false);
    expect(readPrivateFile(`${folder.path}/k`, process.getuid!())?.toString()).toBe("made");
  });

  it("gives the value that is still valid to those who would have to wait", async () => {
    let release = (): void => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const leading = singleFlight(
      flight({ make: async () => (await held, { value: "new", publish: Buffer.from("new") }) }),
    );
    while (!existsSync(lock())) await new Promise((resolve) => setTimeout(resolve, 1));
    expect(await singleFlight(flight({ meanwhile: "old" }))).toBe("old");
    release();
    expect(await leading).toBe("new");
  });

  it("tells who holds it, when a waiter's time is up", async () => {
    let release = (): void => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const leading = singleFlight(flight({ make: async () => (await held, { value: "made" }) }));
    while (!existsSync(lock())) await new Promise((resolve) => setTimeout(resolve, 1));
    const leader = readdirSync(lock())
      .find((name) => name.startsWith("s"))!
      .slice(1);
    const error: unknown = await waitForLeader(lock(), leader, flight(), Date.now() - 121_000).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({
      code: "WAITED_TOO_LONG",
      message: "waited 120 s for another hallpass to get the role of prod",
    });
    const { details } = error as BrokerError;
    expect(details[0]?.[1]).toMatch(new RegExp(`^process ${process.pid}, for /live/prod/vpc, since \\d{4}-`));
    expect(details[1]).toEqual(["try", `answer its prompt, or: kill ${process.pid}`]);
    release();
    await leading;
  });
});
