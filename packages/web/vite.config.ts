import { fileURLToPath } from "node:url";
import { constants } from "node:zlib";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defaultClientConditions, defineConfig } from "vite";
import { compression, defineAlgorithm } from "vite-plugin-compression2";

const server = `http://127.0.0.1:${process.env["PORT"] ?? 3000}`;

export default defineConfig({
  plugins: [
    react(),
    tailwindcss(),
    // Beside each file, for the server to choose from: over plain HTTP browsers take gzip alone.
    compression({
      include: /\.(js|css|svg)$/,
      threshold: 1024,
      algorithms: ["gzip", defineAlgorithm("brotliCompress", { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } })],
      logLevel: "silent",
    }),
  ],
  // The client as it is written: nothing has to be built before.
  resolve: { conditions: ["chatkeep-source", ...defaultClientConditions] },
  build: {
    // The server ships the app, so it is built into the server's package.
    outDir: fileURLToPath(new URL("../server/public", import.meta.url)),
    emptyOutDir: true,
    chunkSizeWarningLimit: 1500,
  },
  server: { proxy: { "/api": server, "/docs": server, "/openapi.json": server } },
});
