/** What a user of the packages can name, and what an editor says of it: docs/public-surface.md, and a sentence at every verb. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { API, type Symbol as Declared, type Project, SymbolFlags } from "typescript/unstable/sync";
import { afterAll, expect, it } from "vitest";
// @ts-expect-error plain JavaScript, for whatever Node there is
import { publicPackages } from "../../../scripts/packages.mjs";

interface PublicPackage {
  folder: string;
  manifest: { name: string; exports: Record<string, { "chatkeep-source": string; types: string; default: string }> };
}

const surface = fileURLToPath(new URL("../../../docs/public-surface.md", import.meta.url));
const packages: PublicPackage[] = publicPackages();
const api = new API();
const snapshot = api.updateSnapshot({ openProjects: packages.map(configOf) });
afterAll(() => api.close());

it("docs/public-surface.md has every name that can be imported", async () => {
  // Its first lines say how it is brought up to date.
  const [introduction = ""] = existsSync(surface) ? readFileSync(surface, "utf8").split(/^## /m) : [];
  const sections = packages.flatMap((published) =>
    Object.entries(published.manifest.exports).map(([path, { "chatkeep-source": source }]) => {
      const names = exportsOf(projectOf(published), join(published.folder, source)).map(
        ([name, symbol]) => `${kindOf(symbol)} ${name}`,
      );
      const lines = names.sort().map((name) => `- ${name.replace(" ", " `")}\``);
      return [`## ${join(published.manifest.name, path)}`, "", ...lines, ""].join("\n");
    }),
  );
  await expect(introduction + sections.join("\n")).toMatchFileSnapshot(surface);
});

it("what is imported is built from the file that the surface is read from", () => {
  for (const { manifest } of packages) {
    for (const { "chatkeep-source": source, types, default: code } of Object.values(manifest.exports)) {
      const built = source.replace("./src/", "./dist/").replace(/\.ts$/, "");
      expect([types, code]).toEqual([`${built}.d.ts`, `${built}.js`]);
    }
  }
});

it("every verb of the store has a sentence where it is used", () => {
  const published = packages.find(({ manifest }) => manifest.name === "chatkeep") as PublicPackage;
  const project = projectOf(published);
  const index = new Map(exportsOf(project, join(published.folder, "src/index.ts")));
  const verbs = ["Store", "UserStore", "SystemStore"].flatMap((name) => membersOf(project, index.get(name), name));
  expect(verbs.length).toBeGreaterThan(30);
  expect(verbs.filter(([, sentence]) => !/\w.*[.:]/.test(sentence)).map(([verb]) => verb)).toEqual([]);
});

function configOf({ folder }: PublicPackage): string {
  return join(folder, "tsconfig.json");
}

function projectOf(published: PublicPackage): Project {
  const project = snapshot.getProject(configOf(published));
  if (!project) throw new Error(`${configOf(published)} could not be opened.`);
  return project;
}

/** The names that a module exports, each with what it stands for. */
function exportsOf({ program, checker }: Project, path: string): [string, Declared][] {
  const file = program.getSourceFile(path);
  const module = file && checker.getSymbolAtLocation(file);
  if (!module) throw new Error(`${path} is no module of its package.`);
  return checker
    .getExportsOfModule(module)
    .map((symbol) => [symbol.name, symbol.flags & SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol]);
}

function kindOf({ flags }: Declared): string {
  if (flags & SymbolFlags.Class) return "class";
  if (flags & SymbolFlags.Function) return "function";
  if (flags & SymbolFlags.Value) return "value";
  return "type";
}

/** The members of a type with their documentation, and those of the groups of verbs that are among them. */
function membersOf({ checker }: Project, symbol: Declared | undefined, path: string): [string, string][] {
  if (!symbol) throw new Error(`${path} is not exported.`);
  const properties = checker.getPropertiesOfType(checker.getDeclaredTypeOfSymbol(symbol));
  return properties.flatMap((property) => documented(property, path));

  function documented(property: Declared, above: string): [string, string][] {
    const name = `${above}.${property.name}`;
    const type = checker.getTypeOfSymbol(property);
    const isGroup = ["conversations", "messages", "runs"].includes(property.name);
    const inside = isGroup && type ? checker.getPropertiesOfType(type) : [];
    return [[name, property.getDocumentationComment(checker)], ...inside.flatMap((member) => documented(member, name))];
  }
}
