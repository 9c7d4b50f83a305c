/** Chromium, unpacked once into a folder of its version. It comes with npm; nothing has to be installed or downloaded. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** The folder of the browser, its libraries and its fonts. */
    chromium: string;
  }
}

const require = createRequire(import.meta.url);
const cache = fileURLToPath(new URL("../../.cache/", import.meta.url));

export default async function setup(project: TestProject): Promise<void> {
  project.provide("chromium", await unpackChromium());
}

export async function unpackChromium(): Promise<string> {
  const target = join(cache, `chromium-${version()}`);
  if (!existsSync(target)) await unpackTo(target);
  writeFileSync(join(target, "fonts.conf"), fontsConf(join(target, "fonts")));
  return target;
}

/** Unpacked beside its place and then moved there: whoever finds the folder finds it whole. */
async function unpackTo(target: string): Promise<void> {
  mkdirSync(cache, { recursive: true });
  const partial = mkdtempSync(join(cache, "partial-"));
  await inProcessOfItsOwn(
    `const { default: chromium } = await import(${JSON.stringify(pathToFileURL(require.resolve("@sparticuz/chromium")).href)}); await chromium.executablePath();`,
    // It reads these when it is imported: where to unpack to, and to bring the libraries that a bare machine lacks.
    { TMPDIR: partial, AWS_LAMBDA_JS_RUNTIME: "nodejs24.x" },
  );
  try {
    renameSync(partial, target);
  } catch {
    if (!existsSync(target)) cpSync(partial, target, { recursive: true });
    rmSync(partial, { recursive: true, force: true });
  }
}

async function inProcessOfItsOwn(code: string, environment: Record<string, string>): Promise<void> {
  const child = spawn(process.execPath, ["--input-type=module", "-e", code], {
    env: { ...process.env, ...environment },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const [status] = await once(child, "exit");
  if (status !== 0) throw new Error(`Chromium could not be unpacked: exit code ${status}`);
}

/** What starts it: its program, and the environment that finds its libraries and fonts. */
export function chromiumIn(folder: string) {
  const libraries = [join(folder, "al2023", "lib"), process.env["LD_LIBRARY_PATH"]].filter(Boolean).join(":");
  const { PATH = "", HOME = folder } = process.env;
  const env = { PATH, HOME, LD_LIBRARY_PATH: libraries, FONTCONFIG_FILE: join(folder, "fonts.conf") };
  return { executablePath: join(folder, "chromium"), env };
}

/** Chromium brings one proportional face; code is shown in one that is not. */
function fontsConf(folder: string): string {
  const mono = dirname(require.resolve("@expo-google-fonts/roboto-mono/400Regular/RobotoMono_400Regular.ttf"));
  return `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>${folder}</dir>
  <dir>${mono}</dir>
  <dir>/usr/share/fonts</dir>
  <alias><family>monospace</family><prefer><family>Roboto Mono</family></prefer></alias>
  <cachedir>${folder}-cache</cachedir>
</fontconfig>
`;
}

function version(): string {
  let folder = dirname(require.resolve("@sparticuz/chromium"));
  while (!existsSync(join(folder, "package.json"))) folder = dirname(folder);
  return (JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { version: string }).version;
}
