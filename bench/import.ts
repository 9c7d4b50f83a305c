/**
 * Bringing in an export: 40,000 messages of 2,000 conversations, and 9,000 conversations of one message, as a file of JSON is read and
 * stored, on PostgreSQL and on PGlite, beside a copy of all rows into a table without indexes.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ClosableConnection, createStore, migrate } from "chatkeep";
import { openPg } from "chatkeep/pg";
import { openPglite } from "chatkeep/pglite";
import { startPostgres } from "../packages/chatkeep/test/helpers/throwaway-postgres.ts";
import { migrations } from "../packages/server/src/migrations.generated.ts";
import { models } from "../packages/server/src/models/index.ts";
import { importConversations } from "../packages/server/src/transfer/conversations.ts";
import { valuesOf } from "../packages/server/src/transfer/values.ts";

const folder = mkdtempSync(join(tmpdir(), "chatkeep-bench-import-"));
const said = (chat: number, turn: number) => ({
  from: turn % 2 ? "gpt" : "human",
  value: `How much flour for ${chat} loaves, and how much time for the ${turn}th of them?`,
});
const files = { long: [2_000, 20], short: [9_000, 1] } as const;
for (const [name, [chats, messages]] of Object.entries(files)) {
  const list = Array.from({ length: chats }, (_, chat) => ({
    id: `${name} ${chat}`,
    conversations: Array.from({ length: messages }, (_each, turn) => said(chat, turn)),
  }));
  writeFileSync(join(folder, `${name}.json`), JSON.stringify(list));
}

const postgres = await startPostgres();
const engines: Record<string, () => ClosableConnection | Promise<ClosableConnection>> = {
  "PostgreSQL 18": () => openPg({ url: postgres.url, statementTimeoutMs: 120_000 }),
  PGlite: () => openPglite(),
};
for (const [engine, open] of Object.entries(engines)) {
  const connection = await open();
  await migrate(connection, migrations);
  const userId = crypto.randomUUID();
  await connection.query(`insert into "user" (id, name, email) values ($1::uuid, 'ann', 'ann@example.com')`, [userId]);
  const mine = createStore(connection, models).forUser(userId);
  for (const name of Object.keys(files)) {
    const began = performance.now();
    const { messages, failed } = await importConversations(mine, userId, valuesOf(join(folder, `${name}.json`)));
    const ms = performance.now() - began;
    const raw = performance.now();
    await connection.query("create table copy as select * from message", []);
    const rawMs = performance.now() - raw;
    await connection.query("drop table copy", []);
    console.log(
      `${engine}, ${name}: ${messages} messages in ${ms.toFixed(0)} ms, ${Math.round((messages / ms) * 1_000)} a second (${failed} failed); all rows copied into a table without indexes in ${rawMs.toFixed(0)} ms`,
    );
  }
  await connection.close();
}
await postgres.stop();
rmSync(folder, { recursive: true });
