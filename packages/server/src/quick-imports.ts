/** What Node.js does again for each module, and need not. */
import { registerHooks } from "node:module";

const inDrizzle = "/node_modules/drizzle-orm/";

/**
 * To be called before anything imports Drizzle. For each module that Node.js 24 resolves it parses the `exports` of its package
 * again; those of drizzle-orm are 180 kB, which costs a second and 150 MB before anything has run. What a module of it names by
 * a relative path is a module of it too, and nothing has to be looked up for that.
 */
export function quickenImports(): void {
  registerHooks({
    resolve: (specifier, context, nextResolve) => {
      const { parentURL = "" } = context;
      const isRelative = specifier.startsWith(".") && specifier.endsWith(".js") && parentURL.endsWith(".js");
      if (!isRelative || !parentURL.includes(inDrizzle)) return nextResolve(specifier, context);
      return { url: new URL(specifier, parentURL).href, format: "module", shortCircuit: true };
    },
  });
}
