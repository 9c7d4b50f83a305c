/** Tables of other products in the same database, as those products make them, taken over with ids, times and owners. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { adoptInto } from "../src/commands/adopt.ts";
import { openTestApp, type Person, type TestApp } from "./helpers/app.ts";

let test: TestApp;
let ann: Person;

const chat = (n: number) => `00000000-0000-4000-8000-00000000000${n}`;
const message = (n: number) => `10000000-0000-4000-8000-00000000000${n}`;

beforeAll(async () => {
  test = await openTestApp();
  ann = await test.signUp("ann");
  const run = (text: string) => test.database.query(text, []);
  await run(`create schema old`);
  await run(`create table old."User" (id uuid primary key, email varchar(64) not null)`);
  await run(
    `create table old."Chat" (id uuid primary key, "createdAt" timestamp not null, title text not null, "userId" uuid not null, visibility varchar)`,
  );
  await run(
    `create table old."Message_v2" (id uuid primary key, "chatId" uuid not null, role varchar not null, parts json not null, attachments json not null, "createdAt" timestamp not null)`,
  );
  await run(`insert into old."User" values ('${chat(8)}', 'ANN@example.com'), ('${chat(9)}', 'guest-1')`);
  await run(
    `insert into old."Chat" values ('${chat(1)}', '2024-05-01 10:00', 'Bread', '${chat(8)}', 'private'), ('${chat(2)}', '2024-05-02 10:00', 'Tea', '${chat(9)}', 'private')`,
  );
  // Both of one insert have the same time: the question comes first.
  await run(
    `insert into old."Message_v2" values
     ('${message(2)}', '${chat(1)}', 'user', '[{"type":"text","text":"How?"}]', '[{"url":"https://a.test/b.png"}]', '2024-05-01 10:00'),
     ('${message(1)}', '${chat(1)}', 'assistant', '[{"type":"text","text":"So."},{"type":"tool-look","toolCallId":"t","state":"output-available","input":1,"output":2}]', '[]', '2024-05-01 10:00'),
     ('${message(3)}', '${chat(1)}', 'user', '[]', '[]', '2024-05-01 10:01'),
     ('${message(4)}', '${chat(2)}', 'user', '[{"type":"text","text":"Hot?"}]', '[]', '2024-05-02 10:00')`,
  );
  await run(
    `create table old.mastra_threads (id text primary key, "resourceId" text not null, title text not null, metadata jsonb, "createdAt" timestamp not null, "updatedAt" timestamp not null, "createdAtZ" timestamptz, "updatedAtZ" timestamptz)`,
  );
  await run(
    `create table old.mastra_messages (id text primary key, thread_id text not null, content text not null, role text not null, type text not null, "createdAt" timestamp not null, "createdAtZ" timestamptz, "resourceId" text)`,
  );
  await run(
    `insert into old.mastra_threads values ('thread/1', 'someone', 'Plans', '{"a":1,"b":false,"c":[]}', '2024-05-01 12:00', '2024-05-01 12:00', '2024-05-01 10:00Z', '2024-05-01 10:05Z')`,
  );
  await run(
    `insert into old.mastra_messages values
     ('m1', 'thread/1', '{"format":2,"parts":[{"type":"text","text":"Plan it"}]}', 'user', 'v2', '2024-05-01 12:00', '2024-05-01 10:00Z', 'someone'),
     ('m2', 'thread/1', 'Planned', 'assistant', 'text', '2024-05-01 12:01', '2024-05-01 10:01Z', 'someone')`,
  );
  await run(
    `create table old.langchain_chat_histories (id serial primary key, session_id varchar(255) not null, message jsonb not null)`,
  );
  await run(
    `insert into old.langchain_chat_histories (session_id, message) values
     ('s 1', '{"type":"human","data":{"content":"Sum?"}}'),
     ('s 1', '{"type":"ai","content":"","tool_calls":[{"id":"c","name":"sum","args":{"a":1}}],"additional_kwargs":{}}'),
     ('s 1', '{"type":"tool","data":{"content":"3","tool_call_id":"c"}}'),
     ('s 1', '{"type":"unheard","data":{"content":"?"}}')`,
  );
});
afterAll(() => test.close());

const adoptOld = (more: object = {}) => adoptInto(test.database, { schema: "old", apply: false, ...more });

it("says first what it would do, and changes nothing", async () => {
  const reports = await adoptOld();
  expect(reports).toMatchObject([
    { source: "vercel-chatbot", owners: 2, newAccounts: 1, conversations: 2, messages: 3, imported: 0, failed: [] },
    {
      source: "mastra",
      conversations: 1,
      messages: 2,
      imported: 0,
      failed: [{ conversationId: "thread/1", error: "Nobody here is someone: give --user." }],
    },
    { source: "langchain", conversations: 1, messages: 3, imported: 0, failed: [{ conversationId: "s 1" }] },
  ]);
  expect(reports[0]?.leftOut).toEqual([
    { conversationId: chat(1), messageId: message(3), reason: "It has no content." },
  ]);
  expect((await test.store.forUser(ann.id).conversations.list()).items).toEqual([]);
});

it("brings chats in by the addresses of their owners, with ids and times; again changes nothing", async () => {
  const options = { source: "vercel-chatbot", apply: true };
  expect(await adoptOld(options)).toMatchObject([{ imported: 3, newAccounts: 1, failed: [] }]);
  const mine = test.store.forUser(ann.id);
  expect((await mine.conversations.list()).items).toMatchObject([
    { id: chat(1), title: "Bread", createdAt: new Date("2024-05-01T10:00:00Z") },
  ]);
  const { items } = await mine.messages.list(chat(1), { after: 0 });
  expect(items.map(({ id, parentId, content }) => [id, parentId, content])).toEqual([
    [message(2), null, "How?"],
    [message(1), message(2), "So."],
  ]);
  expect(items[0]?.metadata).toEqual({ attachments: [{ url: "https://a.test/b.png" }] });
  expect(items[1]?.parts?.[1]).toMatchObject({ type: "tool-look", output: 2 });
  expect(await adoptOld(options)).toMatchObject([{ imported: 0, newAccounts: 0, failed: [] }]);
});

it("gives what names no owner of ours to whom it is said to be", async () => {
  expect(await adoptOld({ source: "mastra", apply: true, user: "ann@example.com" })).toMatchObject([
    { imported: 2, failed: [] },
  ]);
  expect(await adoptOld({ source: "langchain", apply: true, user: "ann@example.com" })).toMatchObject([
    { imported: 3, failed: [], leftOut: [{ conversationId: "s 1", messageId: "4" }] },
  ]);
  const mine = test.store.forUser(ann.id);
  expect(await mine.conversations.find("thread/1")).toMatchObject({
    title: "Plans",
    metadata: { resourceId: "someone", mastra: { a: 1, b: false, c: [] } },
    createdAt: new Date("2024-05-01T10:00:00Z"),
    updatedAt: new Date("2024-05-01T10:05:00Z"),
  });
  expect((await mine.messages.list("thread/1", { after: 0 })).items.map(({ content }) => content)).toEqual([
    "Plan it",
    "Planned",
  ]);
  const { items } = await mine.messages.list("s 1", { after: 0 });
  expect(items.map(({ role, content }) => [role, content])).toEqual([
    ["user", "Sum?"],
    ["assistant", ""],
    ["tool", "3"],
  ]);
  expect(items[1]?.parts).toMatchObject([{ type: "dynamic-tool", toolCallId: "c", toolName: "sum", input: { a: 1 } }]);
});

it("says what is wrong: no such source, no tables, tables of another version, nobody of that address", async () => {
  await expect(adoptOld({ source: "nothing" })).rejects.toThrow("it is one of vercel-chatbot, mastra, langchain");
  await expect(adoptOld({ schema: "public" })).rejects.toThrow("name another with --schema");
  await test.database.query(`create schema older`, []);
  await test.database.query(`create table older.langchain_chat_histories (id int, session text)`, []);
  await expect(adoptOld({ schema: "older" })).rejects.toThrow("has no column session_id, message");
  await expect(adoptOld({ user: "nobody@example.com" })).rejects.toMatchObject({ code: "invalid_input" });
});
