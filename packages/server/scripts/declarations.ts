/** The declarations of the published packages, as TypeScript reads them: for docs/public-surface.md, docs/api.md and their tests. */
import { join } from "node:path";
import { API, type Symbol as Declared, type Project, SymbolFlags } from "typescript/unstable/sync";
// @ts-expect-error plain JavaScript, for whatever Node there is
import { publicPackages } from "../../../scripts/packages.mjs";

export interface PublicPackage {
  folder: string;
  manifest: { name: string; exports: Record<string, { "chatkeep-source": string; types: string; default: string }> };
}

/** A way to import something: `chatkeep/pg`, with all that it exports. */
export interface Subpath {
  name: string;
  project: Project;
  exports: [name: string, symbol: Declared][];
}

export interface Declarations extends Disposable {
  packages: PublicPackage[];
  projectOf(published: PublicPackage): Project;
  subpathsOf(published: PublicPackage): Subpath[];
}

export function openDeclarations(): Declarations {
  const packages: PublicPackage[] = publicPackages();
  const api = new API();
  const snapshot = api.updateSnapshot({ openProjects: packages.map(configOf) });
  const projectOf = (published: PublicPackage) => {
    const project = snapshot.getProject(configOf(published));
    if (!project) throw new Error(`${configOf(published)} could not be opened.`);
    return project;
  };
  const subpathsOf = (published: PublicPackage) =>
    publicPaths(published).map(([path, { "chatkeep-source": source }]) => {
      const project = projectOf(published);
      const exports = exportsOf(project, join(published.folder, source));
      return { name: join(published.manifest.name, path), project, exports };
    });
  return { packages, projectOf, subpathsOf, [Symbol.dispose]: () => api.close() };
}

/** Without what chatkeep's packages share among themselves. */
function publicPaths({ manifest }: PublicPackage) {
  return Object.entries(manifest.exports).filter(([path]) => path !== "./internal");
}

function configOf({ folder }: PublicPackage): string {
  return join(folder, "tsconfig.json");
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

export function kindOf({ flags }: Declared): "class" | "function" | "value" | "type" {
  if (flags & SymbolFlags.Class) return "class";
  if (flags & SymbolFlags.Function) return "function";
  if (flags & SymbolFlags.Value) return "value";
  return "type";
}
