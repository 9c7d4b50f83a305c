/** Following a reply from anywhere. On PGlite there is one server, elsewhere two, which hear of each other in different ways. */
import { createHash, randomUUID } from "node:crypto";
import { Chat } from "@ai-sdk/react";
import { DefaultChatTransport, type UIMessage } from "ai";
import { sql } from "drizzle-orm";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import {
  engine,
  isServer,
  openAgain,
  openTestDatabase,
  type TestDatabase,
} from "../../chatkeep/test/helpers/database.ts";
import { startDeafProxy } from "../../chatkeep/test/helpers/deaf-proxy.ts";
import { openPg } from "../../chatkeep/test/helpers/with-drizzle.ts";
import { openTestApp, type Person, personWith, type TestApp } from "./helpers/app.ts";
import { chunksIn, heldModel, heldWords, scriptedModel, textIn, words } from "./helpers/models.ts";
import { until } from "./helpers/until.ts";

const open: { close(): Promise<void> }[] = [];
let database: TestDatabase;

beforeAll(async () => {
  database = await openTestDatabase("server");
});
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
  await database.db.execute(sql`truncate "user" cascade`);
});
afterAll(() => database.close());

const long = Array.from({ length: 120 }, (_, index) => `${index} `);
const question = (text: string, id = randomUUID()) => ({ id, role: "user", parts: [{ type: "text", text }] });
const hash = (text: string) => createHash("sha256").update(text).digest("hex");
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

type Hearing = "hears" | "is deaf behind a pooler";

/** Two servers on one database, and Ann at both; on PGlite both are the same one. */
async function startTwo(
  model = scriptedModel(() => words(long, { pauseMs: 5 })),
  hearing: Hearing = "hears",
  runLeaseMs = 15_000,
) {
  const one = await openTestApp({ model, database, runLeaseMs });
  open.push(one);
  const ann = await one.signUp("ann");
  if (!isServer) return { one, two: one, ann, there: ann };
  const again = openAgain(one.database);
  const two = await openTestApp({ model, database: one.database, through: again, runLeaseMs, ...(await ears()) });
  open.push(again, two);
  return { one, two, ann, there: personWith(two.app, ann.token) };

  async function ears(): Promise<Pick<NonNullable<Parameters<typeof openTestApp>[0]>, "listen">> {
    if (hearing === "hears") return { listen: again.listen };
    const url = new URL(one.database.url ?? "");
    const proxy = await startDeafProxy(Number(url.port));
    url.port = String(proxy.port);
    const deaf = openPg({ url: url.href });
    open.push({ close: proxy.stop }, deaf);
    return { listen: deaf.listen };
  }
}

const ask = (person: Pick<Person, "request">, id: string, body: object = {}) =>
  person.request("POST", "/api/chat", { id, message: question("Count"), ...body });
const follow = (person: Pick<Person, "request">, id: string, lastEventId?: string) =>
  person.request(
    "GET",
    `/api/chat/${id}/stream`,
    undefined,
    lastEventId ? { "last-event-id": lastEventId } : undefined,
  );
/** Until some words of the reply are stored, and so are shown. */
async function isSpeaking(app: TestApp, id: string): Promise<void> {
  const stored = sql`coalesce(sum(length(chunk)), 0)::int as letters from run_chunk join run on run.id = run_id`;
  const read = async () =>
    (await app.db.execute(sql`select ${stored} where conversation_id = ${id}`)) as unknown as {
      rows: { letters: number }[];
    };
  await until(read, ({ rows }) => (rows[0]?.letters ?? 0) > 250);
}
const idsIn = (stream: string) => [...stream.matchAll(/^id: (.+)$/gm)].map(([, id]) => id ?? "");
const replyIn = async (app: TestApp, person: Person, id: string) =>
  (await app.store.forUser(person.id).messages.list(id)).items.findLast(({ role }) => role === "assistant");

