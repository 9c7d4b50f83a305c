// `npm run dev`: the server, restarted when its source changes, and Vite's server with reload of the web app before it.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { shell } from "./shell.mjs";

const cwd = fileURLToPath(new URL("..", import.meta.url));
const vite = "http://127.0.0.1:5173";
const run = (command, args, env) =>
  spawn(command, args, { cwd, shell, stdio: "inherit", env: { ...process.env, ...env } });

const children = [
  run("node", ["--watch", "-C", "chatkeep-source", "packages/server/src/cli.ts", "serve"], { CHATKEEP_URL: vite }),
  run("npm", ["run", "dev", "--workspace", "@chatkeep/web", "--", "--host", "127.0.0.1"], {}),
];
for (const child of children) child.on("exit", (code) => process.exit(code ?? 0));
process.on("exit", () => {
  for (const child of children) child.kill();
});
