// `node scripts/ready.mjs -- COMMAND …` makes a fresh clone ready, then runs the command. Plain JavaScript, for whatever Node
// the machine has: ours is installed by it. Not a "pre" script, since npm leaves those out where install scripts are blocked.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { quoted, shell } from "./shell.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));

function npm(what, ...args) {
  console.error(`chatkeep: ${what} …`);
  const { status } = spawnSync("npm", args, { cwd: root, stdio: ["ignore", 2, 2], shell });
  if (status === 0) return;
  console.error(`chatkeep: "npm ${args.join(" ")}" failed; what it says above has to be mended first.`);
  process.exit(status ?? 1);
}

/** The time of the newest file below a path, in milliseconds; 0 where there is none. */
function newest(path) {
  if (!existsSync(path)) return 0;
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  const names = readdirSync(path).filter((name) => name !== "node_modules");
  return Math.max(0, ...names.map((name) => newest(join(path, name))));
}

const installed = join(root, "node_modules", ".package-lock.json");
// Not `npm ci`: it refuses a lock file that lacks a binary of a platform that is not this one.
if (newest(installed) < newest(join(root, "package-lock.json"))) {
  // Left by an installation that was cut off: npm takes half a package for a whole one.
  if (!existsSync(installed)) rmSync(join(root, "node_modules"), { recursive: true, force: true });
  npm("installing what is missing", "install", "--no-save");
}

const web = join(root, "packages", "web");
const sources = ["src", "index.html", "public", "vite.config.ts", "package.json"].map((name) =>
  newest(join(web, name)),
);
const built = newest(join(root, "packages", "server", "public", "index.html"));
if (built < Math.max(...sources))
  npm("building the web page", "run", "build", "--workspace", "@chatkeep/web", "--silent");

if (!process.argv.includes("--")) process.exit();

// Over the channel the child learns when this process is gone, however that ended.
const [command, ...args] = process.argv.slice(process.argv.indexOf("--") + 1);
const words = args.map((word) => quoted(word));
const child = spawn(command, words, { cwd: root, stdio: ["inherit", "inherit", "inherit", "ipc"], shell });
// npm signals its shell, and the shell dies without passing it on.
const parent = process.ppid;
setInterval(() => process.ppid !== parent && child.kill("SIGTERM"), 250).unref();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