describe.each(engine === "pg18" ? (["hears", "is deaf behind a pooler"] as const) : (["hears"] as const))(
  "a server that %s",
  (hearing) => {
    it("shows a reply from its beginning, from any place in it, and live, as the first client sees it", async () => {
      const { model, release } = heldModel(long);
      const { one, ann, there } = await startTwo(model, hearing);
      const id = randomUUID();
      const response = await ask(ann, id);
      const first = response.text();
      const followers = [];
      for (let index = 0; index < 5; index += 1) {
        await pause(30);
        followers.push((await follow(index % 2 ? ann : there, id)).text());
      }
      release();
      const whole = await first;
      expect(textIn(whole)).toBe(long.join(""));
      for (const text of await Promise.all(followers)) expect(text).toBe(whole);
      expect((await replyIn(one, ann, id))?.content).toBe(long.join(""));

      const ids = idsIn(whole);
      expect(ids).toEqual(ids.map((_, index) => `${ids[0]?.split(":")[0]}:${index + 1}`));
      const middle = ids[Math.floor(ids.length / 2)] ?? "";
      const rest = await (await follow(there, id, middle)).text();
      expect(rest).toBe(whole.slice(whole.indexOf(`id: ${middle}\n`)).replace(/^.+\n.+\n\n/, ""));
      expect((await follow(there, id, ids.at(-1))).status).toBe(204);
      expect((await follow(there, id)).status).toBe(204);
    });

    it("stops a reply that another one writes, and every follower sees the same end", async () => {
      const { one, two, ann, there } = await startTwo(
        scriptedModel(() => words(Array(5_000).fill("word "), { pauseMs: 5 })),
        hearing,
      );
      const id = randomUUID();
      const first = (await ask(ann, id)).text();
      const second = (await follow(there, id)).text();
      await isSpeaking(one, id);
      expect((await there.request("POST", `/api/chat/${id}/stop`)).status).toBe(204);
      const [here, elsewhere] = await Promise.all([first, second]);
      expect(elsewhere).toBe(here);
      expect(chunksIn(here).at(-1)?.type).toBe("abort");
      expect(await replyIn(two, ann, id)).toMatchObject({ status: "stopped", content: textIn(here) });
      expect(await replyIn(one, ann, id)).toMatchObject({ status: "stopped" });
      expect(textIn(here)).toMatch(/^word word /);
    });

    it("tells open pages of other servers' changes, and nobody else", async () => {
      const { one, two, ann, there } = await startTwo(
        scriptedModel(() => words(["Hi"])),
        hearing,
      );
      const bob = await one.signUp("bob");
      const hers = listenTo(await there.request("GET", "/api/events"));
      const his = listenTo(await two.app.request("/api/events", { headers: { authorization: `Bearer ${bob.token}` } }));
      await hers.until(({ type }) => type === "ready");
      await his.until(({ type }) => type === "ready");
      await pause(150);
      const { id } = await ann.call<{ id: string }>("POST", "/api/conversations", { title: "New" });
      await hers.until((event) => event.conversation?.id === id && event.conversation.title === "New");
      await ann.call("PATCH", `/api/conversations/${id}`, { title: "Other" });
      await hers.until((event) => event.conversation?.title === "Other");
      await ann.call("POST", `/api/conversations/${id}/messages`, { messages: [{ role: "user", content: "x" }] });
      await hers.until((event) => event.conversation?.messageCount === 1);
      await (await ask(ann, id)).text();
      await hers.until((event) => event.conversation?.messageCount === 3 && event.runId === null);
      await ann.call("DELETE", `/api/conversations/${id}`);
      await hers.until((event) => event.type === "deleted" && event.conversationId === id);
      await one.store.forUser(bob.id).conversations.create({ title: "His" });
      expect(his.events.filter(({ type }) => type !== "ready" && type !== "conversation")).toEqual([]);
      expect(JSON.stringify(his.events)).not.toContain(id);
      hers.leave();
      his.leave();
    });
  },
);

interface Heard {
  type: string;
  conversation?: { id: string; title: string; messageCount: number };
  conversationId?: string;
  runId?: string | null;
}

function listenTo(response: Response) {
  const events: Heard[] = [];
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let text = "";
  const reading = (async () => {
    for (;;) {
      const { done, value } = (await reader?.read().catch(() => undefined)) ?? { done: true, value: undefined };
      if (done) return;
      text += decoder.decode(value, { stream: true });
      const whole = text.lastIndexOf("\n\n") + 2;
      for (const [, json] of text.slice(0, whole).matchAll(/^data: (.+)$/gm)) events.push(JSON.parse(json ?? ""));
      text = text.slice(whole);
    }
  })();
  return {
    events,
    leave: () => void reader?.cancel(),
    ended: reading,
    until: (isWanted: (event: Heard) => boolean) =>
      until(
        () => events,
        (heard) => heard.some(isWanted),
      ),
  };
}

