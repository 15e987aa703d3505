import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const SRC = resolve(import.meta.dirname, "../src");
/** What every folder may use; broker.ts, world.ts, cli.ts and commands/ join the folders. */
const LEAVES = ["types.ts", "errors.ts", "secret.ts", "visible.ts", "private-file.ts", "crypto.ts"];
const FEATURES = ["account", "base", "role", "output", "cache", "keychain", "single-flight"];
/** The one folder that others may use: whoever shares a file or a terminal needs it. */
const SHARED = "single-flight/";

function importsOf(file: string): string[] {
  const text = readFileSync(file, "utf8");
  const specifiers = [...text.matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g)].map((match) => match[1]!);
  return specifiers.map((specifier) => relative(SRC, resolve(dirname(file), specifier)));
}

describe("the walls of the house", () => {
  it.each(FEATURES)("%s/ uses its own files and the leaves, no other folder", (folder) => {
    const files = readdirSync(join(SRC, folder)).map((name) => join(SRC, folder, name));
    expect(files.length).toBeGreaterThan(0);
    const foreign = files.flatMap((file) =>
      importsOf(file)
        .filter((path) => !path.startsWith(`${folder}/`) && !path.startsWith(SHARED) && !LEAVES.includes(path))
        .map((path) => `${relative(SRC, file)} → ${path}`),
    );
    expect(foreign).toEqual([]);
  });

  it("the leaves use only each other", () => {
    const foreign = LEAVES.flatMap((leaf) => importsOf(join(SRC, leaf)).filter((path) => !LEAVES.includes(path)));
    expect(foreign).toEqual([]);
  });

  it("nobody throws an error without a code, or keeps state in a module", () => {
    const files = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
    const bad = files.filter((name) =>
      /throw new Error\(|^(?:export )?let /m.test(readFileSync(join(SRC, name), "utf8")),
    );
    expect(bad).toEqual([]);
  });
});
