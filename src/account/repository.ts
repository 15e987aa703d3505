import { lstatSync, statSync } from "node:fs";
import { dirname } from "node:path";

/** The folders from `directory` up to and with `top`. */
export function foldersUpTo(directory: string, top: string): string[] {
  const folders = [directory];
  for (let folder = directory; folder !== top && folder !== dirname(folder);) {
    folder = dirname(folder);
    folders.push(folder);
  }
  return folders;
}

/** The git root that holds the directory: the nearest folder with a `.git` (a folder, or a file in worktrees and submodules). */
export function findRepository(directory: string): string | undefined {
  return foldersUpTo(directory, "/").find(
    (folder) => lstatSync(`${folder}/.git`, { throwIfNoEntry: false }) !== undefined,
  );
}

/** Without git, the walk ends below the first folder that is not ours: what lies above is somebody else's. */
export function highestFolderOf(directory: string, uid: number): string {
  const folders = foldersUpTo(directory, "/");
  const foreign = folders.findIndex((folder) => uid >= 0 && statSync(folder).uid !== uid);
  return folders[foreign === -1 ? folders.length - 1 : Math.max(0, foreign - 1)]!;
}

/**
 * The unit that a working directory stands for. Terragrunt up to 1.0.3 also calls from
 * `<unit>/.terragrunt-cache/<hash>/<hash>` (TERRAGRUNT: setupTerragruntOptionsForBareTerraform), which
 * holds a copy of the unit and perhaps a module's own git root: both would mislead the walk.
 */
export function unitDirectory(directory: string): string {
  const cut = directory.search(/\/\.terragrunt-cache(?:\/|$)/);
  return cut > 0 ? directory.slice(0, cut) : directory;
}
