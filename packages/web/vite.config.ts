import { fileURLToPath } from "node:url";
import { constants } from "node:zlib";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defaultClientConditions, defineConfig } from "vite";
import { compression, defineAlgorithm } from "vite-plugin-compression2";

/** The grammars and themes of code, hundreds of files. */
const inColors = /assets\/colors\/.*\.js$/;

const server = `http://127.0.0.1:${process.env["PORT"] ?? 3000}`;

export default defineConfig({
  plugins: [
    react(),
    tailwindcss(),
    // Beside each file, for the server to choose from: over plain HTTP browsers take gzip alone.
    compressed({ include: /\.(js|css|svg)$/, exclude: inColors, quality: 11 }),
    // Hundreds of files, of which a reader takes few: the best quality takes three times as long.
    compressed({ include: inColors, quality: 5 }),
  ],
  // The client as it is written: nothing has to be built before.
  resolve: { conditions: ["chatkeep-source", ...defaultClientConditions] },
  build: {
    // The server ships the app, so it is built into the server's package.
    outDir: fileURLToPath(new URL("../server/public", import.meta.url)),
    emptyOutDir: true,
    chunkSizeWarningLimit: 1500,
    rolldownOptions: {
      output: {
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
