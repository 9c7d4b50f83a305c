/** The code of another commit of this repository, in a folder of its own, with the packages of others that are installed here. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../../", import.meta.url));

/** The last commit before there were concurrent indexes, backfills and a record of how far a migration has come. */
export const before = "065eaedfd63de59f8887fe2d06db6e3fb562e58f";

/** Lays it into a folder, which must be empty, and gives the path of its command. */
export function layCode(commit: string, folder: string): string {
  const archive = spawnSync("git", ["archive", commit, "packages", "package.json"], { cwd: root, maxBuffer: 2 ** 30 });
  if (archive.status !== 0) {
    throw new Error(`The code of ${commit} is not in this clone: fetch all of its history. ${archive.stderr}`);
  }
  const unpacked = spawnSync("tar", ["-x", "-C", folder], { input: archive.stdout });
  if (unpacked.status !== 0) throw new Error(`tar failed: ${unpacked.stderr}`);
  linkModules(join(root, "node_modules"), join(folder, "node_modules"));
  for (const name of readdirSync(join(folder, "packages"))) {
    linkModules(join(root, "packages", name, "node_modules"), join(folder, "packages", name, "node_modules"));
  }
  return join(folder, "packages/server/src/cli.ts");
}

/** Ours must be that commit's own, so each package is linked by itself. */
function linkModules(from: string, to: string): void {
  if (!existsSync(from)) return;
  rmSync(to, { recursive: true, force: true });
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(from)) {
    if (name === "chatkeep" || name === "@chatkeep" || name.startsWith(".")) continue;
    symlinkSync(join(from, name), join(to, name));
  }
  if (from !== join(root, "node_modules")) return;
  symlinkSync(join(to, "../packages/chatkeep"), join(to, "chatkeep"));
  mkdirSync(join(to, "@chatkeep"));
  symlinkSync(join(to, "../packages/server"), join(to, "@chatkeep/server"));
}
