import { isAbsolute } from "node:path";
import { broker } from "../broker.ts";
import { BrokerError } from "../errors.ts";
import { credentialProcessJson } from "../output/credential-process.ts";
import type { Request, World } from "../types.ts";
import { defineCommand, given, SHARED } from "./command.ts";

/** The flags that say which account: all undefined means the working directory's own. */
export type CredentialProcessFlags = {
  account: string | undefined;
  repository: string | undefined;
  role: string | undefined;
};

/** botocore asks again when 15 minutes are left (and insists at 10): an answer with less would be asked for at once again. */
const MIN_REMAINING_SECONDS = 20 * 60;

/** The JSON of a `credential_process`. Throws USAGE for flags that do not name one account. */
export async function answerCredentialProcess(flags: CredentialProcessFlags, world: World): Promise<number> {
  const { credentials } = await broker(toRequest(flags, world), world);
  world.print(credentialProcessJson(credentials));
  return 0;
}

/**
 * AWS tools call us from whatever directory they are in: a name without its repository would be looked up in
 * another repository's registry there, and could be another account.
 */
function toRequest({ account, repository, role }: CredentialProcessFlags, world: World): Request {
  if (account !== undefined && repository === undefined) throw nameAlone(account);
  if (repository !== undefined && !isAbsolute(repository)) throw relativeRepository();
  const minRemainingSeconds = MIN_REMAINING_SECONDS;
  return { directory: repository ?? world.cwd, minRemainingSeconds, ...given({ account, role }) };
}

export const credentialProcess = defineCommand({
  name: "credential-process",
  operands: "",
  takes: [0, 0],
  describe: "the same credentials, as credential_process in ~/.aws/config wants them",
  flags: { account: SHARED.account, repository: SHARED.repository, role: SHARED.role },
  examples: [
    ["credential_process = hallpass credential-process --account prod --repository /home/ana/live", "in a profile"],
    ["hallpass credential-process --role arn:aws:iam::666666666666:role/read-only", "any role"],
  ],
  run: ({ flags }, world) => answerCredentialProcess(flags, world),
});

function relativeRepository(): BrokerError {
  return new BrokerError("USAGE", "--repository is not an absolute path: AWS tools call from any directory", [
    ["try", "--repository /home/…/live"],
  ]);
}

function nameAlone(account: string): BrokerError {
  return new BrokerError("USAGE", "--account needs --repository here: AWS tools call from any directory", [
    ["try", `hallpass credential-process --account ${account} --repository DIR`],
  ]);
}
