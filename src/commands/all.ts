import type { Command } from "./command.ts";
import { cache } from "./cache.ts";
import { credentialProcess } from "./credential-process.ts";
import { env } from "./env.ts";
import { exec } from "./exec.ts";
import { explain } from "./explain.ts";
import { login } from "./login.ts";
import { logout } from "./logout.ts";
import { terragrunt } from "./terragrunt.ts";
import { whoami } from "./whoami.ts";

/** Every command, in the order in which `--help` shows them. */
export const COMMANDS: readonly Command[] = [
  terragrunt,
  credentialProcess,
  exec,
  env,
  login,
  logout,
  explain,
  whoami,
  cache,
];
