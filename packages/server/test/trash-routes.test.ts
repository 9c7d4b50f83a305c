import { randomUUID } from "node:crypto";
import { disableRowLevelSecurity, enableRowLevelSecurity } from "chatkeep";
import { eq } from "drizzle-orm";
import { afterAll, beforeAll, expect, it } from "vitest";
import { distributed, isServer } from "../../chatkeep/test/helpers/database.ts";
import { openPg } from "../../chatkeep/test/helpers/with-drizzle.ts";
import { look } from "../src/commands/erased.ts";
import { readConfig } from "../src/config.ts";
import { createCleaning } from "../src/expired-rows.ts";
import { models, preference, searchBlock, session } from "../src/models/index.ts";
import { createRetention } from "../src/retention.ts";
import { openTestApp, type TestApp } from "./helpers/app.ts";

let test: TestApp;

beforeAll(async () => {
  test = await openTestApp();
});
afterAll(() => test.close());

interface Trashed {
  id: string;
  deletedAt: string;
  expiresAt: string;
}

it("a conversation goes to the trash and back, or for good with a receipt that doctor can prove", async () => {
  const ann = await test.signUp("Ann");
  const bob = await test.signUp("Bob");
  const id = "named by a host";
  const path = `/api/trash/${encodeURIComponent(id)}`;
  const chat = `/api/conversations/${encodeURIComponent(id)}`;
  await ann.call("POST", "/api/conversations", { id, messages: [{ role: "user", content: "Hello" }] });
  expect((await ann.request("POST", `${path}/restore`)).status).toBe(409);
  expect((await ann.request("DELETE", path)).status).toBe(409);
  expect((await ann.request("DELETE", chat)).status).toBe(204);
  const away = [
    ["GET", chat],
    ["GET", `${chat}/messages`],
    ["GET", `${chat}/branch`],
    ["GET", `${chat}/export?format=json`],
    ["DELETE", chat],
  ] as const;
  for (const [method, each] of away) expect((await ann.request(method, each)).status, each).toBe(404);
  expect(await (await ann.request("GET", "/api/export")).text()).not.toContain(id);
  for (const [method, each] of [
    ["POST", `${path}/restore`],
    ["DELETE", path],
  ] as const) {
    expect((await bob.request(method, each)).status).toBe(404);
  }
  const { items } = await ann.call<{ items: Trashed[] }>("GET", "/api/trash?limit=10");
  expect(items).toEqual([
    expect.objectContaining({ id, deletedAt: expect.any(String), expiresAt: expect.any(String) }),
  ]);
  expect((await ann.request("GET", "/api/trash?limit=0")).status).toBe(422);
  expect(await ann.call("POST", `${path}/restore`)).toMatchObject({ id, expiresAt: null });
  await ann.request("DELETE", chat);
  const receipt = await ann.call<{ rowId: string }>("DELETE", path);
  expect(receipt).toMatchObject({ of: "conversation", conversationId: id, rows: { conversation: 1, message: 1 } });
  for (const gone of [id, receipt.rowId]) expect(await look(test.database.db, gone)).toMatchObject({ isErased: true });
  await ann.call("POST", "/api/conversations", { id });
  expect(await look(test.database.db, id)).toMatchObject({ isErased: false, left: { "conversation.external_id": 1 } });
  await ann.request("DELETE", chat);
  expect(await ann.call("DELETE", "/api/trash")).toMatchObject({ of: "trash", rows: { conversation: 1 } });
});

it.skipIf(distributed)(
  "doctor finds what search still names, also behind policies that its role does not pass",
  async () => {
    const { id } = await test.signUp("gil");
    const { database } = test;
    const gone = randomUUID();
    await database.query(
      `insert into search_block (user_id, oldest, newest, message_ids, conversation_ids)
    values ($1::uuid, now(), now(), array[]::uuid[], array[$2::uuid])`,
      [id, gone],
    );
    const left = { "search_block.conversation_ids": 1 };
    expect(await look(database.db, gone)).toMatchObject({ isErased: false, left });
    if (!isServer) return;
    const role = `role_${Math.random().toString(36).slice(2)}`;
    await enableRowLevelSecurity(database, models);
    await database.query(`create role ${role} login`);
    await database.query(`grant select on all tables in schema public to ${role}`);
    const url = new URL(database.url ?? "");
    url.username = role;
    const limited = openPg({ url: url.href, maxConnections: 2 });
    expect(await limited.db.$count(searchBlock)).toBe(0);
    expect(await look(limited.db, gone)).toMatchObject({ isErased: false, left });
    await limited.close();
    await disableRowLevelSecurity(database, models);
    await database.query(`drop owned by ${role}`);
    await database.query(`drop role ${role}`);
    await database.query("delete from search_block where user_id = $1::uuid", [id]);
  },
);

