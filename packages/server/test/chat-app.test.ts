/** createChatApp in a bare application of a host: its users, its sign-in, any path. */
import { randomUUID } from "node:crypto";
import { createChatApp, createLog, createOfflineModel, partsOf } from "@chatkeep/server";
import { streamText } from "ai";
import { createNotifier, createStore } from "chatkeep";
import { createClient, type LiveEvent } from "chatkeep/client";
import { sql } from "drizzle-orm";
import { Hono } from "hono";
import { afterEach, expect, it } from "vitest";
import { isServer, openTestDatabase } from "../../chatkeep/test/helpers/database.ts";
import { ids, models, resetPeople } from "../../chatkeep/test/helpers/people.ts";
import type { Drizzle } from "../../chatkeep/test/helpers/with-drizzle.ts";
import { until } from "./helpers/until.ts";

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

async function startHost() {
  const database = await openTestDatabase("store");
  const { db } = database;
  await resetPeople(database);
  const log = createLog("silent");
  const notifier = createNotifier({ connection: database, log, isAlone: !isServer });
  const model = createOfflineModel({ wordMs: 0 });
  const { app, close } = createChatApp({
    store: createStore(database, models, { partsOf }),
    notifier,
    log,
    getUserId: (request) => request.headers.get("x-user"),
    generate: ({ messages, signal }) => streamText({ model, messages, abortSignal: signal }),
    origins: ["https://www.example.com"],
  });
  const host = new Hono().get("/", (c) => c.text("the host's own")).route("/foo/bar", app);
  const request = async (path: string, init?: RequestInit) => await host.request(path, init);
  open.push(
    () => database.close(),
    () => notifier.close(),
    () => close(0),
  );
  const clientOf = (userId: string) =>
    createClient({
      baseUrl: "/foo/bar",
      headers: { "x-user": userId },
      fetch: (input, init) => request(String(input), init),
    });
  return { db, request, ann: clientOf(ids.ann), bob: clientOf(ids.bob) };
}

it("works under any path with the host's sign-in", async () => {
  const { ann, bob, request } = await startHost();
  const events: LiveEvent[] = [];
  const end = ann.events.subscribe((event) => events.push(event));
  open.push(async () => end());
  await until(
    () => events,
    (all) => all.length > 0,
  );
  const { id } = await ann.conversations.create({ title: "Bread" });
  await ann.messages.append(id, [{ role: "user", content: "How do I bake bread?" }]);
  const reply = await ann.chat.ask({ conversationId: id, message: { id: randomUUID(), content: "Hello" } });
  const types = [];
  for await (const { type } of reply) types.push(type);
  expect(types).toContain("text-delta");
  expect(types.at(-1)).toBe("finish");
  expect((await ann.messages.list(id)).items.map(({ role }) => role)).toEqual(["user", "user", "assistant"]);
  await until(
    () => events,
    (all) => all.some((event) => event.type === "conversation" && event.conversation.messageCount === 3),
  );
  expect((await bob.conversations.list()).items).toEqual([]);
  const refused = await Promise.allSettled([
    bob.conversations.get(id),
    bob.messages.list(id),
    bob.messages.append(id, [{ role: "user", content: "Mine" }]),
    bob.chat.stop(id),
    bob.conversations.delete(id),
  ]);
  for (const each of refused)
    expect(each).toMatchObject({ status: "rejected", reason: { code: "not_found", status: 404 } });
  expect(await (await request("/")).text()).toBe("the host's own");
});

it("has nothing for who is not signed in, nor under other paths, nor for pages of other sites", async () => {
  const { request } = await startHost();
  const codeOf = async (path: string, init?: RequestInit) => {
    const response = await request(`/foo/bar${path}`, init);
    const { error } = (await response.json()) as { error?: { code: string } };
    return [response.status, error?.code];
  };
  const headers = { "x-user": ids.ann, "content-type": "application/json" };
  const create = (more: Record<string, string>) =>
    codeOf("/conversations", { method: "POST", body: "{}", headers: { ...headers, ...more } });
  expect(await codeOf("/conversations")).toEqual([401, "unauthenticated"]);
  expect(await codeOf("/tasks", { headers })).toEqual([404, "not_found"]);
  expect(await codeOf("/auth/get-session", { headers })).toEqual([404, "not_found"]);
  expect(await create({ origin: "https://evil.example", "sec-fetch-site": "cross-site" })).toEqual([403, "forbidden"]);
  expect(await create({ origin: "https://www.example.com", "sec-fetch-site": "cross-site" })).toEqual([201, undefined]);
  expect(await create({ origin: "https://chat.example", "sec-fetch-site": "same-origin" })).toEqual([201, undefined]);
});

it("readyz tells of the tables that it was given, and of no others", async () => {
  const { db, request } = await startHost();
  const readyz = async () => (await request("/foo/bar/readyz")).status;
  expect((await request("/foo/bar/healthz")).status).toBe(200);
  expect(await hasTable(db, "task")).toBe(false);
  expect(await readyz()).toBe(200);
  await db.execute(sql`alter table message rename column finish_reason to another`);
  expect(await readyz()).toBe(500);
  await db.execute(sql`alter table message rename column another to finish_reason`);
  expect(await readyz()).toBe(200);
  await db.execute(sql`drop table run_chunk`);
  expect(await readyz()).toBe(500);
});

async function hasTable(db: Drizzle, name: string): Promise<boolean> {
  const [found] = await db.select({ is: sql<boolean>`to_regclass(${name}) is not null` }).from(sql`(select 1) as one`);
  return found?.is ?? false;
}
