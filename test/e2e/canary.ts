import { expect } from "vitest";
import type { Ended, Rig } from "./rig.ts";

/** Every secret of a test world contains this word: the user's key, sessions, roles' keys, the passphrase. */
const CANARY = "canary";

/** A refusal: exit status, nothing on stdout, and the whole text on stderr. */
export function expectRefusal(ended: Ended, status: number, stderr: string): void {
  expect(ended).toEqual({ status, signal: null, stdout: "", stderr });
}

/** No secret in anything that was printed, except where `hallpass` handed out credentials on stdout. */
export function expectNoCanary(texts: readonly string[]): void {
  expect(texts.filter((text) => text.includes(CANARY))).toEqual([]);
}

/** No secret in any file that hallpass keeps, and none that others could read. */
export function expectSealedFiles(rig: Rig): void {
  const files = rig.files();
  expect(files.length).toBeGreaterThan(0);
  expect(files.filter(({ bytes }) => bytes.includes(CANARY)).map(({ path }) => path)).toEqual([]);
  expect(files.filter(({ mode }) => mode !== 0o600).map(({ path }) => path)).toEqual([]);
}
