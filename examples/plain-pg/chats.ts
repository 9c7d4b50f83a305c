/** What is made once in each process. A reply is pieces of plain text here: that is what the codec says, and all it says. */
import { chatMigrations, chatTables, createStore, migrate } from "chatkeep";
import { fromPg } from "chatkeep/pg";
import { openPglite } from "chatkeep/pglite";
import { type Codec, createReplies, partsOf } from "chatkeep/replies";
import { Pool } from "pg";

async function open(connectionString = process.env["DATABASE_URL"]) {
  if (!connectionString) return await openPglite({ dataDir: ".chatkeep/database" });
  // The pool that you have already. Without a listener a connection that drops would end the process.
  const pool = new Pool({ connectionString }).on("error", (error) => console.error(error.message));
  return { ...fromPg(pool), close: () => pool.end() };
}

const plainText: Codec<string> = {
  toParts: (pieces) => [{ type: "text", text: pieces.join("") }],
  toEvents: (reply) => [reply.content],
  join: (pieces) => [pieces.join("")],
};

export const connection = await open();
await connection.query("create table if not exists users (name text primary key)");

const tables = chatTables({ user: { table: "users", column: "name", type: "text" } });
await migrate(connection, chatMigrations(tables));

export const store = createStore(connection, tables, { partsOf: partsOf(plainText) });
export const replies = createReplies({ store, codec: plainText });
