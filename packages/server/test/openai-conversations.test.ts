/** /v1/conversations, as OpenAI's own client speaks it. */
import { randomUUID } from "node:crypto";
import type { UIMessage } from "ai";
import { sql } from "drizzle-orm";
import OpenAI, { APIError, BadRequestError, ConflictError, NotFoundError } from "openai";
import type { ConversationItem, ItemCreateParams } from "openai/resources/conversations/items";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openTestApp, type Person, type TestApp, testUrl } from "./helpers/app.ts";
import { heldModel, scriptedModel, words } from "./helpers/models.ts";
import { kinds } from "./helpers/openai-items.ts";
import { until } from "./helpers/until.ts";

let test: TestApp;
let ann: Person;
let bob: Person;
let client: OpenAI;
let bobs: OpenAI;

beforeAll(async () => {
  test = await openTestApp({ model: scriptedModel(() => words(["Twelve", " hours."])) });
  [ann, bob] = await Promise.all([test.signUp("ann"), test.signUp("bob")]);
  [client, bobs] = [clientOf(ann.token), clientOf(bob.token)];
});
afterAll(() => test.close());

/** `seen` gets the status of each answer, retries too. */
function clientOf(apiKey: string, seen: number[] = [], { app }: Pick<TestApp, "app"> = test): OpenAI {
  return new OpenAI({
    baseURL: `${testUrl}/v1`,
    apiKey,
    fetch: async (url, init) => {
      const response = await app.request(url as string, init);
      seen.push(response.status);
      return response;
    },
  });
}

type Given = ItemCreateParams["items"][number];

const said = (text: string, role: "user" | "assistant" = "user"): Given => ({ type: "message", role, content: text });

async function all(id: string, order: "asc" | "desc" = "asc", limit?: number): Promise<ConversationItem[]> {
  const items: ConversationItem[] = [];
  for await (const item of client.conversations.items.list(id, { order, ...(limit && { limit }) })) items.push(item);
  return items;
}

const textsOf = (items: readonly ConversationItem[]) =>
  items.map((item) =>
    item.type === "message" && "text" in (item.content[0] ?? {})
      ? (item.content[0] as { text: string }).text
      : item.type,
  );