describe("a reply that is followed", () => {
  it.runIf(isServer)("rings for each word only while somebody follows it at another server", async () => {
    const { one, ann, there } = await startTwo(scriptedModel(() => words(Array(5_000).fill("word "), { pauseMs: 5 })));
    const rings: string[] = [];
    const listening = await database.listen?.("chatkeep", { onNotify: (text) => rings.push(text), onLost: () => {} });
    const id = randomUUID();
    const first = (await ask(ann, id)).text();
    const ringsOfReplies = () => rings.filter((text) => text.includes("runId")).length;
    const chunks = () => one.db.$count(sql`run_chunk`);
    await until(chunks, (count) => count > 4);
    expect(ringsOfReplies()).toBe(0);
    const second = (await follow(there, id)).text();
    await until(ringsOfReplies, (count) => count > 2);
    await ann.request("POST", `/api/chat/${id}/stop`);
    expect(await second).toBe(await first);
    await listening?.close();
  });

  it("is nobody else's: to another user it is exactly as absent as one that never was", async () => {
    const { model, release } = heldModel(long);
    const { one, ann } = await startTwo(model);
    const bob = await one.signUp("bob");
    const id = randomUUID();
    const response = await ask(ann, id);
    const reader = response.body?.getReader();
    const start = new TextDecoder().decode((await reader?.read())?.value);
    const eventId = idsIn(start)[0] ?? "";
    for (const place of [undefined, eventId, `${randomUUID()}:3`])
      expect((await follow(bob, id, place)).status).toBe(204);
    expect((await bob.request("POST", `/api/chat/${id}/stop`)).status).toBe(404);
    expect((await follow(ann, id, "rubbish")).status).toBe(422);
    await reader?.cancel();
    const again = await follow(ann, id);
    release();
    expect(textIn(await again.text())).toBe(long.join(""));
  });

  it("is handed on when its server dies: what it had stored stays, its followers are told, and a new question works", async () => {
    const { one, ann, there } = await startTwo(
      scriptedModel(() => words(["Back."])),
      "hears",
      1_500,
    );
    const mine = one.store.forUser(ann.id);
    const id = randomUUID();
    const draft = { id: randomUUID(), role: "assistant", status: "streaming" } as const;
    await mine.conversations.create({ id, messages: [{ role: "user", content: "Hello" }, draft] });
    const key = await mine.runs.beginDraft({ conversationId: id, messageId: draft.id, server: "dead" });
    const events = [
      { type: "start", messageId: draft.id },
      { type: "start-step" },
      { type: "text-start", id: "1" },
      { type: "text-delta", id: "1", delta: "So far" },
      { type: "text-delta", id: "1", delta: " so good" },
    ].map((event) => JSON.stringify(event));
    const chunks = [
      { seq: 3, chunk: events.slice(0, 3).join("\n") },
      { seq: 5, chunk: events.slice(3).join("\n") },
    ];
    await one.store.system.heartbeat([{ userId: ann.id, key, chunks }]);
    const followers = [follow(ann, id), follow(there, id), follow(there, id, `${key.id}:4`)];
    const texts = await Promise.all((await Promise.all(followers)).map((response) => response.text()));
    expect(textIn(texts[0] ?? "")).toBe("So far so good");
    expect(texts[1]).toBe(texts[0]);
    expect(textIn(texts[2] ?? "")).toBe(" so good");
    expect(chunksIn(texts[0] ?? "").at(-1)).toMatchObject({ type: "error", errorText: /has stopped.*try again/ });
    expect(await mine.messages.get(id, draft.id)).toMatchObject({
      status: "interrupted",
      content: "So far so good",
      parts: [{ type: "step-start" }, { type: "text", text: "So far so good", state: "done" }],
    });
    expect(await mine.runs.end(key, { status: "completed", parts: [] })).toBe(false);
    expect(textIn(await (await ask(there, id)).text())).toBe("Back.");
  });

  it("ends for its followers when its conversation is deleted, or its user", async () => {
    const { one, ann, there } = await startTwo(scriptedModel(() => words(Array(5_000).fill("word "), { pauseMs: 5 })));
    const ways: [(id: string) => Promise<unknown>, (id: string) => Promise<unknown>][] = [
      [(id) => ann.call("DELETE", `/api/conversations/${id}`), (id) => ann.call("DELETE", `/api/trash/${id}`)],
      [() => one.db.execute(sql`delete from "user" where id = ${ann.id}`), async () => {}],
    ];
    for (const [destroy, empty] of ways) {
      const id = randomUUID();
      const first = (await ask(ann, id)).text();
      const second = (await follow(there, id)).text();
      await isSpeaking(one, id);
      await destroy(id);
      for (const text of await Promise.all([first, second])) {
        expect(text).toContain("[DONE]");
        expect(textIn(text).length).toBeLessThan(5 * 5_000);
      }
      await empty(id);
      for (const table of ["conversation", "message", "run", "run_chunk"]) {
        expect([table, await one.db.$count(sql.raw(table))]).toEqual([table, 0]);
      }
    }
  });

  it("lets a further question wait for its turn, if it wants to, in the order of asking", async () => {
    const gate = Promise.withResolvers<void>();
    const model = scriptedModel(async function* (prompt) {
      await gate.promise;
      yield* words([`to ${JSON.stringify(prompt.at(-1)?.content)}`]);
    });
    const { one, ann, there } = await startTwo(model);
    const id = randomUUID();
    const asked = (text: string, person: Pick<Person, "request"> = there) =>
      ask(person, id, { message: question(text), wait: true });
    const first = await ask(ann, id, { message: question("one") });
    const refused = await ask(there, id, { message: question("never") });
    expect(refused.status).toBe(409);
    const waiting = [asked("two")];
    await pause(50);
    waiting.push(asked("three"));
    gate.resolve();
    await first.text();
    const texts = await Promise.all(waiting.map(async (response) => textIn(await (await response).text())));
    expect(texts).toEqual([expect.stringContaining("two"), expect.stringContaining("three")]);
    const { items } = await one.store.forUser(ann.id).messages.list(id);
    expect(items.filter(({ role }) => role === "user").map(({ content }) => content)).toEqual(["one", "two", "three"]);
    expect(items.map(({ status }) => status)).toEqual(Array(6).fill("complete"));
  });

  it("does not begin for a question whose asker has gone while it waited", async () => {
    const gate = Promise.withResolvers<void>();
    const model = scriptedModel(async function* () {
      await gate.promise;
      yield* words(["Done."]);
    });
    const { one, ann } = await startTwo(model);
    const id = randomUUID();
    const first = await ask(ann, id);
    const gone = new AbortController();
    const waiting = one.app.request("/api/chat", {
      method: "POST",
      headers: { authorization: `Bearer ${ann.token}`, "content-type": "application/json" },
      body: JSON.stringify({ id, message: question("Still there?"), wait: true }),
      signal: gone.signal,
    });
    await pause(100);
    gone.abort();
    expect((await waiting).status).toBe(409);
    gate.resolve();
    await first.text();
    expect((await one.store.forUser(ann.id).messages.list(id)).items).toHaveLength(2);
  });

  it("comes whole and once to twenty conversations' hundred followers on two servers", async () => {
    const gates = Array.from({ length: 20 }, () => Promise.withResolvers<void>());
    const model = scriptedModel(async function* (prompt) {
      const index = Number(JSON.stringify(prompt.at(-1)?.content).match(/chat (\d+)/)?.[1]);
      yield* heldWords(
        long.map((word) => `${index}-${word}`),
        gates[index]?.promise ?? Promise.resolve(),
      );
    });
    const { one, ann, there } = await startTwo(model);
    const texts = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        const id = randomUUID();
        const asker = index % 2 ? ann : there;
        const first = (await ask(asker, id, { message: question(`chat ${index}.`) })).text();
        const followers = await Promise.all(
          Array.from({ length: 5 }, async (_, number) => {
            await pause(number * 60);
            return await follow(number % 2 ? there : ann, id);
          }),
        );
        gates[index]?.resolve();
        const expected = long.map((word) => `${index}-${word}`).join("");
        const kept = (await first) && (await replyIn(one, ann, id))?.content;
        return { expected, texts: [await first, ...(await Promise.all(followers.map((each) => each.text())))], kept };
      }),
    );
    for (const { expected, texts: seen, kept } of texts) {
      const hashes = [...seen.map(textIn), kept ?? ""].map(hash);
      expect(new Set(hashes)).toEqual(new Set([hash(expected)]));
    }
  });
});

