/** What is made once in each process: the database, the store of chats on it, and the replies that are being written. */
import { chatMigrations, chatTables, createStore, migrate } from "chatkeep";
import { aiSdkCodec } from "chatkeep/ai-sdk";
import { openPg } from "chatkeep/pg";
import { openPglite } from "chatkeep/pglite";
import { createReplies, partsOf } from "chatkeep/replies";

const url = process.env["DATABASE_URL"];
export const connection = url ? openPg({ url }) : await openPglite({ dataDir: ".chatkeep/database" });

// The users that you have already.
await connection.query("create table if not exists users (name text primary key)");

const tables = chatTables({ user: { table: "users", column: "name", type: "text" } });
await migrate(connection, chatMigrations(tables));

export const store = createStore(connection, tables, { partsOf: partsOf(aiSdkCodec) });
export const replies = createReplies({ store, codec: aiSdkCodec });