describe("a conversation", () => {
  it("is made, read, changed and deleted", async () => {
    const made = await client.conversations.create({
      items: [said("Hello")],
      metadata: { topic: "bread" },
    });
    expect(made).toEqual({
      id: expect.stringMatching(/^conv_[0-9a-f]{32}$/),
      object: "conversation",
      created_at: expect.any(Number),
      metadata: { topic: "bread" },
    });
    expect(Math.abs(made.created_at - Date.now() / 1_000)).toBeLessThan(60);
    expect(await client.conversations.retrieve(made.id)).toEqual(made);
    expect(await client.conversations.update(made.id, { metadata: { mood: "good" } })).toEqual({
      ...made,
      metadata: { mood: "good" },
    });
    expect(await client.conversations.update(made.id, { metadata: null })).toEqual({ ...made, metadata: {} });
    expect(await client.conversations.delete(made.id)).toEqual({
      id: made.id,
      object: "conversation.deleted",
      deleted: true,
    });
    await expect(client.conversations.retrieve(made.id)).rejects.toThrow(NotFoundError);
    expect(await client.conversations.create()).toMatchObject({ object: "conversation", metadata: {} });
    expect(await client.conversations.create({ items: null, metadata: null })).toMatchObject({ metadata: {} });
  });

  it("keeps what a host has beside it", async () => {
    await ann.call("POST", "/api/conversations", { id: "hosts", metadata: { projectId: "p", tags: ["a"], n: 1 } });
    expect(await client.conversations.retrieve("hosts")).toMatchObject({ metadata: { projectId: "p" } });
    await client.conversations.update("hosts", { metadata: { projectId: "q" } });
    expect(await ann.call("GET", "/api/conversations/hosts")).toMatchObject({
      metadata: { projectId: "q", tags: ["a"], n: 1 },
    });
  });

  it("is nobody else's", async () => {
    const { id } = await client.conversations.create({ items: [{ ...said("secret"), id: "msg_abc" } as Given] });
    const { items } = bobs.conversations;
    const attempts: (() => Promise<unknown>)[] = [id, "conv_never"].flatMap((each) => [
      () => bobs.conversations.retrieve(each),
      () => bobs.conversations.update(each, { metadata: {} }),
      () => bobs.conversations.delete(each),
      () => items.list(each).then(),
      () => items.list(each, { order: "asc" }).then(),
      () => items.create(each, { items: [said("mine")] }),
      () => items.retrieve("msg_abc", { conversation_id: each }),
      () => items.delete("msg_abc", { conversation_id: each }),
    ]);
    for (const attempt of attempts) {
      const error = await attempt().catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(NotFoundError);
      expect(error).toMatchObject({ status: 404, code: "not_found", type: "invalid_request_error", param: null });
    }
    expect(textsOf(await all(id))).toEqual(["secret"]);
    const other = await bobs.conversations.create();
    await expect(client.conversations.items.retrieve("msg_abc", { conversation_id: other.id })).rejects.toThrow(
      NotFoundError,
    );
  });

  it("is refused in OpenAI's words", async () => {
    const many = Array.from({ length: 21 }, (_, index) => said(String(index)));
    const pairs = Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`k${index}`, "v"]));
    const { id } = await client.conversations.create();
    const { items } = client.conversations;
    const cases: [string | null, () => Promise<unknown>][] = [
      ["items", () => client.conversations.create({ items: many })],
      ["items", () => items.create(id, { items: many })],
      ["items", () => items.create(id, { items: [] })],
      ["items", () => items.create(id, {} as never)],
      ["items.0.type", () => items.create(id, { items: [{ type: "item_reference", id: "msg_1" }] })],
      ["items.0.content", () => items.create(id, { items: [{ type: "message", role: "user" } as never] })],
      ["items.1", () => items.create(id, { items: [said("kept?"), "text" as never] })],
      ["items.0.id", () => items.create(id, { items: [{ ...said("x"), id: "" } as never] })],
      [
        "items",
        () =>
          items.create(id, {
            items: [
              { ...said("x"), id: "a" },
              { ...said("y"), id: "a" },
            ] as never,
          }),
      ],
      ["metadata", () => client.conversations.create({ metadata: pairs })],
      ["metadata.a", () => client.conversations.create({ metadata: { a: "x".repeat(513) } })],
      ["metadata.a", () => client.conversations.update(id, { metadata: { a: 1 } as never })],
      [`metadata.${"k".repeat(65)}`, () => client.conversations.create({ metadata: { ["k".repeat(65)]: "x" } })],
      ["limit", () => items.list(id, { limit: 101 }).then()],
      ["limit", () => items.list(id, { limit: 0 }).then()],
      ["order", () => items.list(id, { order: "up" as never }).then()],
      [null, () => client.conversations.create({ item: [] } as never)],
      [null, () => items.list(id, { before: "x" } as never).then()],
    ];
    for (const [param, attempt] of cases) {
      const error = await attempt().catch((thrown: unknown) => thrown);
      expect(error, String(param)).toBeInstanceOf(BadRequestError);
      expect(error).toMatchObject({ status: 400, type: "invalid_request_error", param, code: "invalid_input" });
    }
    expect(await all(id)).toEqual([]);
    const longest = { ["k".repeat(64)]: "ü".repeat(512) };
    expect((await client.conversations.create({ metadata: longest })).metadata).toEqual(longest);
    await expect(clientOf("wrong").conversations.retrieve(id)).rejects.toMatchObject({
      status: 401,
      code: "invalid_api_key",
    });
    const broken = await ann.request("POST", "/v1/conversations", "{");
    expect([broken.status, await broken.json()]).toMatchObject([400, { error: { type: "invalid_request_error" } }]);
    const nowhere = await ann.request("GET", "/v1/conversations/a/b/c");
    expect([nowhere.status, await nowhere.json()]).toMatchObject([404, { error: { code: "not_found" } }]);
  });

  it("takes no cookie, and an API key that may", async () => {
    const { id } = await client.conversations.create();
    const login = await test.app.request("/api/auth/sign-in/email", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ email: ann.email, password: "correct horse" }),
    });
    const cookie = login.headers
      .getSetCookie()
      .map((each) => each.split(";")[0])
      .join("; ");
    expect((await test.app.request(`/api/conversations/${id}`, { headers: { cookie } })).status).toBe(200);
    expect((await test.app.request(`/v1/conversations/${id}`, { headers: { cookie } })).status).toBe(401);
    const keyOf = async (isReadOnly: boolean) =>
      (await ann.call<{ key: string }>("POST", "/api/keys", { name: "openai", isReadOnly })).key;
    const writer = clientOf(await keyOf(false));
    await writer.conversations.items.create(id, { items: [said("by key")] });
    const reader = clientOf(await keyOf(true));
    expect((await reader.conversations.items.list(id)).data).toHaveLength(1);
    await expect(reader.conversations.items.create(id, { items: [said("no")] })).rejects.toMatchObject({ status: 403 });
  });
});

