import { dirname } from "node:path";
import { build } from "vite";

/** The name of what {@link buildPage} writes. */
export const script = "page.js";

/** Builds a page of React from this file into one script in this folder, as whoever ships it would. */
export async function buildPage(entry: string, outDir: string, define: Record<string, string> = {}): Promise<void> {
  await build({
    root: dirname(entry),
    configFile: false,
    logLevel: "error",
    define: { "process.env.NODE_ENV": '"production"', ...define },
    // Tests are no production to vite, whose JSX would then be for development.
    oxc: { jsx: { runtime: "automatic", development: false } },
    build: {
      outDir,
      minify: false,
      target: "es2024",
      chunkSizeWarningLimit: 10_000,
      rolldownOptions: { input: entry, output: { entryFileNames: script } },
    },
  });
}
