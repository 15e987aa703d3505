import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { temporaryFolder } from "./tree.ts";

/*
 * Session buses of our own, with a real gnome-keyring-daemon, with none, or with owners that misbehave. Each has
 * a home of its own; nothing touches the bus or the keyring of the person who runs the tests.
 */

/** Debian's own: dbus-python and gi come as its packages, which other Pythons on PATH do not see. */
const PYTHON = "/usr/bin/python3";

/** The programs that a real keyring needs and that are not here: its tests are skipped then, and say so. */
export const MISSING_TOOLS: readonly string[] = [
  ...["dbus-run-session", "gnome-keyring-daemon", "secret-tool", "gdbus"].filter((tool) => !isOnPath(tool)),
  ...(hasPythonModules() ? [] : [`${PYTHON} with dbus and gi`]),
];

function isOnPath(tool: string): boolean {
  return (process.env["PATH"] ?? "").split(delimiter).some((folder) => existsSync(join(folder, tool)));
}

function hasPythonModules(): boolean {
  try {
    execFileSync(PYTHON, ["-c", "import dbus, dbus.mainloop.glib; from gi.repository import Gio"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** Like the system's session.conf, but with no service that could be started by asking for its name. */
const BUS_CONFIG = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=/tmp</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
`;

/** What a program needs to find the bus, and nothing else. */
export type BusEnv = { DBUS_SESSION_BUS_ADDRESS: string };

export type Bus = {
  readonly env: BusEnv;
  /** Ends the bus daemon at once (SIGKILL); what is connected notices. */
  kill(): void;
  end(): Promise<void>;
};

/** A bus that nobody offers a keychain on. It ends with this process, however this process ends. */
export async function startBus(): Promise<Bus> {
  const folder = temporaryFolder();
  const config = join(folder.path, "bus.conf");
  writeFileSync(config, BUS_CONFIG);
  // `cat` lives until our end of the pipe is closed, and dbus-run-session ends its bus then.
  const script = 'echo "$DBUS_SESSION_BUS_ADDRESS $DBUS_SESSION_BUS_PID"; exec cat';
  const session = spawn("dbus-run-session", ["--config-file", config, "--", "sh", "-c", script], {
    stdio: ["pipe", "pipe", "ignore"],
  });
  const [address] = (await firstLine(session)).split(" ");
  return {
    env: { DBUS_SESSION_BUS_ADDRESS: address! },
    kill: () => process.kill(busDaemonOf(session.pid!), "SIGKILL"),
    end: async () => {
      session.stdin.end();
      await ended(session);
      folder.remove();
    },
  };
}

/** dbus-run-session starts the bus daemon as its child. */
function busDaemonOf(pid: number): number {
  const children = execFileSync("ps", ["--ppid", String(pid), "-o", "pid=,comm="], { encoding: "utf8" }).split("\n");
  return Number.parseInt(
    children.find((line) => line.includes("dbus-daemon"))!,
    10,
  );
}

export type Keyring = Bus & {
  /** Our items as secret-tool sees them: name → secret. */
  items(): Promise<Record<string, string>>;
  lock(): Promise<void>;
  /** Removes all of our items, as a person does in a password manager. */
  clear(): Promise<void>;
  /** SIGSTOP: it holds its name and answers nobody. */
  freeze(): void;
  thaw(): void;
};

const PASSWORD = "keyring password";

/** A real, unlocked gnome-keyring with a new and empty login keyring. */
export async function startKeyring(): Promise<Keyring> {
  const bus = await startBus();
  const home = temporaryFolder();
  const env = { PATH: process.env["PATH"], ...bus.env, ...foldersIn(home.path) };
  const daemon = spawn("gnome-keyring-daemon", ["--foreground", "--unlock", "--components=secrets"], {
    env,
    stdio: ["pipe", "ignore", "ignore"],
  });
  daemon.stdin.end(PASSWORD);
  const run = promisify(execFile);
  await run("gdbus", ["wait", "--session", "--timeout", "20", "org.freedesktop.secrets"], { env });
  return {
    ...bus,
    items: async () =>
      readItems((await run("secret-tool", ["search", "--all", "service", "hallpass"], { env })).stdout),
    clear: async () => void (await run("secret-tool", ["clear", "service", "hallpass"], { env })),
    lock: async () => {
      const collections = "[objectpath '/org/freedesktop/secrets/collection/login']";
      const method = ["--method", "org.freedesktop.Secret.Service.Lock", collections];
      const service = ["--dest", "org.freedesktop.secrets", "--object-path", "/org/freedesktop/secrets"];
      await run("gdbus", ["call", "--session", ...service, ...method], { env });
    },
    freeze: () => daemon.kill("SIGSTOP"),
    thaw: () => daemon.kill("SIGCONT"),
    end: async () => {
      daemon.kill("SIGKILL"); // also a stopped one
      await ended(daemon);
      await bus.end();
      home.remove();
    },
  };
}

function foldersIn(home: string): Record<string, string> {
  const runtime = join(home, "run");
  mkdirSync(runtime, { mode: 0o700 });
  return { HOME: home, XDG_RUNTIME_DIR: runtime, XDG_DATA_HOME: join(home, "data"), XDG_CONFIG_HOME: join(home, "c") };
}

/** `attribute.account` comes on stderr or stdout by version, the label on stdout by all: `hallpass/<item>`. */
function readItems(text: string): Record<string, string> {
  const items = [...text.matchAll(/^label = hallpass\/(.+)(?:\nsecret = (.*))?$/gm)];
  return Object.fromEntries(items.map(([, name, secret]) => [name!, secret ?? "locked"]));
}

/** A program on the bus that plays a part. */
export type Actor = {
  /** Resolves when the actor has said that word; it says `called` when somebody asks it for something. */
  said(word: string): Promise<void>;
  kill(): void;
  end(): Promise<void>;
};

/** Owns the keychain's name and never answers; without the main loop's help nobody else answers for it. */
const BLACK_HOLE = `
import sys, dbus, dbus.mainloop.glib
from gi.repository import GLib
bus = dbus.SessionBus(mainloop=dbus.mainloop.glib.DBusGMainLoop())
def swallow(connection, message):
    # The properties are asked for before the first call; without them libsecret goes on all the same.
    if message.get_type() != 1 or message.get_member() == "GetAll":
        return 1
    print("called", flush=True)
    return 0  # handled, as far as the library knows
bus.add_message_filter(swallow)
bus.request_name("org.freedesktop.secrets")
print("ready", flush=True)
`;

/**
 * The window in which gnome-keyring asks a person for its password, and a person who lets it stand for a while
 * (or for ever) and then closes it.
 */
const PROMPTER = `
import sys
from gi.repository import Gio, GLib
XML = """<node><interface name="org.gnome.keyring.internal.Prompter">
<method name="BeginPrompting"><arg type="o" direction="in"/></method>
<method name="PerformPrompt"><arg type="o" direction="in"/><arg type="s" direction="in"/>
<arg type="a{sv}" direction="in"/><arg type="s" direction="in"/></method>
<method name="StopPrompting"><arg type="o" direction="in"/></method></interface></node>"""
bus = Gio.bus_get_sync(Gio.BusType.SESSION)
def answer(to, path, reply):
    arguments = GLib.Variant("(sa{sv}s)", (reply, {}, ""))
    bus.call(to, path, "org.gnome.keyring.internal.Prompter.Callback", "PromptReady", arguments, None, 0, -1, None, None)
    return False
def called(connection, sender, path, interface, method, arguments, invocation):
    invocation.return_value(None)
    callback = arguments.unpack()[0]
    if method == "BeginPrompting":
        answer(sender, callback, "")
    if method == "PerformPrompt":
        print("called", flush=True)
        if sys.argv[1] != "never":
            GLib.timeout_add(int(sys.argv[1]), answer, sender, callback, "no")
interface = Gio.DBusNodeInfo.new_for_xml(XML).interfaces[0]
bus.register_object("/org/gnome/keyring/Prompter", interface, called, None, None)
Gio.bus_own_name_on_connection(bus, "org.gnome.keyring.SystemPrompter", 0, lambda *a: print("ready", flush=True), None)
`;

/** Ends when our end of stdin is closed, so that none outlives a test run that is killed. */
const UNTIL_STDIN_ENDS = `
loop = GLib.MainLoop()
GLib.io_add_watch(sys.stdin, GLib.IO_IN | GLib.IO_HUP, lambda *a: loop.quit())
loop.run()
`;

export function startBlackHole(bus: Bus): Promise<Actor> {
  return startActor(BLACK_HOLE, [], bus);
}

/** `afterMs`: how long the window stands before it is closed without an answer. */
export function startPrompter(bus: Bus, afterMs: number | "never"): Promise<Actor> {
  return startActor(PROMPTER, [String(afterMs)], bus);
}

async function startActor(script: string, args: readonly string[], bus: Bus): Promise<Actor> {
  const actor = spawn(PYTHON, ["-c", script + UNTIL_STDIN_ENDS, ...args], {
    env: { ...bus.env },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const heard = new Set<string>();
  const waiting = new Map<string, () => void>();
  createInterface({ input: actor.stdout }).on("line", (line) => {
    heard.add(line);
    waiting.get(line)?.();
  });
  const said = (word: string): Promise<void> =>
    new Promise((resolve, reject) => {
      if (heard.has(word)) resolve();
      waiting.set(word, resolve);
      actor.once("close", () => reject(new Error(`the actor ended before it said "${word}"`)));
    });
  await said("ready");
  return {
    said,
    kill: () => void actor.kill("SIGKILL"),
    end: async () => {
      actor.stdin.end();
      await ended(actor);
    },
  };
}

/** `asked` resolves when somebody has connected and said the first word. */
export type DeafSocket = Bus & { asked: Promise<void> };

/** Not even a bus: a socket that takes connections and never says a word. */
export async function startDeafSocket(): Promise<DeafSocket> {
  const folder = temporaryFolder();
  const path = join(folder.path, "bus");
  const sockets = new Set<Socket>();
  let hear = (): void => {};
  const asked = new Promise<void>((resolve) => (hear = resolve));
  const server = createServer((socket) => sockets.add(socket.on("error", () => {}).on("data", hear)));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const kill = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  const end = async (): Promise<void> => {
    kill();
    folder.remove();
  };
  return { env: { DBUS_SESSION_BUS_ADDRESS: `unix:path=${path}` }, asked, kill, end };
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    createInterface({ input: child.stdout! }).once("line", resolve);
    child.once("error", reject).once("close", () => reject(new Error("the program ended without a word")));
  });
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once("close", () => resolve()));
}
