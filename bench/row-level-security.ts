/** What the policies cost: every kind of verb with and without them, in turns, in one run. The role is no superuser either way. */
import { randomUUID } from "node:crypto";
import {
  chatMigrations,
  createStore,
  disableRowLevelSecurity,
  enableRowLevelSecurity,
  migrate,
  type RunKey,
  type Store,
  type UserStore,
} from "chatkeep";
import { chatModels } from "chatkeep/drizzle";
import { sql } from "drizzle-orm";
import { pgTable, uuid } from "drizzle-orm/pg-core";
import { startPostgres } from "../packages/chatkeep/test/helpers/throwaway-postgres.ts";
import { openPg } from "../packages/chatkeep/test/helpers/with-drizzle.ts";

const user = pgTable("user", { id: uuid("id").primaryKey() });
const models = chatModels(user.id);
const isQuick = process.argv.includes("--quick");
const roundMs = isQuick ? 150 : 400;
const rounds = isQuick ? 3 : 9;
/** Whose rows are there beside. */
const others = 200;
const chatsOfEach = 20;

const postgres = await startPostgres();
const admin = openPg({ url: postgres.url });
await admin.db.execute(sql`create table "user" (id uuid primary key)`);
await migrate(admin, chatMigrations(models));
await admin.db.execute(sql.raw(`create role app login; grant all on all tables in schema public to app`));
const url = new URL(postgres.url);
url.username = "app";
const limited = openPg({ url: url.href });

/** Ann writes, Bob creates, and what Carl reads stays as it is. */
const [ann, bob, carl] = [randomUUID(), randomUUID(), randomUUID()];
const people = [ann, bob, carl, ...Array.from({ length: others }, () => randomUUID())];
await admin.db.insert(user).values(people.map((id) => ({ id })));
const words = (role: "user" | "assistant") => ({ role, content: `flour ${"xyz ".repeat(100)}` });
const filling = createStore(admin, models);
for (const id of people) {
  await filling.forUser(id).import(
    Array.from({ length: chatsOfEach }, (_, chat) => ({
      id: randomUUID(),
      title: `Bread ${chat}`,
      metadata: { projectId: `p${chat % 5}` },
      messages: Array.from({ length: 20 }, () => ({ id: randomUUID(), ...words("user") })),
    })),
  );
}
const [long, callers] = [randomUUID(), Array.from({ length: 16 }, () => randomUUID())];
await filling.forUser(carl).conversations.create({ id: long });
for (let page = 0; page < 10; page += 1)
  await filling.forUser(carl).messages.append(
    long,
    Array.from({ length: 100 }, () => words("user")),
  );
await filling
  .forUser(carl)
  .conversations.create({ messages: Array.from({ length: 20 }, () => ({ role: "user", content: "A quince" })) });
await filling.system.indexMessages();
await admin.query("vacuum analyze");

const [chat = ""] = (await filling.forUser(ann).conversations.ids()).items;
for (const id of callers) await filling.forUser(ann).conversations.create({ id });
const [message] = (await filling.forUser(ann).messages.list(chat)).items;
const messageId = message?.id ?? "";
let revision = message?.revision ?? 1;
let flag = false;

type Verb = (mine: UserStore, bobs: UserStore, carls: UserStore) => Promise<unknown>;
const verbs: Record<string, Verb> = {
  "a turn saved": (mine) => mine.messages.append(chat, [words("user"), words("assistant")]),
  "a turn saved, 16 callers": (mine) =>
    Promise.all(callers.map((id) => mine.messages.append(id, [words("user"), words("assistant")]))),
  "append, forty messages": (mine) =>
    mine.messages.append(
      chat,
      Array.from({ length: 40 }, () => words("user")),
    ),
  "a conversation created": (_mine, bobs) => bobs.conversations.create({ messages: [words("user")] }),
  "the last 50 messages": (_mine, _bobs, carls) => carls.messages.list(long),
  "the last 50 of a branch": (_mine, _bobs, carls) => carls.messages.branch(long),
  "one message": (mine) => mine.messages.get(chat, messageId),
  "one conversation": (mine) => mine.conversations.get(chat),
  "20 conversations": (_mine, _bobs, carls) => carls.conversations.list(),
  "20 conversations by metadata": (_mine, _bobs, carls) => carls.conversations.list({ metadata: { projectId: "p1" } }),
  "titles searched": (_mine, _bobs, carls) => carls.conversations.list({ search: "bread 7" }),
  "messages searched": (_mine, _bobs, carls) => carls.search({ text: "quince", limit: 20 }),
  renamed: (mine) => mine.conversations.rename(chat, "Rye"),
  pinned: (mine) => {
    flag = !flag;
    return mine.conversations.pin(chat, flag);
  },
  "a message changed": async (mine) => {
    const changed = await mine.messages.update(chat, messageId, { metadata: { revision } }, { revision });
    revision = changed.revision;
  },
  "a reply begun and ended": async (mine) => {
    const question = { id: randomUUID(), ...words("user") };
    const beginning = await mine.runs.begin({ conversationId: chat, question, server: "one" });
    const { run } = (beginning as { begun: { run: RunKey } }).begun;
    await mine.runs.end(run, { status: "completed", parts: [{ type: "text", text: "Six." }], outputTokens: 2 });
  },
  "deleted and restored": async (mine) => {
    await mine.conversations.delete(chat);
    await mine.conversations.restore(chat);
  },
  "what was used": (_mine, _bobs, carls) => carls.usage({ by: "day" }),
};

const stores = [false, true].map((rowLevelSecurity) => createStore(limited, models, { rowLevelSecurity }));

async function perSecond(verb: Verb, store: Store): Promise<number> {
  const [mine, bobs, carls] = [store.forUser(ann), store.forUser(bob), store.forUser(carl)];
  const begin = performance.now();
  let count = 0;
  for (; performance.now() < begin + roundMs; count += 1) await verb(mine, bobs, carls);
  return (count / (performance.now() - begin)) * 1_000;
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const results: Record<string, [number[], number[]]> = {};
for (let round = 0; round <= rounds; round += 1) {
  // Which goes first changes with each round.
  for (const isOn of round % 2 === 0 ? [false, true] : [true, false]) {
    await (isOn ? enableRowLevelSecurity : disableRowLevelSecurity)(admin, models);
    for (const [name, verb] of Object.entries(verbs)) {
      const speed = await perSecond(verb, stores[Number(isOn)] as Store);
      results[name] ??= [[], []];
      // The first is for warming up.
      if (round > 0) results[name][Number(isOn)]?.push(speed);
    }
  }
}
console.log("| verb | a second without | with | ratio |\n|---|---|---|---|");
for (const [name, [off, on]] of Object.entries(results)) {
  const ratio = (median(on) / median(off)).toFixed(2);
  console.log(`| ${name} | ${median(off).toFixed(0)} | ${median(on).toFixed(0)} | ${ratio} |`);
}
await limited.close();
await admin.close();
await postgres.stop();
