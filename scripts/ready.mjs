// Makes a fresh clone ready for `npm start` and `npm test`. Plain JavaScript: it runs on whatever Node the machine has, before ours is installed.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const windows = process.platform === "win32";

function run(what, ...args) {
  console.error(`chatkeep: ${what} …`);
  const { status } = spawnSync("npm", args, { cwd: root, stdio: ["ignore", 2, 2], shell: windows });
  if (status !== 0) {
    console.error(`chatkeep: "npm ${args.join(" ")}" failed; what it says above has to be mended first.`);
    process.exit(status ?? 1);
  }
}

/** The time of the newest file below a path, in milliseconds; 0 where there is none. */
function newest(path) {
  if (!existsSync(path)) return 0;
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(
    0,
    ...readdirSync(path)
      .filter((name) => name !== "node_modules")
      .map((name) => newest(join(path, name))),
  );
}

const installed = join(root, "node_modules", ".package-lock.json");
// Not `npm ci`: it refuses a lock file that lacks a binary of a platform that is not this one.
if (newest(installed) < newest(join(root, "package-lock.json")))
  run("installing what is missing", "install", "--no-save");

if (process.argv.includes("--web")) {
  const web = join(root, "packages", "web");
  const sources = ["src", "index.html", "public", "vite.config.ts", "package.json"].map((name) => join(web, name));
  const built = newest(join(root, "packages", "server", "public", "index.html"));
  if (built < Math.max(...sources.map(newest)))
    run("building the web page", "run", "build", "--workspace", "@chatkeep/web", "--silent");
}