describe("items", () => {
  it("of every kind come back as they were sent, one by one and in lists", async () => {
    const { id } = await client.conversations.create();
    const { items } = client.conversations;
    const kept: ConversationItem[] = [];
    for (let from = 0; from < kinds.length; from += 20) {
      const sent = kinds.slice(from, from + 20);
      const list = await items.create(id, { items: sent as never, include: ["message.output_text.logprobs"] });
      expect(list).toMatchObject({ object: "list", has_more: false, data: sent });
      expect([list.first_id, list.last_id]).toEqual([list.data[0]?.id, list.data.at(-1)?.id]);
      kept.push(...list.data);
    }
    expect(await all(id)).toEqual(kept);
    for (const item of kept) {
      expect(
        await items.retrieve(String(item.id), { conversation_id: id, include: ["reasoning.encrypted_content"] }),
      ).toEqual(item);
    }
    expect(new Set(kept.map((item) => item.id)).size).toBe(kinds.length);
    expect(kept[0]?.id).toMatch(/^msg_[0-9a-f]{32}$/);
    const again = await client.conversations.create({ items: kept.slice(0, 20) as never });
    expect(await all(again.id)).toEqual(kept.slice(0, 20));
    const shown = await ann.call<UIMessage[]>("GET", `/api/chat/${id}`);
    expect(shown.length).toBe(kinds.length);
    expect(shown[0]?.parts).toEqual([
      { type: "text", text: "ü\u0000😀" },
      expect.objectContaining({ type: "file", url: "data:image/png;base64,AAAA" }),
      expect.objectContaining({ type: "data-openai-item" }),
    ]);
  });

  it("are widened as OpenAI does", async () => {
    const { id } = await client.conversations.create({
      items: [{ role: "user", content: "Hi" }, { role: "assistant", content: "Hello" }, said("")],
    });
    expect(await all(id)).toEqual([
      {
        id: expect.stringMatching(/^msg_/),
        type: "message",
        status: "completed",
        role: "user",
        content: [{ type: "input_text", text: "Hi" }],
      },
      {
        id: expect.any(String),
        type: "message",
        status: "completed",
        role: "assistant",
        content: [{ type: "output_text", annotations: [], text: "Hello" }],
      },
      {
        id: expect.any(String),
        type: "message",
        status: "completed",
        role: "user",
        content: [{ type: "input_text", text: "" }],
      },
    ]);
    expect((await ann.call<UIMessage[]>("GET", `/api/chat/${id}`)).map(({ parts }) => parts)).toEqual([
      [{ type: "text", text: "Hi" }],
      [{ type: "text", text: "Hello" }],
      [{ type: "text", text: "" }],
    ]);
  });

  it("are paged both ways, 250 of them", async () => {
    const { id } = await client.conversations.create();
    const texts = Array.from({ length: 250 }, (_, index) => String(index));
    for (let from = 0; from < 250; from += 20) {
      await client.conversations.items.create(id, { items: texts.slice(from, from + 20).map((text) => said(text)) });
    }
    const first = await client.conversations.items.list(id);
    expect([textsOf(first.data), first.has_more]).toEqual([texts.slice(-20).reverse(), true]);
    const plain = await ann.call<object>("GET", `/v1/conversations/${id}/items`);
    expect(plain).toEqual({
      object: "list",
      data: first.data,
      first_id: first.data[0]?.id,
      last_id: first.data.at(-1)?.id,
      has_more: true,
    });
    for (const limit of [undefined, 7, 100]) {
      expect(textsOf(await all(id, "asc", limit))).toEqual(texts);
      expect(textsOf(await all(id, "desc", limit))).toEqual(texts.toReversed());
    }
    const exact = await client.conversations.items.list(id, {
      limit: 50,
      order: "asc",
      after: (await all(id))[199]?.id ?? "",
    });
    expect([textsOf(exact.data), exact.has_more]).toEqual([texts.slice(200), false]);
    await expect(client.conversations.items.list(id, { after: "msg_none" })).rejects.toThrow(NotFoundError);
    const empty = await client.conversations.create();
    expect(await client.conversations.items.list(empty.id)).toMatchObject({ data: [], has_more: false, last_id: "" });
  });

  it("are deleted for good, and paging goes on behind them", async () => {
    const { id } = await client.conversations.create({ items: ["a", "b", "c", "d"].map((text) => said(text)) });
    const [, b, c] = await all(id);
    const { items } = client.conversations;
    const answer = await items.delete(b?.id ?? "", { conversation_id: id });
    expect(answer).toMatchObject({ id, object: "conversation" });
    expect(await items.delete(b?.id ?? "", { conversation_id: id })).toEqual(answer);
    await expect(items.retrieve(b?.id ?? "", { conversation_id: id })).rejects.toThrow(NotFoundError);
    await expect(items.delete("msg_none", { conversation_id: id })).rejects.toThrow(NotFoundError);
    expect(textsOf(await all(id))).toEqual(["a", "c", "d"]);
    expect(textsOf((await items.list(id, { order: "asc", after: b?.id ?? "" })).data)).toEqual(["c", "d"]);
    await items.delete(c?.id ?? "", { conversation_id: id });
    expect(textsOf(await all(id, "desc", 1))).toEqual(["d", "a"]);
  });

  it("are stored once by ids, whoever sends them again, and twice by nobody", async () => {
    const seen: number[] = [];
    const mine = clientOf(ann.token, seen);
    const { id } = await mine.conversations.create();
    const sent = [{ ...said("once"), id: "msg_once" } as Given];
    const first = await mine.conversations.items.create(id, { items: sent });
    expect(await mine.conversations.items.create(id, { items: sent })).toEqual(first);
    seen.length = 0;
    const other = mine.conversations.items.create(id, { items: [{ ...said("other"), id: "msg_once" } as Given] });
    await expect(other).rejects.toThrow(ConflictError);
    expect(seen).toEqual([409]);
    const keyed = { headers: { "idempotency-key": randomUUID() } };
    const made = await mine.conversations.create({ items: [said("k")] }, keyed);
    expect(await mine.conversations.create({ items: [said("k")] }, keyed)).toEqual(made);
    const both = () => mine.conversations.items.create(made.id, { items: [said("l"), said("m")] }, keyed);
    const [one, two] = await Promise.all([both(), both()]);
    expect(one).toEqual(two);
    expect(textsOf(await all(made.id))).toEqual(["k", "l", "m"]);
    const writers = Array.from({ length: 20 }, (_, index) =>
      mine.conversations.items.create(id, { items: [said(`${index}a`), said(`${index}b`)] }),
    );
    await Promise.all(writers);
    const texts = textsOf(await all(id)).slice(1);
    expect(texts).toHaveLength(40);
    for (let at = 0; at < 40; at += 2) expect(texts[at + 1]).toBe(texts[at]?.replace("a", "b"));
  });

  it("too many to write in an hour, or too large, are refused", async () => {
    const large = "x".repeat(17 * 1024 * 1024);
    const { id } = await client.conversations.create();
    const error = await client.conversations.items
      .create(id, { items: [said(large)] })
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(APIError);
    expect(error).toMatchObject({ status: 413, code: "too_large", type: "invalid_request_error" });
    expect(await all(id)).toEqual([]);
    const strict = await openTestApp({ database: test.database, limits: { rowsPerHour: 3 } });
    const seen: number[] = [];
    const mine = clientOf(ann.token, seen, strict);
    await mine.conversations.items.create(id, { items: [said("a"), said("b"), said("c")] });
    await expect(mine.conversations.items.create(id, { items: [said("d")] })).rejects.toMatchObject({
      status: 429,
      code: "rate_limited",
      type: "rate_limit_error",
    });
    expect(seen).toEqual([200, 429]);
    expect(textsOf(await all(id))).toEqual(["a", "b", "c"]);
    await strict.close();
  });
});

