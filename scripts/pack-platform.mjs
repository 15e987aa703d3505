// Makes dist/npm/<platform>-<arch>: the package @hallpass/<platform>-<arch> with the standalone binary of this
// machine, ready for `npm publish`. Its `bin` is the binary itself, so `npm install -g` links it onto PATH and
// TG_AUTH_PROVIDER_CMD=hallpass starts it without Node and without an install script.
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const root = dirname(import.meta.dirname);
const name = `${process.platform}-${process.arch}`;
const folder = join(root, "dist/npm", name);
const { version, license, description } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const program = process.platform === "win32" ? "hallpass.exe" : "hallpass";

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
for (const file of [program, "keytar.node"]) copyFileSync(join(root, "dist", file), join(folder, file));
chmodSync(join(folder, program), 0o755);
copyFileSync(join(root, "LICENSE"), join(folder, "LICENSE"));
const manifest = {
  name: `@hallpass/${name}`,
  version,
  description: `${description} (the standalone program for ${name})`,
  license,
  os: [process.platform],
  cpu: [process.arch],
  bin: { hallpass: program },
  files: [program, "keytar.node"],
};
writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, undefined, 2)}\n`);
process.stdout.write(`${folder}\n`);
