/** What is made once in each process: the database, the store of chats on it, and the replies that are being written. */
import { type Connection, chatMigrations, chatTables, createStore, migrate } from "chatkeep";
import { aiSdkCodec } from "chatkeep/ai-sdk";
import { openPg } from "chatkeep/pg";
import { openPglite } from "chatkeep/pglite";
import { createReplies, partsOf } from "chatkeep/replies";
import { after } from "next/server";

const tables = chatTables({ user: { table: "users", column: "name", type: "text" } });

/** In production the tables are made at deploy. */
async function open(): Promise<Connection> {
  const url = process.env["DATABASE_URL"];
  const connection = url ? openPg({ url }) : await openPglite({ dataDir: ".chatkeep/database" });
  await connection.query("create table if not exists users (name text primary key)");
  await connection.query("create table if not exists session (hash text primary key, name text references users)");
  await migrate(connection, chatMigrations(tables));
  return connection;
}

/** Opens with the first statement: `next build` loads this file as well, and needs no database. */
function opensLater(): Connection {
  let opened: Promise<Connection> | undefined;
  const connection = () => {
    opened ??= open().catch((error) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
  return {
    isTransaction: false,
    query: async (...statement) => (await connection()).query(...statement),
    transaction: async (work, options) => (await connection()).transaction(work, options),
  };
}

function make() {
  const connection = opensLater();
  const store = createStore(connection, tables, { partsOf: partsOf(aiSdkCodec) });
  // `after` keeps a function alive until its reply has ended, where a platform would freeze it after the response.
  return { connection, store, replies: createReplies({ store, codec: aiSdkCodec, waitUntil: after }) };
}

// Pages and routes load this file each for itself, and `next dev` again with each change: what it makes stays one.
const kept = globalThis as { chats?: ReturnType<typeof make> };
kept.chats ??= make();
export const { connection, store, replies } = kept.chats;
