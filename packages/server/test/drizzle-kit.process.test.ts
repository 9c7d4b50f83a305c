/** drizzle-kit of a host that has other tables in the same database: what docs/deploy.md tells it to leave alone stays. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { chatMigrations, migrate } from "chatkeep";
import { chatModels } from "chatkeep/drizzle";
import { pgTable, text } from "drizzle-orm/pg-core";
import { expect, it } from "vitest";
import { startPostgres } from "../../chatkeep/test/helpers/throwaway-postgres.ts";
import { openPg } from "../../chatkeep/test/helpers/with-drizzle.ts";

const server = fileURLToPath(new URL("..", import.meta.url));
const user = pgTable("user", { id: text().primaryKey() });
const schema = `import { pgTable, text } from "drizzle-orm/pg-core";
export const user = pgTable("user", { id: text().primaryKey() });`;

it("drizzle-kit push of a host leaves chatkeep's tables alone with the filter of the documentation, and not without", async () => {
  const page = readFileSync(join(server, "../../docs/deploy.md"), "utf8");
  const filter = /^ *(tablesFilter: \[.*\]),$/m.exec(page)?.[1] ?? "";
  expect(filter).toContain("!chatkeep_migration");
  const postgres = await startPostgres();
  const folder = mkdtempSync(join(server, ".kit-"));
  const push = (settings: string) => {
    const place = relative(server, folder);
    writeFileSync(join(folder, "schema.ts"), schema);
    writeFileSync(
      join(folder, "config.ts"),
      `export default { dialect: "postgresql", verbose: true, schema: "${place}/schema.ts", dbCredentials: { url: "${postgres.url}" }, ${settings} };`,
    );
    const kit = join(dirname(createRequire(import.meta.url).resolve("drizzle-kit")), "bin.cjs");
    const args = [kit, "push", "--config", `${place}/config.ts`];
    const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: server, encoding: "utf8", input: "" });
    return stdout + stderr;
  };
  try {
    await using database = openPg({ url: postgres.url });
    await database.pool.query(`create table "user" (id text primary key)`);
    await migrate(database, chatMigrations(chatModels(user.id)));
    expect(push("")).toMatch(/DROP TABLE "message"/);
    expect(push(filter)).toContain("No changes detected");
    const { rows } = await database.pool.query(
      "select to_regclass('message') as message, to_regclass('run_chunk') as chunk",
    );
    expect(rows).toEqual([{ message: "message", chunk: "run_chunk" }]);
  } finally {
    rmSync(folder, { recursive: true });
    await postgres.stop();
  }
});
