import { basename } from "node:path";
import { shellLines } from "../output/shell.ts";
import { defineCommand, given, SHARED } from "./command.ts";
import { variablesFor } from "./exec.ts";

export const env = defineCommand({
  name: "env",
  operands: "ACCOUNT",
  takes: [1, 1],
  describe: "print an account's credentials as lines for the shell's eval",
  flags: {
    shell: { type: "string", describe: "bash, zsh, sh, fish or powershell (default: $SHELL)" },
    role: SHARED.role,
    repository: SHARED.repository,
  },
  examples: [
    ['eval "$(hallpass env dev)"', "bash, zsh"],
    ["hallpass env dev --shell fish | source", "fish"],
    ["hallpass env dev --shell powershell | Out-String | Invoke-Expression", "PowerShell"],
  ],
  run: async ({ flags, operands }, world) => {
    const request = { directory: flags.repository ?? world.cwd, account: operands[0]!, ...given({ role: flags.role }) };
    const shell = flags.shell ?? basename(world.env["SHELL"] ?? (world.platform === "win32" ? "powershell" : "bash"));
    shellLines({}, shell); // an unknown shell is refused before AWS is asked
    world.print(shellLines(await variablesFor(request, world), shell));
    return 0;
  },
});
