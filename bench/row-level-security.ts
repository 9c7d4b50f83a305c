/** What the policies cost: a turn saved and the last page read, with and without them, interleaved, in one run. */
import { randomUUID } from "node:crypto";
import { chatMigrations, createStore, disableRowLevelSecurity, enableRowLevelSecurity, migrate } from "chatkeep";
import { chatModels } from "chatkeep/drizzle";
import { sql } from "drizzle-orm";
import { pgTable, uuid } from "drizzle-orm/pg-core";
import { startPostgres } from "../packages/chatkeep/test/helpers/throwaway-postgres.ts";
import { openPg } from "../packages/chatkeep/test/helpers/with-drizzle.ts";

const user = pgTable("user", { id: uuid("id").primaryKey() });
const models = chatModels(user.id);
const roundMs = 1_500;
const rounds = 5;

const postgres = await startPostgres();
const admin = openPg({ url: postgres.url });
await admin.db.execute(sql`create table "user" (id uuid primary key)`);
await migrate(admin, chatMigrations(models));
await admin.db.execute(sql.raw(`create role app login; grant all on all tables in schema public to app`));
const url = new URL(postgres.url);
url.username = "app";
const limited = openPg({ url: url.href });

const ann = randomUUID();
await admin.db.insert(user).values({ id: ann });
const words = (role: "user" | "assistant") => ({ role, content: "x".repeat(400) });

async function measure(rowLevelSecurity: boolean) {
  await (rowLevelSecurity ? enableRowLevelSecurity : disableRowLevelSecurity)(admin, models);
  const mine = createStore(limited, models, { rowLevelSecurity }).forUser(ann);
  const { id } = await mine.conversations.create();
  const perSecond = async (work: () => Promise<unknown>) => {
    const end = performance.now() + roundMs;
    let count = 0;
    for (; performance.now() < end; count += 1) await work();
    return (count / roundMs) * 1_000;
  };
  const turns = await perSecond(() => mine.messages.append(id, [words("user"), words("assistant")]));
  const pages = await perSecond(() => mine.messages.list(id));
  return { turns, pages };
}

const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const without = [];
const walled = [];
for (let round = 0; round < rounds; round += 1) {
  without.push(await measure(false));
  walled.push(await measure(true));
}
for (const what of ["turns", "pages"] as const) {
  const [off, on] = [without, walled].map((each) => median(each.map((result) => result[what])));
  console.log(
    `${what}: ${off?.toFixed(0)}/s without, ${on?.toFixed(0)}/s with, ratio ${((on ?? 0) / (off ?? 1)).toFixed(2)}`,
  );
}
await limited.close();
await admin.close();
await postgres.stop();
