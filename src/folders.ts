import { statSync } from "node:fs";
import { isAbsolute } from "node:path";
import envPaths from "env-paths";
import { BrokerError } from "./errors.ts";
import type { Folders, World } from "./types.ts";

/**
 * Where hallpass keeps things: XDG on Linux, the platform's own elsewhere, or the HALLPASS_*_DIR variables.
 * The runtime folder is in memory: XDG_RUNTIME_DIR, else /dev/shm, which every Linux has. Throws USAGE.
 */
export function findFolders(env: World["env"], platform: NodeJS.Platform, uid: number): Folders {
  const paths = envPaths("hallpass", { suffix: "" });
  const state = platform === "linux" ? paths.log : paths.data; // env-paths: `log` is XDG_STATE_HOME
  return {
    config: given("HALLPASS_CONFIG_DIR", env) ?? absolute(paths.config),
    state: given("HALLPASS_STATE_DIR", env) ?? absolute(state),
    runtime:
      given("HALLPASS_RUNTIME_DIR", env) ??
      (platform === "linux" ? linuxRuntime(env["XDG_RUNTIME_DIR"], uid) : undefined),
  };
}

/** Terragrunt runs us in each unit's folder: a relative path would name a folder of the repository. */
function given(variable: string, env: World["env"]): string | undefined {
  const path = env[variable];
  if (path === undefined || path === "") return undefined;
  if (isAbsolute(path)) return path;
  throw new BrokerError("USAGE", `${variable} is not an absolute path`, [["try", `${variable}=$HOME/…`]]);
}

/** The same holds for XDG_CONFIG_HOME and XDG_STATE_HOME, and for HOME itself. */
function absolute(path: string): string {
  if (isAbsolute(path)) return path;
  throw new BrokerError("USAGE", "XDG_CONFIG_HOME, XDG_STATE_HOME or HOME is not an absolute path", [
    ["try", "unset it, or give it an absolute path"],
  ]);
}

function linuxRuntime(login: string | undefined, uid: number): string {
  const isOurs = login !== undefined && isAbsolute(login) && statSync(login, { throwIfNoEntry: false })?.uid === uid;
  return isOurs ? `${login}/hallpass` : `/dev/shm/hallpass-${uid}`;
}