describe("a conversation of several clients", () => {
  const ask = async (id: string, text: string, messageId: string) =>
    await (
      await ann.request("POST", "/api/chat", {
        id,
        message: { id: messageId, role: "user", parts: [{ type: "text", text }] },
      })
    ).text();

  it("has one order, and nothing lost or doubled", async () => {
    const id = randomUUID();
    await ask(id, "How long does sourdough rise?", "q1");
    expect(textsOf(await all(id))).toEqual(["How long does sourdough rise?", "Twelve hours."]);
    const [question, reply] = await all(id);
    expect(question).toMatchObject({ id: "q1", role: "user", content: [{ type: "input_text" }] });
    expect(reply).toMatchObject({
      type: "message",
      status: "completed",
      role: "assistant",
      content: [{ type: "output_text" }],
    });
    expect(await client.conversations.items.retrieve(reply?.id ?? "", { conversation_id: id })).toEqual(reply);
    await client.conversations.items.create(id, {
      items: [{ ...said("And rye?"), id: "msg_rye" } as Given, said("Less.", "assistant")],
    });
    await ask(id, "Thanks", "q3");
    const texts = ["How long does sourdough rise?", "Twelve hours.", "And rye?", "Less.", "Thanks", "Twelve hours."];
    expect(textsOf(await all(id))).toEqual(texts);
    const shown = await ann.call<UIMessage[]>("GET", `/api/chat/${id}`);
    expect(shown.map(({ parts }) => parts.flatMap((part) => (part.type === "text" ? part.text : [])).join())).toEqual(
      texts,
    );
    expect(shown[2]).toEqual({ id: "msg_rye", role: "user", parts: [{ type: "text", text: "And rye?" }] });
  });

  it("shows one message as several items, which can be paged, found and deleted", async () => {
    const id = "of/ui messages?";
    const tool = { toolCallId: "call_1", input: { city: "Wien" }, output: { t: 17 }, state: "output-available" };
    const parts = [
      { type: "step-start" },
      { type: "reasoning", text: "Let me see", state: "done" },
      { type: "text", text: "I look.", state: "done" },
      { type: "tool-weather", ...tool },
      { type: "text", text: "" },
      { type: "text", text: "17 degrees.", state: "done" },
      { type: "source-url", sourceId: "s", url: "https://example.com" },
    ];
    await ann.call("POST", "/api/conversations", {
      id,
      messages: [
        { id: "q", role: "user", content: "Weather?" },
        { id: "a:b", role: "assistant", parts },
        { id: "q2", role: "user", content: "Thanks" },
      ],
    });
    const expected = [
      ["q", "message"],
      ["a:b:2", "reasoning"],
      ["a:b:3", "message"],
      ["a:b:4", "function_call"],
      ["a:b:4:output", "function_call_output"],
      ["a:b:6", "message"],
      ["q2", "message"],
    ];
    const { items } = client.conversations;
    for (const limit of [1, 2, 3, 100]) {
      expect((await all(id, "asc", limit)).map((item) => [item.id, item.type])).toEqual(expected);
      expect((await all(id, "desc", limit)).map((item) => [item.id, item.type])).toEqual(expected.toReversed());
    }
    const inside = { conversation_id: id };
    expect(await items.retrieve("a:b:4", inside)).toEqual({
      id: "a:b:4",
      type: "function_call",
      status: "completed",
      call_id: "call_1",
      name: "weather",
      arguments: '{"city":"Wien"}',
    });
    expect(await items.retrieve("a:b:4:output", inside)).toMatchObject({ call_id: "call_1", output: '{"t":17}' });
    for (const none of ["a:b", "a:b:1", "a:b:5", "a:b:7", "a:b:8", "a:b:3:output", "a:b:0", "q:1"]) {
      await expect(items.retrieve(none, inside)).rejects.toThrow(NotFoundError);
    }
    await items.delete("a:b:3", inside);
    await items.delete("a:b:3", inside);
    await items.delete("a:b:4:output", inside);
    expect((await all(id)).map((item) => item.id)).toEqual(["q", "a:b:2", "a:b:4", "a:b:6", "q2"]);
    expect((await items.list(id, { after: "a:b:3", order: "asc" })).data[0]?.id).toBe("a:b:4");
    const [, reply] = await ann.call<UIMessage[]>("GET", `/api/chat/${encodeURIComponent(id)}`);
    expect(JSON.stringify(reply)).not.toMatch(/I look|"t":17/);
    for (const rest of ["a:b:2", "a:b:4", "a:b:6"]) await items.delete(rest, inside);
    expect((await all(id)).map((item) => item.id)).toEqual(["q", "q2"]);
  });

  it("has a reply once it is written, also one that was stopped", async () => {
    const { model, release } = heldModel(Array(20).fill("word "));
    const other = await openTestApp({ database: test.database, model });
    const id = randomUUID();
    const message = { id: "q", role: "user", parts: [{ type: "text", text: "Count" }] };
    const request = { method: "POST", body: JSON.stringify({ id, message }) };
    const headers = { authorization: `Bearer ${ann.token}`, "content-type": "application/json" };
    const asked = await other.app.request("/api/chat", { ...request, headers });
    expect(textsOf(await all(id))).toEqual(["Count"]);
    const stop = () => other.app.request(`/api/chat/${id}/stop`, { method: "POST", headers });
    await until(
      () => other.db.$count(sql`run_chunk`, sql`chunk like '%word%'`),
      (count) => count > 0,
    );
    expect((await stop()).status).toBe(204);
    await asked.text();
    const [, reply] = await until(
      () => all(id),
      (items) => items.length > 1,
    );
    expect(reply).toMatchObject({ type: "message", role: "assistant", status: "incomplete" });
    expect(await client.conversations.items.retrieve(String(reply?.id), { conversation_id: id })).toEqual(reply);
    release();
    await other.close();
  });

  it("follows the branch that is shown", async () => {
    const id = randomUUID();
    await ask(id, "First", "b1");
    await ask(id, "Second", "b2");
    await ann.call("POST", `/api/conversations/${id}/messages`, {
      messages: [{ id: "b3", role: "user", content: "Instead", parentId: (await all(id))[1]?.id?.split(":")[0] }],
    });
    for (const order of ["asc", "desc"] as const) {
      const texts = textsOf(await all(id, order, 1));
      expect(order === "asc" ? texts : texts.reverse()).toEqual(["First", "Twelve hours.", "Instead"]);
    }
  });
});
