// `npm run pack:check`: what npm would get of each package is whole, and resolves as its package.json says. Needs a build.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { pack, publicPackages, root } from "./packages.mjs";
import { shell } from "./shell.mjs";

const license = readFileSync(join(root, "LICENSE"), "utf8");
const wanted = [
  "description",
  "license",
  "repository",
  "homepage",
  "bugs",
  "keywords",
  "sideEffects",
  "engines",
  "files",
];

/** What is wrong with a tarball, in sentences. */
function faultsOf({ folder, manifest, paths }) {
  const has = (path) => paths.includes(path);
  const read = (path) => readFileSync(join(folder, path), "utf8");
  return [
    ...wanted.filter((field) => manifest[field] === undefined).map((field) => `package.json has no "${field}".`),
    ...["README.md", "LICENSE"].filter((name) => !has(name)).map((name) => `${name} is missing.`),
    ...(has("LICENSE") && read("LICENSE") !== license ? ["LICENSE is not the one of the repository."] : []),
    ...manifest.files
      .filter((name) => !has(name) && !paths.some((path) => path.startsWith(`${name}/`)))
      .map((name) => `Nothing of "${name}" is there: run npm run build.`),
    ...paths
      .filter((path) => /\.tsbuildinfo$|\.test\.|(^|\/)tests?\//.test(path))
      .map((path) => `${path} is of no use to anybody who installs it: leave it out of "files".`),
    ...paths
      .filter((path) => path.endsWith(".js.map"))
      .flatMap((path) =>
        JSON.parse(read(path))
          .sources.map((source) => posix.join(posix.dirname(path), source))
          .filter((source) => !has(source))
          .map((source) => `${path} points at ${source}, which is not there.`),
      ),
    ...inexactPeers(manifest),
  ];
}

/** An exact version of what a host has too is a second copy of it, whose objects are strangers to the host's. */
function inexactPeers({ peerDependencies = {} }) {
  return Object.entries(peerDependencies)
    .filter(([, range]) => /^\d/.test(range))
    .map(([name, range]) => `The peer dependency ${name} ${range} must be a range.`);
}

/** What publint says of a tarball. */
async function lint(tarball) {
  const { buffer } = new Uint8Array(readFileSync(tarball));
  const { messages, pkg } = await publint({ pack: { tarball: buffer }, strict: true });
  return messages.map((message) => formatMessage(message, pkg));
}

/** What attw says of a tarball whose types do not resolve. */
function resolveTypes(tarball) {
  return new Promise((resolve, reject) => {
    const child = spawn("npx", ["--no-install", "attw", tarball, "--profile", "esm-only"], { cwd: root, shell });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (bytes) => {
        said += bytes;
      });
    }
    child.on("error", reject);
    child.on("close", (code) => resolve(code === 0 ? [] : [said]));
  });
}

const checked = publicPackages().map(async (published) => {
  const packed = pack(published, join(root, ".cache", "pack"));
  const complaints = await Promise.all([lint(packed.tarball), resolveTypes(packed.tarball)]);
  const faults = [...faultsOf(packed), ...complaints.flat()];
  for (const fault of faults) console.error(`${packed.manifest.name}: ${fault}`);
  return faults.length === 0;
});

if ((await Promise.all(checked)).includes(false)) process.exit(1);
