import { openSync } from "node:fs";
import { BrokerError } from "../errors.ts";
import { visible } from "../visible.ts";

/** sun_path holds 108 bytes on Linux and 104 on macOS, with the closing zero. Node cuts longer paths silently. */
const MAX_PATH = 103;

/**
 * The path of a socket in a folder, in a form that the kernel takes. On Linux a long folder is named by a
 * descriptor, which stays open until the process ends: hallpass lives for milliseconds.
 * Throws UNSAFE_FOLDER where the path is too long and there is no other form.
 */
export function socketPath(folder: string, name: string): string {
  const path = `${folder}/${name}`;
  if (Buffer.byteLength(path) <= MAX_PATH) return path;
  if (process.platform === "linux") return `/proc/self/fd/${openSync(folder, "r")}/${name}`;
  throw new BrokerError("UNSAFE_FOLDER", `${visible(folder)} is too long a path for a socket`, [
    ["expected", `at most ${MAX_PATH - name.length - 1} bytes`],
    ["came", `${Buffer.byteLength(folder)} bytes`],
    ["try", "set HALLPASS_STATE_DIR to a shorter path"],
  ]);
}
