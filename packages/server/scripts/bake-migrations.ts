/** Writes the SQL files of `migrations/` into modules, so that nothing reads the disk at run time: all for the server, those of the chat tables for the library. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";

const folder = new URL("../migrations/", import.meta.url);
const targets = {
  server: new URL("../src/migrations.generated.ts", import.meta.url),
  chat: new URL("../../chatkeep/src/store/tables/chat-migrations.generated.ts", import.meta.url),
};

/** The two modules, by target. */
export function bakeMigrations(): Record<keyof typeof targets, string> {
  const migrations = readdirSync(folder)
    .filter((file) => file.endsWith(".sql"))
    .sort()
    .map((file) => ({ name: file.replace(/\.sql$/, ""), sql: readFileSync(new URL(file, folder), "utf8") }));
  const chat = migrations
    .filter(({ name }) => /^\d+_chat/.test(name))
    .map(({ name, sql }) => ({ name, sql: withoutUserTable(sql) }));
  return {
    server: asModule("migrations", "All tables of this server, for `migrate`.", "chatkeep", migrations),
    chat: asModule(
      "chatMigrationTemplates",
      "The tables of chats, with marks for the host's.",
      "../migration.ts",
      chat,
    ),
  };
}

export function bakedMigrations(): Record<keyof typeof targets, string> {
  return { server: readFileSync(targets.server, "utf8"), chat: readFileSync(targets.chat, "utf8") };
}

/** The host's user table, the type of its ids and the schema become marks, which `chatMigrations` fills in. */
function withoutUserTable(sql: string): string {
  return sql
    .replaceAll('"user_id" uuid', '"user_id" {{user id type}}')
    .replaceAll("AS uuid)", "AS {{user id type}})")
    .replaceAll('REFERENCES "user"("id")', "REFERENCES {{user id}}")
    .replaceAll('"public".', "")
    .replace(
      /\b(CREATE TABLE|ALTER TABLE|INSERT INTO|FROM|ON|REFERENCES) "(conversation|message|run|run_chunk|search_block|search_words|search_pending|usage|attachment|attachment_content|attachment_piece|attachment_use)"/g,
      '$1 {{schema}}"$2"',
    );
}

function asModule(name: string, sentence: string, source: string, migrations: readonly object[]): string {
  const entries = migrations.map((migration) => `  ${JSON.stringify(migration)},\n`).join("");
  return `// Made by "npm run db:generate" from packages/server/migrations. Change the SQL files, not this one.
import type { Migration } from "${source}";

/** ${sentence} */
export const ${name}: readonly Migration[] = [\n${entries}];\n`;
}

if (process.argv[1] === import.meta.filename) {
  const baked = bakeMigrations();
  writeFileSync(targets.server, baked.server);
  writeFileSync(targets.chat, baked.chat);
}
