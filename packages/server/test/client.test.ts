/** chatkeep/client against a server on a port of its own, which goes away and comes back. */
import { randomUUID } from "node:crypto";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { ApiError, type Client, createClient, type EventsState, type LiveEvent, type Reply } from "chatkeep/client";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { openTestDatabase, type TestDatabase } from "../../chatkeep/test/helpers/database.ts";
import { openTestApp, type TestApp } from "./helpers/app.ts";
import { scriptedModel, words } from "./helpers/models.ts";
import { until } from "./helpers/until.ts";

const long = Array.from({ length: 120 }, (_, index) => `${index} `);

let database: TestDatabase;
let server: Server;
let [annsToken, bobsToken] = ["", ""];
let [ann, bob]: Client[] = [];

beforeAll(async () => {
  database = await openTestDatabase("server");
  server = await startServer();
  [annsToken, bobsToken] = [(await server.app().signUp("ann")).token, (await server.app().signUp("bob")).token];
  [ann, bob] = [clientWith(annsToken), clientWith(bobsToken)];
});
const over: (() => void)[] = [];
afterEach(() => {
  for (const end of over.splice(0)) end();
});
afterAll(async () => {
  await server.close();
  await database.close();
});

interface Server {
  url: string;
  app(): TestApp;
  /** As a proxy does that has had enough; the server goes on. */
  cut(): void;
  stop(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

async function startServer(): Promise<Server> {
  let app: TestApp;
  let port = 0;
  let http: ReturnType<typeof createAdaptorServer>;
  const cut = () => "closeAllConnections" in http && http.closeAllConnections();
  const start = async () => {
    app = await openTestApp({ database, model: scriptedModel(() => words(long, { pauseMs: 5 })) });
    http = createAdaptorServer({ fetch: (request: Request) => app.app.request(request) });
    await new Promise<void>((resolve) => http.listen(port, "127.0.0.1", resolve));
    port = (http.address() as AddressInfo).port;
  };
  const stop = async () => {
    const closed = new Promise((resolve) => http.close(resolve));
    cut();
    await app.close();
    await closed;
  };
  await start();
  return { url: `http://127.0.0.1:${port}/api`, app: () => app, cut, stop, start, close: stop };
}

function clientWith(token: string, baseUrl = server.url): Client {
  return createClient({ baseUrl, headers: () => ({ authorization: `Bearer ${token}` }) });
}

const anns = () => ann as Client;
const bobs = () => bob as Client;

async function textOf(reply: Reply | undefined): Promise<string> {
  let text = "";
  for await (const event of reply ?? []) if (event.type === "text-delta") text += event["delta"];
  return text;
}

const errorOf = (work: Promise<unknown>) =>
  work.then(
    () => expect.fail("it did not fail"),
    (error: unknown) => error as ApiError,
  );

it("conversations are made, changed, listed and deleted", async () => {
  const { conversations } = anns();
  const id = randomUUID();
  const made = await conversations.create({ id, title: "Bread", messages: [{ role: "user", content: "How?" }] });
  expect(made).toMatchObject({ id, title: "Bread", messageCount: 1 });
  expect(await conversations.get(id)).toEqual(made);
  expect(await conversations.rename(id, "Cake")).toMatchObject({ title: "Cake" });
  expect(await conversations.pin(id, true)).toMatchObject({ pinned: true });
  expect(await conversations.archive(id, true)).toMatchObject({ archived: true });
  expect((await conversations.list({ archived: true })).items).toMatchObject([{ id }]);
  expect((await conversations.list({ archived: false, search: "cake" })).items).toEqual([]);
  expect(await conversations.update(id, { title: "Pie", archived: false })).toMatchObject({ title: "Pie" });
  for (let more = 0; more < 4; more += 1) await conversations.create({ title: `${more}` });
  const titles: (string | null)[][] = [];
  for await (const { items } of conversations.pages({ limit: 2 })) titles.push(items.map(({ title }) => title));
  expect(titles).toEqual([["3", "2"], ["1", "0"], ["Pie"]]);
  await conversations.delete(id);
  expect(await errorOf(conversations.get(id))).toMatchObject({ code: "not_found", status: 404 });
});

it("messages are appended and read, by their order and by branches", async () => {
  const { conversations, messages } = anns();
  const { id } = await conversations.create();
  const [first, answer] = await messages.append(id, [
    { role: "user", content: "One?" },
    { role: "assistant", parts: [{ type: "text", text: "Two." }] },
  ]);
  const [other] = await messages.append(id, [{ role: "assistant", content: "Three.", parentId: first?.id ?? null }]);
  expect((await messages.list(id, { limit: 1, before: 3 })).items.map(({ content }) => content)).toEqual(["Two."]);
  expect((await messages.list(id, { after: 0 })).items).toHaveLength(3);
  await conversations.showBranch(id, answer?.id ?? "");
  const shown = await messages.branch(id);
  expect(shown.items.map(({ content }) => content)).toEqual(["One?", "Two."]);
  expect(shown.items[1]?.siblings).toEqual([answer?.id, other?.id]);
  expect((await messages.branch(id, { leafId: other?.id })).items.at(-1)?.content).toBe("Three.");
});

it("what is refused has its code, its status and its details", async () => {
  const { id } = await anns().conversations.create({ title: "Hers" });
  const stranger = clientWith("nobody's");
  expect(await errorOf(stranger.conversations.list())).toMatchObject({ code: "unauthenticated", status: 401 });
  expect(await errorOf(bobs().conversations.get(id))).toMatchObject({ code: "not_found", status: 404 });
  expect(await errorOf(bobs().messages.branch(id))).toMatchObject({ code: "not_found", status: 404 });
  const late = anns().messages.append(id, [{ role: "user", content: "?" }], { expectedSeq: 7 });
  expect(await errorOf(late)).toMatchObject({ code: "conflict", status: 409, details: { messageCount: 0 } });
  const wrong = await errorOf(anns().conversations.rename("x".repeat(256), "x"));
  expect(wrong).toBeInstanceOf(ApiError);
  expect(wrong).toMatchObject({
    code: "invalid_input",
    status: 422,
    message: expect.stringContaining("255 characters"),
  });
});

it("a server that is away, or is none, is said to be so", async () => {
  const nowhere = createClient({ baseUrl: "http://127.0.0.1:1/api" });
  expect(await errorOf(nowhere.conversations.list())).toMatchObject({ code: "unavailable", status: 0 });
  const answering = (body: string, status: number) =>
    createClient({ fetch: async () => new Response(body, { status }) }).conversations.list();
  expect(await errorOf(answering("<h1>Bad Gateway</h1>", 502))).toMatchObject({ code: "unavailable", status: 502 });
  expect(await errorOf(answering("<h1>Welcome</h1>", 200))).toMatchObject({ code: "internal", status: 200 });
  const unsure = createClient({ headers: () => Promise.reject(new Error("no token")) });
  expect(await errorOf(unsure.conversations.list())).toEqual(new Error("no token"));
});

it("whoever aborts gets the reason of it, and nothing else", async () => {
  const signal = AbortSignal.abort(new Error("enough"));
  expect(await errorOf(anns().conversations.list({ signal }))).toEqual(new Error("enough"));
  const leaving = new AbortController();
  const question = { conversationId: randomUUID(), message: { content: "Count." } };
  const reply = await anns().chat.ask(question, { signal: leaving.signal });
  const read = textOf(reply);
  leaving.abort(new Error("gone"));
  expect(await errorOf(read)).toEqual(new Error("gone"));
  // Leaving stops nothing.
  expect(await textOf(await anns().chat.follow(question.conversationId))).toBe(long.join(""));
});

it("a reply comes whole, although its connection is cut again and again", async () => {
  const conversationId = randomUUID();
  const reply = await anns().chat.ask({ conversationId, message: { content: "Count." } });
  let [text, events] = ["", 0];
  for await (const event of reply) {
    if (event.type === "text-delta") text += event["delta"];
    events += 1;
    if (events === 3 || events === 8) server.cut();
  }
  expect(text).toBe(long.join(""));
  expect(reply.lastEventId).toMatch(/^[\w-]{36}:\d+$/);
  const rest = await anns().chat.follow(conversationId, { lastEventId: reply.lastEventId?.replace(/\d+$/, "1") });
  expect(await textOf(rest)).toBe(long.join(""));
  expect(await anns().chat.follow(conversationId)).toBeUndefined();
});

it("a question that is asked again has its answer again; another one meanwhile is a conflict; a reply can be stopped", async () => {
  const question = { conversationId: randomUUID(), message: { id: randomUUID(), content: "Count." } };
  const reply = await anns().chat.ask(question);
  const other = { conversationId: question.conversationId, message: { content: "And?" } };
  expect(await errorOf(anns().chat.ask(other))).toMatchObject({ code: "conflict", status: 409 });
  const whole = await textOf(reply);
  expect(await textOf(await anns().chat.ask(question))).toBe(whole);
  expect(await textOf(await anns().chat.ask({ ...question, regenerate: true }))).toBe(whole);
  const stopped = await anns().chat.ask(other);
  await anns().chat.stop(other.conversationId);
  expect((await textOf(stopped)).length).toBeLessThan(whole.length);
  expect(await errorOf(bobs().chat.stop(other.conversationId))).toMatchObject({ code: "not_found" });
});

it("changes are heard, also after the server was away, of which the states tell", async () => {
  const [events, states]: [LiveEvent[], EventsState[]] = [[], []];
  const end = anns().events.subscribe((event) => events.push(event), { onState: (state) => states.push(state) });
  over.push(end);
  const names = () => states.map(({ name }) => name);
  await until(names, (all) => all.includes("open"));
  const before = await anns().conversations.create({ title: "Before" });
  await until(
    () => events,
    (all) => all.some((event) => event.type === "conversation" && event.conversation.id === before.id),
  );
  await server.stop();
  expect(await errorOf(anns().conversations.list())).toMatchObject({ code: "unavailable", status: 0 });
  await until(
    () => states,
    (all) => all.some((state) => state.name === "waiting" && state.error?.code === "unavailable"),
  );
  await server.start();
  await until(
    () => events,
    (all) => all.filter(({ type }) => type === "ready").length === 2,
  );
  await anns().conversations.delete(before.id);
  await until(
    () => events,
    (all) => all.some((event) => event.type === "deleted" && event.conversationId === before.id),
  );
  end();
  const heard = events.length;
  await anns().conversations.create();
  await bobs().conversations.create();
  expect(events).toHaveLength(heard);
});

it("who may not listen is told why", async () => {
  const states: EventsState[] = [];
  over.push(clientWith("nobody's").events.subscribe(() => {}, { onState: (state) => states.push(state) }));
  await until(
    () => states,
    (all) => all.some((state) => state.name === "waiting" && state.error?.status === 401),
  );
});

it("writes a conversation into a file, also by a link", async () => {
  const { conversations } = anns();
  const { id } = await conversations.create({ id: "in/a file", messages: [{ role: "user", content: "Hello?" }] });
  const markdown = await new Response(await conversations.export(id, "markdown")).text();
  expect(markdown).toMatch(/^# Hello\?\n.*\n## User · .* UTC\n\nHello\?\n$/s);
  const asked = await fetch(conversations.exportUrl(id, "json"), { headers: { authorization: `Bearer ${annsToken}` } });
  expect(await asked.json()).toMatchObject({ conversation: { id }, messages: [{ content: "Hello?" }], isWhole: true });
  const refused = bobs().conversations.export(id, "json");
  await expect(refused).rejects.toMatchObject({ code: "not_found", status: 404 });
});

it("lines are brought in, and all of it goes out", async () => {
  const report = await anns().import("oasst", "no JSON\n");
  expect(report).toMatchObject({ imported: 0, failed: 1 });
  const lines = (await new Response(await anns().export()).text()).trim().split("\n");
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({ type: "user" });
  expect(anns().url("/export")).toBe(`${server.url}/export`);
});
