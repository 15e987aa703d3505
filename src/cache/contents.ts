import { lstatSync, rmSync } from "node:fs";
import { readPrivateFile } from "../private-file.ts";
import type { CachedSession } from "../types.ts";
import { listSealed, openFile, type Store } from "./entry.ts";

/** The sessions in the cache, those that end first in front. Remembered account files are none. */
export async function listSessions(store: Store): Promise<CachedSession[]> {
  const files = await Promise.all(
    listSealed(store.folder).map(async (file) => ({ file, sealed: await openFile(file, undefined, store) })),
  );
  const sessions = files.flatMap(({ file, sealed }): CachedSession[] => {
    if (!sealed || sealed.kind === "account") return [];
    const { kind, what, madeAt, expiresAt } = sealed;
    return [{ kind, what, madeAt: new Date(madeAt), expiresAt: new Date(expiresAt), ...lastUse(file, store) }];
  });
  return sessions.toSorted((a, b) => a.expiresAt.getTime() - b.expiresAt.getTime());
}

function lastUse(file: string, { folder, world }: Store): Pick<CachedSession, "usedBy" | "usedAt"> {
  const path = `${folder}/${file}.used`;
  const unit = readPrivateFile(path, world.uid)?.toString("utf8");
  const note = lstatSync(path, { throwIfNoEntry: false });
  return unit === undefined || !note ? {} : { usedBy: unit, usedAt: note.mtime };
}

/** Removes every sealed value and what belongs to it. Returns how many there were. */
export function clearFolder(folder: string): number {
  const names = listSealed(folder);
  for (const name of names)
    for (const suffix of ["", ".used", ".damaged"]) rmSync(`${folder}/${name}${suffix}`, { force: true });
  return names.length;
}
