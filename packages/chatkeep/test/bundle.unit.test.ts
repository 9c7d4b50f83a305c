/** What a bundler makes of the library: how much it weighs, and what of Node it needs. */
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const entry = "\0entry";

/** Of one entry: its minified bytes, and what it imports that is not in it. */
async function bundle(code: string): Promise<{ bytes: number; imports: string[] }> {
  const result = await build({
    configFile: false,
    root,
    logLevel: "silent",
    plugins: [
      {
        name: "entry",
        resolveId: (id) => (id === entry ? id : undefined),
        load: (id) => (id === entry ? code : undefined),
      },
    ],
    resolve: { conditions: ["chatkeep-source", "module", "import", "default"] },
    build: { write: false, minify: true, target: "es2024", rollupOptions: { input: entry, external: [/^node:/] } },
  });
  const outputs = [result].flat().flatMap((each) => ("output" in each ? each.output : []));
  const all = outputs.flatMap((each) => (each.type === "chunk" ? [each] : []));
  // What is loaded with it; what it loads when it is asked for, such as search, is left out.
  const atOnce = new Set(
    all.filter(({ isEntry }) => isEntry).flatMap(({ fileName, imports }) => [fileName, ...imports]),
  );
  const chunks = all.filter(({ fileName }) => atOnce.has(fileName));
  const bytes = chunks.reduce((sum, chunk) => sum + Buffer.byteLength(chunk.code), 0);
  return {
    bytes,
    imports: [...new Set(chunks.flatMap((chunk) => chunk.imports))].filter((id) => id.startsWith("node:")),
  };
}

it("createStore is under 210 kB, and needs of Node its hashes only", async () => {
  const { bytes, imports } = await bundle('import { createStore } from "chatkeep"; console.log(createStore);');
  expect(bytes).toBeGreaterThan(10_000);
  expect(bytes).toBeLessThan(210_000);
  expect(imports).toEqual(["node:crypto"]);
});

it("an error alone is under 1 kB", async () => {
  const { bytes, imports } = await bundle('import { ChatkeepError } from "chatkeep"; console.log(ChatkeepError);');
  expect(bytes).toBeLessThan(1_000);
  expect(imports).toEqual([]);
});

it("the client is under 15 kB, and needs nothing of Node", async () => {
  const { bytes, imports } = await bundle('import { createClient } from "chatkeep/client"; console.log(createClient);');
  expect(bytes).toBeLessThan(15_000);
  expect(imports).toEqual([]);
});
