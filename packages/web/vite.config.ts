import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { constants } from "node:zlib";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defaultClientConditions, defineConfig, type Plugin, type Rolldown } from "vite";
import { compression, defineAlgorithm } from "vite-plugin-compression2";

/** The grammars and themes of code, hundreds of files. */
const inColors = /assets\/colors\/.*\.js$/;

const server = `http://127.0.0.1:${process.env["PORT"] ?? 3000}`;

export default defineConfig({
  plugins: [
    react(),
    tailwindcss(),
    listFiles(),
    // Beside each file, for the server to choose from: over plain HTTP browsers take gzip alone.
    compressed({ include: /\.(js|css|svg)$/, exclude: inColors, quality: 11 }),
    // Hundreds of files, of which a reader takes few: the best quality takes three times as long.
    compressed({ include: inColors, quality: 5 }),
  ],
  // The client as it is written: nothing has to be built before.
  resolve: { conditions: ["chatkeep-source", ...defaultClientConditions] },
  build: {
    // The server ships the app, so it is built into the server's package.
    outDir: here("../server/public"),
    emptyOutDir: true,
    chunkSizeWarningLimit: 1500,
    rolldownOptions: {
      input: { main: here("index.html"), worker: here("worker/worker.ts") },
      output: {
        entryFileNames: ({ name }) => (name === "worker" ? "worker.js" : "assets/[name]-[hash].js"),
        chunkFileNames: ({ moduleIds }) =>
          moduleIds.some((id) => /shiki.*\/(langs|themes)\//.test(id))
            ? "assets/colors/[name]-[hash].js"
            : "assets/[name]-[hash].js",
      },
    },
  },
  server: { proxy: { "/api": server, "/docs": server, "/openapi.json": server } },
});

function compressed({ quality, ...files }: { include: RegExp; exclude?: RegExp; quality: number }) {
  const brotli = defineAlgorithm("brotliCompress", { params: { [constants.BROTLI_PARAM_QUALITY]: quality } });
  return compression({ ...files, threshold: 1024, algorithms: ["gzip", brotli], logLevel: "silent" });
}

/** Tells the worker what the app is made of, but for the colours of code. */
function listFiles(): Plugin {
  return {
    name: "list-files",
    enforce: "post",
    generateBundle(_options, bundle) {
      const files = Object.keys(bundle)
        .filter((name) => name.startsWith("assets/") && !inColors.test(name) && /\.(js|css|woff2)$/.test(name))
        .filter((name) => !/-(cyrillic|greek|vietnamese)/.test(name) && !leadsToColors(bundle[name]))
        .map((name) => `/${name}`)
        .concat("/favicon.svg");
      const version = createHash("sha256").update(JSON.stringify(files)).digest("hex").slice(0, 12);
      const worker = bundle["worker.js"];
      if (worker?.type !== "chunk") throw new Error("There is no worker.js.");
      worker.code = worker.code.replace("__FILES__", JSON.stringify(files)).replace("__VERSION__", `"${version}"`);
    },
  };
}

function leadsToColors(file: Rolldown.OutputBundle[string] | undefined): boolean {
  return file?.type === "chunk" && file.code.length < 200 && file.code.includes("./colors/");
}

function here(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url));
}
