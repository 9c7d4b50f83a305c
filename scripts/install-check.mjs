// `npm run test:install`: the tarballs as somebody has them who installs them, in a folder outside of this repository: the samples
// of their READMEs run, and each subpath has types under both ways of resolving. Needs a build, and npm's cache or registry.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pack, publicPackages, root } from "./packages.mjs";
import { quoted, shell } from "./shell.mjs";

/** The oldest ones that the library says it takes, and the ones that it is developed with. */
const oldest = { "drizzle-orm": "0.44.0", zod: "4.0.0" };
const pinned = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).devDependencies;

function run(folder, command, ...args) {
  const words = args.map((word) => quoted(word));
  const { status, stdout, stderr } = spawnSync(command, words, { cwd: folder, encoding: "utf8", shell });
  return { status, stdout, said: `${stdout}${stderr}` };
}

function must(folder, command, ...args) {
  const { status, stdout, said } = run(folder, command, ...args);
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} failed in ${folder}:\n${said}`);
  return stdout;
}

/** A folder of somebody else's with these installed. */
function consumer(name, packages) {
  const folder = join(place, name);
  mkdirSync(folder);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name, private: true, type: "module" }));
  const options = ["--prefer-offline", "--strict-peer-deps", "--ignore-scripts", "--no-audit", "--no-fund"];
  must(folder, "npm", "install", ...options, ...packages);
  return folder;
}

/** Runs the first sample of a README, and gives what it prints. */
function runSample(folder, packed) {
  const sample = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(packed.folder, "README.md"), "utf8"))?.[1] ?? "";
  writeFileSync(join(folder, "sample.ts"), sample);
  return must(folder, "node", "sample.ts").trim();
}

/** Type-checks the sample and an import of each subpath; others' declarations may be wrong, ours may not. */
function faultsOfTypes(folder, { manifest }, [module, moduleResolution]) {
  const imports = Object.keys(manifest.exports).map(
    (path, index) =>
      `import * as module${index} from "${manifest.name}${path.slice(1)}";\nexport { module${index} };\n`,
  );
  writeFileSync(join(folder, "subpaths.ts"), imports.join(""));
  const compilerOptions = { module, moduleResolution, target: "es2024", strict: true, noEmit: true, types: ["node"] };
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({ compilerOptions, files: ["sample.ts", "subpaths.ts"] }),
  );
  const { said } = run(folder, "npx", "--no-install", "tsc", "--pretty", "false");
  return said.split("\n").filter((line) => /^(?:sample|subpaths|node_modules\/(?:@chatkeep\/|chatkeep\/))/.test(line));
}

function check(name, packed, packages, expected) {
  const folder = consumer(name, packages);
  const faults = [];
  const printed = runSample(folder, packed);
  if (printed !== expected) faults.push(`The sample printed "${printed}", not "${expected}".`);
  const ways = [
    ["nodenext", "nodenext"],
    ["esnext", "bundler"],
  ];
  for (const way of ways) faults.push(...faultsOfTypes(folder, packed, way));
  for (const fault of faults) console.error(`${name}: ${fault}`);
  if (faults.length === 0) console.log(`${name}: the sample runs, and every subpath has types.`);
  return faults.length === 0;
}

const place = mkdtempSync(join(tmpdir(), "chatkeep-install-"));
try {
  const packed = publicPackages().map((published) => pack(published, place));
  const named = (name) => packed.find(({ manifest }) => manifest.name === name);
  const library = named("chatkeep");
  const server = named("@chatkeep/server");
  const at = (versions) => Object.entries(versions).map(([name, version]) => `${name}@${version}`);
  const { devDependencies, peerDependencies } = library.manifest;
  const peers = at({ ...devDependencies }).filter((spec) => spec.replace(/@[^@]*$/, "") in peerDependencies);
  const tools = at({ typescript: pinned.typescript, "@types/node": pinned["@types/node"] });
  const types = at({ "@types/pg": devDependencies["@types/pg"] });
  const bread = "How do I bake bread?";
  const others = peers.filter((spec) => !spec.startsWith("drizzle-orm@"));
  const passed = [
    check("the-library", library, [library.tarball, ...peers, ...tools, ...types], bread),
    check("the-oldest-peers", library, [library.tarball, ...at(oldest), ...others, ...tools, ...types], bread),
    check("the-server", server, [library.tarball, server.tarball, ...tools, ...types], "200"),
  ];
  const version = must(join(place, "the-server"), "npx", "--no-install", "chatkeep", "--version").trim();
  if (version !== server.manifest.version) throw new Error(`chatkeep --version says ${version}.`);
  if (passed.includes(false)) process.exitCode = 1;
} finally {
  rmSync(place, { recursive: true, force: true });
}
