import { readFileSync } from "node:fs";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [
    {
      // The build's `binary` loader, for tests that load the source directly.
      name: "wasm-bytes",
      enforce: "pre",
      load(id) {
        if (!id.endsWith(".wasm")) return undefined;
        return `export default Buffer.from("${readFileSync(id).toString("base64")}", "base64")`;
      },
    },
  ],
  test: {
    include: ["test/**/*.test.ts"],
    server: { deps: { inline: [/\.wasm$/] } },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    unstubEnvs: true,
    mockReset: true,
  },
});
