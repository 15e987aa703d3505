// Builds what users run. Without arguments: the Node bundle in dist/ (and the demo). With --binary also the
// standalone dist/hallpass, with keytar's native file beside it.
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { build } from "esbuild";

const root = dirname(import.meta.dirname);
const dist = join(root, "dist");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

/** Everything but the native keytar goes into the bundle; what a cached answer does not need, into chunks of its own. */
const common = {
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  loader: { ".wasm": "binary" },
  // jsonc-parser's "main" is UMD, which no bundler can follow.
  mainFields: ["module", "main"],
  external: ["keytar"],
  define: { HALLPASS_VERSION: JSON.stringify(version) },
  // CommonJS packages inside the bundle call require for Node's own modules.
  banner: {
    js: 'import { createRequire as makeRequire } from "node:module"; const require = makeRequire(import.meta.url);',
  },
  logLevel: "warning",
};

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });
await build({ ...common, entryPoints: [join(root, "src/main.ts")], outdir: dist });
await build({ ...common, entryPoints: [join(root, "examples/demo.ts")], outdir: join(dist, "demo") });
if (process.argv.includes("--binary")) buildBinary();

/** Without the autoload flags the binary would run a bunfig.toml preload and read .env of the working directory. */
function buildBinary() {
  const require = createRequire(import.meta.url);
  const bun = join(dirname(require.resolve("bun/package.json")), "bin", "bun.exe");
  const flags = ["--compile", "--bytecode", "--splitting", "--format=esm", "--external=keytar"];
  const closed = ["dotenv", "bunfig", "tsconfig", "package-json"].map((what) => `--no-compile-autoload-${what}`);
  execFileSync(bun, ["build", join(dist, "main.js"), ...flags, ...closed, "--outfile", join(dist, "hallpass")], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const keytar = dirname(require.resolve("keytar/package.json"));
  copyFileSync(
    join(keytar, "prebuilds", `${process.platform}-${process.arch}`, "keytar.node"),
    join(dist, "keytar.node"),
  );
}
