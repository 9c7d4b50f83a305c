/** What is made once in each process: the database, the store of chats on it, and the replies that are being written. */
import { chatMigrations, chatTables, createNotifier, createStore, migrate } from "chatkeep";
import { aiSdkCodec } from "chatkeep/ai-sdk";
import { openPg } from "chatkeep/pg";
import { openPglite } from "chatkeep/pglite";
import { createReplies, partsOf } from "chatkeep/replies";

const url = process.env["DATABASE_URL"];
export const connection = url ? openPg({ url }) : await openPglite({ dataDir: ".chatkeep/database" });

// The users that you have already.
await connection.query("create table if not exists users (name text primary key)");

const tables = chatTables({ user: { table: "users", column: "name", type: "text" } });
await migrate(connection, chatMigrations(tables)); // Safe when twenty processes start at once.

export const store = createStore(connection, tables, { partsOf: partsOf(aiSdkCodec) });

// Processes tell each other what they write, so that a reply is followed and stopped from any of them.
export const notifier = createNotifier({ connection, log: console, isAlone: !url });
store.onChange(notifier.publish);
export const replies = createReplies({ store, codec: aiSdkCodec, notifier });
