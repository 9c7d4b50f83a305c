// `npm run test:next`: examples/next as somebody has it who copies it: outside of this repository, with the packed library, built by
// `next build`, and used in a browser. Needs a build of the library, and npm's cache or registry.
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pack, publicPackages, root } from "./packages.mjs";
import { quoted, shell } from "./shell.mjs";

function must(cwd, command, ...args) {
  const words = args.map((word) => quoted(word));
  const env = { ...process.env, NEXT_TELEMETRY_DISABLED: "1" };
  const { status } = spawnSync(command, words, { cwd, env, stdio: "inherit", shell });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} failed.`);
}

const place = mkdtempSync(join(tmpdir(), "chatkeep-next-"));
try {
  const folder = join(place, "next");
  const leftOut = ["node_modules", ".next", ".chatkeep"].map((name) => join(root, "examples", "next", name));
  cpSync(join(root, "examples", "next"), folder, { recursive: true, filter: (path) => !leftOut.includes(path) });
  const { tarball } = pack(
    publicPackages().find(({ manifest }) => manifest.name === "chatkeep"),
    place,
  );
  must(folder, "npm", "install", "--prefer-offline", "--no-audit", "--no-fund", tarball);
  must(folder, "npm", "run", "build");
  must(root, "node", "-C", "chatkeep-source", "e2e/next-example.ts", folder);
} finally {
  rmSync(place, { recursive: true, force: true });
}
