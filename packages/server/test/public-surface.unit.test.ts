/** What a user of the packages can name, and what an editor says of it: docs/public-surface.md, and a sentence at every verb. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Symbol as Declared, Project } from "typescript/unstable/sync";
import { afterAll, expect, it } from "vitest";
import { apiPage, silentNames } from "../scripts/api-page.ts";
import { kindOf, openDeclarations, type PublicPackage, type Subpath } from "../scripts/declarations.ts";

const surface = fileURLToPath(new URL("../../../docs/public-surface.md", import.meta.url));
const declarations = openDeclarations();
const { packages } = declarations;
afterAll(() => declarations[Symbol.dispose]());

it("docs/public-surface.md has every name that can be imported", async () => {
  // Its first lines say how it is brought up to date.
  const [introduction = ""] = existsSync(surface) ? readFileSync(surface, "utf8").split(/^## /m) : [];
  const sections = packages.flatMap(declarations.subpathsOf).map(({ name, exports }) => {
    const names = exports.map(([exported, symbol]) => `${kindOf(symbol)} ${exported}`).sort();
    return [`## ${name}`, "", ...names.map((each) => `- ${each.replace(" ", " `")}\``), ""].join("\n");
  });
  await expect(introduction + sections.join("\n")).toMatchFileSnapshot(surface);
});

it("docs/api.md is what the declarations say: npm run docs:api writes it", () => {
  expect(readFileSync(new URL("../../../docs/api.md", import.meta.url), "utf8")).toBe(apiPage(declarations));
});

it("every name that can be imported has a sentence", () => {
  expect(silentNames(declarations)).toEqual([]);
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
  const [{ project, exports }] = declarations.subpathsOf(published) as [Subpath];
  const index = new Map(exports);
  const verbs = ["Store", "UserStore", "SystemStore"].flatMap((name) => membersOf(project, index.get(name), name));
  expect(verbs.length).toBeGreaterThan(30);
  expect(verbs.filter(([, sentence]) => !/\w.*[.:]/.test(sentence)).map(([verb]) => verb)).toEqual([]);
});

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
