/** What a process gets that a test starts: nothing of ours but the way to programs, and what Node has compiled for those before it. */
import { fileURLToPath } from "node:url";

export const childEnvironment: Record<string, string> = {
  PATH: process.env["PATH"] ?? "",
  NODE_COMPILE_CACHE: fileURLToPath(new URL("../../../../.cache/compiled", import.meta.url)),
};
