import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** One call of hallpass by Terragrunt. Key ids only, never a secret. */
export type RecordedCall = {
  cwd: string;
  /** AWS_ACCESS_KEY_ID as the call found it; "" for none. */
  inherited: string;
  /** The key id in the HALLPASS_ISSUED that the call found; "" for none. */
  marker: string;
  /** The key id of the answer; "" for none. */
  answered: string;
  status: number;
};

/** A shell script that runs a program, passes its output and status on, and writes down how it was called. */
export function recordCalls(folder: string, program: readonly string[]): { script: string; calls(): RecordedCall[] } {
  const [script, log] = [join(folder, "recorder.sh"), join(folder, "recorder.log")];
  writeFileSync(script, scriptFor(program, log), { mode: 0o700 });
  const lines = () => (existsSync(log) ? readFileSync(log, "utf8").trimEnd().split("\n") : []);
  return { script, calls: () => lines().map(parse) };
}

/** One printf for each line: appended at once, so that lines of parallel calls do not mix. */
function scriptFor(program: readonly string[], log: string): string {
  return `#!/bin/sh
marker=\${HALLPASS_ISSUED#1.}
answer=$(${program.map(quote).join(" ")} "$@")
status=$?
answered=$(printf '%s' "$answer" | sed -n 's/.*"ACCESS_KEY_ID":"\\([A-Z0-9]*\\)".*/\\1/p')
printf '%s\\t%s\\t%s\\t%s\\t%s\\n' "$(pwd -P)" "$AWS_ACCESS_KEY_ID" "\${marker%%.*}" "$answered" "$status" >>${quote(log)}
[ -z "$answer" ] || printf '%s\\n' "$answer"
exit "$status"
`;
}

function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

function parse(line: string): RecordedCall {
  const [cwd = "", inherited = "", marker = "", answered = "", status = ""] = line.split("\t");
  return { cwd, inherited, marker, answered, status: Number(status) };
}
