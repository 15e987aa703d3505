import { ensurePrivateFolder } from "./private-file.ts";
import type { Terminal, World } from "./types.ts";

/** The same terminal, but one question at a time over all processes of the user: two prompts in one window read each other's answers. */
export function oneAtATime(terminal: Terminal, world: Pick<World, "folders" | "uid" | "cwd">): Terminal {
  return {
    get present() {
      return terminal.present;
    },
    ask: async (question, options) => {
      const { singleFlight } = await import("./cache/single-flight.ts");
      const folder = world.folders.runtime ?? `${world.folders.state}/cache`;
      ensurePrivateFolder(folder, world.uid);
      return singleFlight({
        folder,
        key: "terminal",
        what: "an answer on the terminal",
        unit: world.cwd,
        find: async () => undefined,
        make: async () => ({ value: await terminal.ask(question, options) }),
      });
    },
  };
}