it("an account that is deleted is answered with a receipt, and nothing of it is left", async () => {
  const password = "a password of the tests";
  const body = { name: "Cid", email: `${randomUUID()}@chatkeep.test`, password };
  const headers = { "content-type": "application/json", origin: "http://chatkeep.test" };
  const post = (path: string, given: unknown, more = {}) =>
    test.app.request(path, { method: "POST", headers: { ...headers, ...more }, body: JSON.stringify(given) });
  const signedUp = await post("/api/auth/sign-up/email", body);
  const { user, token } = (await signedUp.json()) as { user: { id: string }; token: string };
  const mine = test.store.forUser(user.id);
  await mine.conversations.create({ messages: [{ role: "user", content: "Hello" }] });
  const { id } = await mine.conversations.create({ messages: [{ role: "user", content: "Hello" }] });
  await mine.conversations.delete(id);
  await post("/api/tasks", { title: "Buy flour" }, { authorization: `Bearer ${token}` });
  await test.db.insert(preference).values({ userId: user.id, instructions: "Be brief." });
  expect(await look(test.database.db, user.id)).toMatchObject({ isErased: false, left: { "message.user_id": 2 } });
  const answer = await post("/api/auth/delete-user", { password }, { authorization: `Bearer ${token}` });
  expect(await answer.json()).toMatchObject({
    success: true,
    receipt: {
      of: "user",
      userId: user.id,
      rows: { conversation: 2, message: 2, task: 1, preference: 1, session: 1, account: 1, user: 1 },
    },
  });
  const left = await look(test.database.db, user.id);
  expect([left.isErased, left.left, Object.keys(left.looked)]).toEqual([
    true,
    {},
    expect.arrayContaining(["conversation", "message", "run", "run_chunk", "search_block", "search_words", "user"]),
  ]);
});

it("what cannot be let go by age keeps nothing else from being cleaned", async () => {
  const { id } = await test.signUp("fay");
  await test.db
    .update(session)
    .set({ expiresAt: new Date("2020-01-01") })
    .where(eq(session.userId, id));
  const failing = async () => {
    throw new Error("as when a statement takes too long");
  };
  const store = { ...test.store, system: { ...test.store.system, retain: failing } };
  await expect(createCleaning({ db: test.db, store, retention: { days: 90 } })()).rejects.toThrow("too long");
  expect(await test.db.$count(session, eq(session.userId, id))).toBe(0);
});

it("retention goes from user to user in each sweep, and rests when it has seen all", async () => {
  const calls: unknown[] = [];
  const nexts = ["a", null, null];
  const system = {
    ...test.store.system,
    retain: async (options: unknown) => {
      calls.push(options);
      return { removed: 0, next: nexts.shift() ?? null };
    },
  };
  const retain = createRetention({ system }, { days: 90 });
  for (let sweep = 0; sweep < 4; sweep += 1) await retain();
  expect(calls).toEqual([{ days: 90 }, { days: 90, after: "a" }]);
  await createRetention({ system }, {})();
  expect(calls).toHaveLength(2);
  const days = { CHATKEEP_TRASH_DAYS: "0", CHATKEEP_RETENTION_DAYS: "365", CHATKEEP_RETENTION_ARCHIVED_DAYS: "90" };
  expect(readConfig({}, days)).toMatchObject({ trashDays: 0, retention: { days: 365, archivedDays: 90 } });
  expect(readConfig({}, {})).toMatchObject({ trashDays: 30, retention: { days: undefined } });
  for (const [name, value] of [
    ["TRASH_DAYS", "-1"],
    ["RETENTION_DAYS", "0"],
    ["RETENTION_ARCHIVED_DAYS", "soon"],
  ] as const) {
    expect(() => readConfig({}, { [`CHATKEEP_${name}`]: value })).toThrow(/must be a whole number from/);
  }
});
