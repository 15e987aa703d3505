// Builds what users run. Without arguments: the Node program in dist/ (and the demo). With --binary also the
// standalone dist/hallpass, with keytar's native file beside it.
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { rolldown } from "rolldown";

const root = dirname(import.meta.dirname);
const dist = join(root, "dist");
const require = createRequire(import.meta.url);
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

/**
 * What is imported with `import()` becomes a file of its own; what an answer from the cache needs stands in
 * one. Comments and blanks are left out: Node reads them on every start.
 */
async function bundle(entry, dir, format, extension) {
  const build = await rolldown({
    input: join(root, entry),
    platform: "node",
    external: ["keytar"],
    // jsonc-parser's "main" is UMD, which no bundler can follow.
    resolve: { mainFields: ["module", "main"] },
    moduleTypes: { ".wasm": "binary" },
    preserveEntrySignatures: false,
    transform: { target: "node20", define: { HALLPASS_VERSION: JSON.stringify(version) } },
    checks: { eval: false, emptyImportMeta: false },
  });
  await build.write({
    dir,
    format,
    entryFileNames: `[name].${extension}`,
    chunkFileNames: `[name].${extension}`,
    minify: { compress: false, mangle: false, codegen: { removeWhitespace: true } },
  });
}

/** bun compiles the bundle to bytecode; its chunks are loaded on demand too. */
async function buildBinary() {
  const parts = join(dist, "binary");
  await bundle("src/main.ts", parts, "esm", "js");
  const bun = join(dirname(require.resolve("bun/package.json")), "bin", "bun.exe");
  const flags = ["--compile", "--bytecode", "--splitting", "--format=esm", "--external=keytar"];
  // Without these the binary would run a bunfig.toml preload and read .env of the working directory.
  const closed = ["dotenv", "bunfig", "tsconfig", "package-json"].map((what) => `--no-compile-autoload-${what}`);
  const args = ["build", join(parts, "main.js"), ...flags, ...closed, "--outfile", join(dist, "hallpass")];
  execFileSync(bun, args, { stdio: ["ignore", "ignore", "inherit"] });
  rmSync(parts, { recursive: true });
  const keytar = dirname(require.resolve("keytar/package.json"));
  copyFileSync(
    join(keytar, "prebuilds", `${process.platform}-${process.arch}`, "keytar.node"),
    join(dist, "keytar.node"),
  );
}

mkdirSync(dist, { recursive: true });
// Not the binary: somebody may have it on PATH.
for (const name of readdirSync(dist))
  if (/\.cjs$|^demo$|^bench$|^binary$/.test(name)) rmSync(join(dist, name), { recursive: true });
// CommonJS, because Node 20 starts an ES module 5 ms later.
await bundle("src/main.ts", dist, "cjs", "cjs");
await bundle("examples/demo.ts", join(dist, "demo"), "esm", "js");
await bundle("scripts/bench.ts", join(dist, "bench"), "esm", "js");
if (process.argv.includes("--binary")) await buildBinary();