describe("an unmodified client of the AI SDK that resumes", () => {
  it("sees a reply whole that began in another tab, and nothing twice", async () => {
    const { model, release } = heldModel(long);
    const { one, two, ann, there } = await startTwo(model);
    const id = randomUUID();
    const tab = (app: TestApp) => {
      const transport = new DefaultChatTransport<UIMessage>({
        api: "/api/chat",
        headers: { authorization: `Bearer ${ann.token}` },
        fetch: async (input, init) => app.app.request(String(input), init as RequestInit),
      });
      return new Chat<UIMessage>({ id, transport, generateId: randomUUID });
    };
    const fresh = tab(one);
    await fresh.resumeStream();
    expect([fresh.status, fresh.messages]).toEqual(["ready", []]);

    const first = tab(one);
    const asked = first.sendMessage({ text: "Count" });
    await isSpeaking(one, id);
    const second = tab(two);
    const { items } = await there.call<{ items: (UIMessage & { content: string })[] }>(
      "GET",
      `/api/conversations/${id}/messages`,
    );
    second.messages = items.map(({ id, role, parts }) => ({ id, role, parts: parts ?? [] }));
    const resumed = second.resumeStream();
    // Its own stop only lets go of the stream: the reply goes on, and can be taken up again.
    await pause(100);
    await second.stop();
    await resumed;
    expect(second.status).toBe("ready");
    const again = second.resumeStream();
    await pause(100);
    release();
    await again;
    await asked;
    const words = (chat: Chat<UIMessage>) =>
      chat.messages.at(-1)?.parts.map((part) => (part.type === "text" ? part.text : part.type));
    expect(words(second)).toEqual(["step-start", long.join("")]);
    expect(words(first)).toEqual(words(second));
    expect(second.messages).toHaveLength(2);
    expect(second.messages.map(({ id }) => id)).toEqual([items[0]?.id, first.messages[1]?.id]);
  });
});
