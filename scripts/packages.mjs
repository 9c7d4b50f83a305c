// The packages that npm gets: which they are, and how each becomes a tarball, as `npm publish` would make it.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { shell } from "./shell.mjs";

export const root = fileURLToPath(new URL("..", import.meta.url));

/** The folder and the package.json of each package that is not private. */
export function publicPackages() {
  return readdirSync(join(root, "packages"))
    .map((name) => join(root, "packages", name))
    .filter((folder) => existsSync(join(folder, "package.json")))
    .map((folder) => ({ folder, manifest: JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) }))
    .filter(({ manifest }) => !manifest.private);
}

/** Packs what is built already; gives the path of the tarball and the paths that are in it. */
export function pack({ folder, manifest }, into) {
  removeLeftovers(folder);
  mkdirSync(into, { recursive: true });
  // Without the scripts, which would build and come back here.
  const args = ["pack", "--json", "--ignore-scripts", "--pack-destination", into];
  const { status, stdout, stderr } = spawnSync("npm", args, { cwd: folder, encoding: "utf8", shell });
  if (status !== 0) throw new Error(`npm pack failed in ${folder}: ${stderr}`);
  // A list, or since npm 12 an object by name.
  const packed = Object.values(JSON.parse(stdout))[0];
  return { manifest, folder, tarball: join(into, packed.filename), paths: packed.files.map(({ path }) => path) };
}

/** tsc leaves what it made of a file that has been moved or deleted since. */
function removeLeftovers(folder) {
  const dist = join(folder, "dist");
  if (!existsSync(dist)) throw new Error(`${dist} is missing: run npm run build.`);
  for (const path of readdirSync(dist, { recursive: true })) {
    const source = path.replace(/(\.d\.ts|\.js|\.js\.map)$/, ".ts");
    if (source !== path && !existsSync(join(folder, "src", source))) rmSync(join(dist, path));
  }
}
