/** What `sideEffects` of a package.json says to bundlers is true: who imports a module for its names gets nothing else. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseSync } from "oxc-parser";
import { expect, it } from "vitest";
// @ts-expect-error plain JavaScript, for whatever Node there is
import { publicPackages } from "../../../scripts/packages.mjs";

interface PublicPackage {
  folder: string;
  manifest: { name: string; sideEffects: false | string[] };
}

/** Started as a process of its own by its path, and imported by nothing. */
const programs = ["./dist/testing/writer-process.js"];

it.each(publicPackages() as PublicPackage[])(
  "only what $manifest.name names does something when it is imported",
  ({ folder, manifest }) => {
    const acting = readdirSync(join(folder, "src"), { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".ts") && acts(join(folder, "src", path)))
      .map((path) => `./dist/${path.replaceAll("\\", "/").replace(/\.ts$/, ".js")}`)
      .filter((path) => !programs.includes(path));
    expect(acting).toEqual(manifest.sideEffects || []);
  },
);

/** Statements that stand alone, and imports for what they do. */
function acts(path: string): boolean {
  const { body } = parseSync(path, readFileSync(path, "utf8")).program;
  return body.some(
    (statement) =>
      !/(?:Declaration)$/.test(statement.type) ||
      (statement.type === "ImportDeclaration" && statement.specifiers.length === 0),
  );
}
