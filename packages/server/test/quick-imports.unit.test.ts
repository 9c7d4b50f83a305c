/** What `quickenImports` takes for granted of drizzle-orm: whichever module of it another one names is an ES module beside it, under its whole name. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const folder = dirname(fileURLToPath(import.meta.resolve("drizzle-orm")));

it("finds in Drizzle what Node.js finds", () => {
  const packages = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((path) =>
    path.endsWith("package.json"),
  );
  expect(packages).toEqual(["package.json"]);
  expect(JSON.parse(readFileSync(join(folder, "package.json"), "utf8"))).toMatchObject({ type: "module" });
  const modules = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".js"));
  const named = modules.flatMap((path) => {
    const text = readFileSync(join(folder, path), "utf8");
    const all = [...text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]*)"/g)].map(([, name = ""]) => name);
    return all.map((name) => join(dirname(path), name));
  });
  expect(named.length).toBeGreaterThan(1_000);
  expect(named.filter((path) => !path.endsWith(".js") || !existsSync(join(folder, path)))).toEqual([]);
});
