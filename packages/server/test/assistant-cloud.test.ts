/** /v1/threads and what belongs to it, as assistant-ui's own cloud client speaks it. */
import { randomUUID } from "node:crypto";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import type { UIMessage } from "ai";
import {
  AssistantCloud,
  type CloudAPIError,
  CloudMessagePersistence,
  createFormattedPersistence,
} from "assistant-cloud";
import { aiSDKV6FormatAdapter } from "assistant-cloud/ai-sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openTestApp, type Person, personWith, type TestApp } from "./helpers/app.ts";
import { heldModel, scriptedModel, words } from "./helpers/models.ts";

let test: TestApp;
let server: ReturnType<typeof createAdaptorServer>;
let baseUrl: string;
let ann: Person;
let bob: Person;
let cloud: AssistantCloud;
let bobs: AssistantCloud;
const origin = "https://app.example.com";

beforeAll(async () => {
  test = await openTestApp({
    model: scriptedModel(() => words(["Twelve", " hours."])),
    anonymousDays: 30,
    corsOrigins: [origin],
  });
  server = createAdaptorServer({ fetch: (request: Request) => test.app.request(request) });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  [ann, bob] = await Promise.all([test.signUp("ann"), test.signUp("bob")]);
  [cloud, bobs] = [cloudOf(ann), cloudOf(bob)];
});
afterAll(async () => {
  server.close();
  await test.close();
});

function cloudOf(person: Person): AssistantCloud {
  const authToken = async () => (await person.call<{ token: string }>("GET", "/api/auth/token")).token;
  return new AssistantCloud({ baseUrl, authToken });
}

const last_message_at = new Date();
const thread = async (more: object = {}) => (await cloud.threads.create({ last_message_at, ...more })).thread_id;
const ui = (text: string, role: UIMessage["role"] = "user") => ({ role, parts: [{ type: "text", text }] });
const aui = (text: string) => ({ role: "user", content: [{ type: "text", text }], metadata: { custom: {} } });
const refusal = (status: number, code: string) => expect.objectContaining({ name: "CloudAPIError", status, code });

async function post(threadId: string, text: string, parent_id: string | null = null, more: object = {}) {
  const body = { parent_id, format: "ai-sdk/v6", content: ui(text), ...more };
  return await cloud.threads.messages.create(threadId, body);
}

async function textsIn(threadId: string, format = "ai-sdk/v6"): Promise<unknown[]> {
  const { messages } = await cloud.threads.messages.list(threadId, { format });
  return messages.reverse().map(({ content }) => (content as { parts: { text: string }[] }).parts[0]?.text);
}

describe("threads", () => {
  it("are made, read, renamed, archived and deleted", async () => {
    const id = await thread({ metadata: { mood: "good" }, external_id: "crm:42" });
    expect(await cloud.threads.get(id)).toEqual({
      id,
      title: "",
      metadata: { mood: "good" },
      external_id: "crm:42",
      is_archived: false,
      project_id: expect.any(String),
      workspace_id: ann.id,
      last_message_at: expect.any(Date),
      created_at: expect.any(Date),
      updated_at: expect.any(Date),
    });
    await cloud.threads.update(id, { title: "  Bread " });
    await cloud.threads.update(id, { is_archived: true, last_message_at: new Date() });
    await cloud.threads.update(id, { metadata: { mood: "better" } });
    expect(await cloud.threads.get(id)).toMatchObject({
      title: "Bread",
      is_archived: true,
      metadata: { mood: "better" },
      external_id: "crm:42",
    });
    expect((await cloud.threads.list({ is_archived: true })).threads.map((each) => each.id)).toContain(id);
    expect((await cloud.threads.list()).threads.map((each) => each.id)).not.toContain(id);
    await cloud.threads.update(id, { is_archived: false });
    expect((await cloud.threads.list({ is_archived: false })).threads.map((each) => each.id)).toContain(id);
    await cloud.threads.delete(id);
    await expect(cloud.threads.get(id)).rejects.toEqual(refusal(404, "not_found"));
    await expect(cloud.threads.delete(id)).rejects.toEqual(refusal(404, "not_found"));
  });

  it("keep metadata of any kind", async () => {
    for (const metadata of [null, {}, [], "a text", 7, { a: { b: [1] } }]) {
      const id = await thread({ metadata });
      expect((await cloud.threads.get(id)).metadata).toEqual(metadata);
      const named = await thread({ metadata, external_id: "x" });
      expect(await cloud.threads.get(named)).toMatchObject({ metadata, external_id: "x" });
      await cloud.threads.update(named, { metadata: { new: true } });
      await cloud.threads.update(named, { metadata });
      expect(await cloud.threads.get(named)).toMatchObject({ metadata, external_id: "x" });
    }
    await expect(thread({ metadata: { "assistant-ui:metadata": 1 } })).rejects.toEqual(refusal(400, "invalid_input"));
  });

  it("with upsert are one for one external id, also when two are made at once, or one was made without", async () => {
    const given = { external_id: "order:7", upsert: true };
    const ids = await Promise.all(Array.from({ length: 5 }, () => thread(given)));
    expect(new Set(ids).size).toBe(1);
    await cloud.threads.update(ids[0] ?? "", { title: "Order", is_archived: true });
    expect(await thread({ ...given, title: "Another" })).toBe(ids[0]);
    expect((await cloud.threads.get(ids[0] ?? "")).title).toBe("Order");
    const plain = await thread({ external_id: "order:8" });
    expect(await thread({ external_id: "order:8", upsert: true })).toBe(plain);
    expect((await bobs.threads.create({ last_message_at, ...given })).thread_id).toBe(ids[0]);
    expect((await bobs.threads.get(ids[0] ?? "")).title).toBe("");
  });

  it("come in pages, newest activity first", async () => {
    const carl = await test.signUp("carl");
    const carls = cloudOf(carl);
    const ids: string[] = [];
    for (let index = 0; index < 45; index += 1) ids.push((await carls.threads.create({ last_message_at })).thread_id);
    await carls.threads.messages.create(ids[0] ?? "", { parent_id: null, format: "ai-sdk/v6", content: ui("news") });
    const found: string[] = [];
    for (let after: string | undefined; ; ) {
      const { threads } = await carls.threads.list({ limit: 20, ...(after && { after }) });
      found.push(...threads.map((each) => each.id));
      if (threads.length < 20) break;
      after = threads.at(-1)?.id;
    }
    expect(found).toHaveLength(45);
    expect(new Set(found)).toEqual(new Set(ids));
    expect(found[0]).toBe(ids[0]);
  });
});

describe("messages", () => {
  it("come back as they came, newest first, with everything that useChat puts into them", async () => {
    const id = await thread();
    const question = {
      role: "user",
      parts: [{ type: "text", text: "Weather?" }],
      metadata: { at: 1, deep: { x: [null] } },
    };
    const answer = {
      role: "assistant",
      parts: [
        { type: "step-start" },
        { type: "reasoning", text: "Hm", state: "done", providerMetadata: { p: { id: "1" } } },
        {
          type: "tool-weather",
          toolCallId: "c1",
          state: "output-available",
          input: { city: "Ulm" },
          output: [1, null],
        },
        { type: "data-chart", id: "d", data: { points: [] } },
        { type: "text", text: "Rain 🌧\u0000", state: "done" },
        { type: "something-new", any: "thing" },
      ],
      annotations: [{ kept: "too" }],
    };
    const body = { format: "ai-sdk/v6", content: question, external_id: "q1", parent_id: null };
    const { message_id } = await cloud.threads.messages.create(id, body);
    expect(message_id).toBe("q1");
    const reply = await cloud.threads.messages.create(id, {
      format: "ai-sdk/v6",
      content: answer,
      parent_id: message_id,
    });
    expect(reply).toEqual({ message_id: expect.any(String) });
    const { messages } = await cloud.threads.messages.list(id, { format: "ai-sdk/v6", limit: 200 });
    expect(messages).toMatchObject([
      { id: reply.message_id, parent_id: "q1", height: 1, format: "ai-sdk/v6" },
      { id: "q1", parent_id: null, height: 0, external_id: "q1" },
    ]);
    expect(messages.map(({ content }) => content)).toEqual([answer, question]);
    expect(messages.every((message) => message.run === undefined)).toBe(true);
    for (const metadata of [null, {}, [], "text", 0]) {
      const content = { ...ui("with metadata"), metadata };
      const made = await cloud.threads.messages.create(id, { format: "ai-sdk/v6", content, parent_id: null });
      await cloud.threads.messages.feedback(id, made.message_id, { type: "positive" });
      const { messages } = await cloud.threads.messages.list(id, { limit: 1 });
      expect(messages[0]?.content).toEqual(content);
    }
  });

  it("of the format aui/v0 come back whole, and are read by everybody", async () => {
    const id = await thread();
    const metadata = {
      unstable_state: { s: 1 },
      unstable_annotations: [],
      unstable_data: [],
      steps: [{}],
      custom: { c: 1 },
    };
    const contents = [
      aui("Hello"),
      {
        role: "assistant",
        content: [
          { type: "reasoning", text: "Hm" },
          { type: "tool-call", toolCallId: "c", toolName: "sum", args: { a: 1 }, result: 2, artifact: { big: true } },
          { type: "source", sourceType: "url", id: "s", url: "https://example.com/", title: "Example" },
          { type: "text", text: "Two" },
          { type: "generative-ui", spec: { root: {} } },
        ],
        metadata,
        status: { type: "incomplete", reason: "cancelled" },
      },
      {
        role: "user",
        content: [
          { type: "text", text: "Look" },
          { type: "image", image: "data:image/png;base64,AA==" },
        ],
        metadata: { custom: {} },
        attachments: [
          {
            id: "a",
            type: "file",
            name: "a.pdf",
            status: { type: "complete" },
            content: [{ type: "file", data: "AA==", mimeType: "application/pdf" }],
          },
        ],
      },
    ];
    let parent: string | null = null;
    for (const content of contents) {
      parent = (await cloud.threads.messages.create(id, { format: "aui/v0", content, parent_id: parent })).message_id;
    }
    const { messages } = await cloud.threads.messages.list(id, { format: "aui/v0" });
    expect(messages.reverse().map(({ content }) => content)).toEqual(contents);
    const seen = await ann.call<UIMessage[]>("GET", `/api/chat/${id}`);
    expect(
      seen.map(({ role, parts }) => [
        role,
        ...parts.map(({ type }) => type).filter((type) => type !== "data-assistant-ui"),
      ]),
    ).toEqual([
      ["user", "text"],
      ["assistant", "reasoning", "tool-sum", "source-url", "text"],
      ["user", "text", "file", "file"],
    ]);
    // The same in the format of useChat, without what is only ours.
    const asUi = (await cloud.threads.messages.list(id, { format: "ai-sdk/v6" })).messages;
    expect(asUi).toHaveLength(3);
    expect(JSON.stringify(asUi)).not.toContain("data-assistant-ui");
    const stored = await ann.call<{ items: { status: string; content: string }[] }>(
      "GET",
      `/api/conversations/${id}/messages`,
    );
    expect(stored.items.map(({ status }) => status)).toEqual(["complete", "stopped", "complete"]);
    expect((await cloud.threads.get(id)).title).toBe("Hello");
    // Changed elsewhere, it is what it was changed to.
    const [first] = await test.store
      .forUser(ann.id)
      .messages.list(id, { limit: 3 })
      .then(({ items }) => items);
    const parts = (first?.parts ?? []).map((part) => (part.type === "text" ? { ...part, text: "Changed" } : part));
    await test.store.forUser(ann.id).messages.update(id, first?.id ?? "", { parts }, { revision: 1 });
    const changed = (await cloud.threads.messages.list(id, { format: "aui/v0" })).messages.at(-1);
    expect(changed?.content).toMatchObject({ content: [{ type: "text", text: "Changed" }] });
  });

  it("of a chat that useChat wrote are read in assistant-ui's format too", async () => {
    const id = randomUUID();
    const message = { id: "q", role: "user", parts: [{ type: "text", text: "How long?" }] };
    await (await ann.request("POST", "/api/chat", { id, message })).text();
    for (const format of ["aui/v0", "ai-sdk/v6"]) {
      const { messages } = await cloud.threads.messages.list(id, { format });
      expect(messages.map((each) => [each.format, each.content["role"]])).toEqual([
        [format, "assistant"],
        [format, "user"],
      ]);
      expect(JSON.stringify(messages[0]?.content)).toContain("Twelve hours.");
    }
  });

  it("of formats that nobody knows come back whole, and only where they are asked for", async () => {
    const id = await thread();
    const content = { type: "human", content: "Hello from LangGraph", additional_kwargs: {} };
    const { message_id } = await cloud.threads.messages.create(id, {
      parent_id: null,
      format: "langgraph/v1",
      content,
    });
    await post(id, "beside", message_id);
    expect((await cloud.threads.messages.list(id)).messages.map(({ format }) => format)).toEqual([
      "ai-sdk/v6",
      "langgraph/v1",
    ]);
    expect((await cloud.threads.messages.list(id, { format: "langgraph/v1" })).messages).toMatchObject([{ content }]);
    expect(await textsIn(id)).toEqual(["Hello from LangGraph", "beside"]);
    await cloud.threads.messages.update(id, message_id, { content: { ...content, content: "Changed" } });
    expect(await textsIn(id)).toEqual(["Changed", "beside"]);
  });

  it("that are posted again are one, and say what was posted last", async () => {
    const id = await thread();
    const both = await Promise.all([
      post(id, "once", null, { external_id: "e" }),
      post(id, "once", null, { external_id: "e" }),
    ]);
    expect(both).toEqual([{ message_id: "e" }, { message_id: "e" }]);
    await post(id, "child", null, { external_id: "f", parent_external_id: "e" });
    expect(await post(id, "twice", null, { external_id: "e" })).toEqual({ message_id: "e" });
    const { messages } = await cloud.threads.messages.list(id);
    expect(messages.map((each) => [each.id, each.parent_id])).toEqual([
      ["f", "e"],
      ["e", null],
    ]);
    expect(await textsIn(id)).toEqual(["twice", "child"]);
    // Another thread, and another user, may have the same.
    const other = await thread();
    expect(await post(other, "mine", null, { external_id: "e" })).toEqual({ message_id: "e" });
    const assistant = { parent_id: null, format: "ai-sdk/v6", content: ui("no", "assistant"), external_id: "e" };
    await expect(cloud.threads.messages.create(id, assistant)).rejects.toEqual(refusal(409, "conflict"));
  });

  it("are changed, deleted for good, and passed over as parents then", async () => {
    const id = await thread();
    const a = (await post(id, "a")).message_id;
    const b = (await post(id, "b", a)).message_id;
    const c = (await post(id, "c", b)).message_id;
    await cloud.threads.messages.update(id, c, { content: ui("c, changed") });
    await cloud.threads.messages.delete(id, [b]);
    await cloud.threads.messages.delete(id, [b, "never there"]);
    const { messages } = await cloud.threads.messages.list(id);
    expect(messages.map((each) => [each.id, each.parent_id])).toEqual([
      [c, a],
      [a, null],
    ]);
    expect(await textsIn(id)).toEqual(["a", "c, changed"]);
    expect((await cloud.threads.messages.list(id, { after: b })).messages.map((each) => each.id)).toEqual([a]);
    await expect(cloud.threads.messages.update(id, b, { content: ui("b") })).rejects.toEqual(refusal(409, "conflict"));
    await expect(cloud.threads.messages.update(id, "none", { content: ui("b") })).rejects.toEqual(
      refusal(404, "not_found"),
    );
    const child = await post(id, "under what was deleted", b);
    expect((await cloud.threads.messages.list(id, { limit: 1 })).messages).toMatchObject([
      { id: child.message_id, parent_id: a },
    ]);
  });

  it("of a thread of 300 come in pages of 200, with all branches", async () => {
    const persistence = new CloudMessagePersistence(cloud);
    const formatted = createFormattedPersistence(persistence, aiSDKV6FormatAdapter);
    const id = await thread();
    const user = test.store.forUser(ann.id);
    const made = Array.from({ length: 300 }, (_, index) => ({
      id: `m${index}`,
      role: index % 2 === 0 ? ("user" as const) : ("assistant" as const),
      content: `message ${index}`,
      ...(index % 50 === 1 && { parentId: `m${index - 1}` }),
    }));
    for (let start = 0; start < 300; start += 100) await user.messages.append(id, made.slice(start, start + 100));
    await user.messages.append(id, [{ id: "branch", role: "assistant", content: "else", parentId: "m10" }]);
    const { messages } = await formatted.load(id);
    expect(messages.map(({ message }) => message.id)).toEqual([...made.map((each) => each.id), "branch"]);
    expect(messages.at(-1)?.parentId).toBe("m10");
    expect(messages.slice(1, 300).every(({ parentId }, index) => parentId === `m${index}`)).toBe(true);
    expect(formatted.isPersisted("m299")).toBe(true);
  });

  it("of two tabs that write at once are all kept", async () => {
    const id = await thread();
    const tabs = [cloudOf(ann), cloudOf(ann)].map((each) => new CloudMessagePersistence(each));
    await Promise.all(
      tabs.flatMap((tab, number) =>
        Array.from({ length: 10 }, (_, index) =>
          tab.append(
            id,
            `${number}-${index}`,
            index === 0 ? null : `${number}-${index - 1}`,
            "ai-sdk/v6",
            ui(`${number}-${index}`),
          ),
        ),
      ),
    );
    const { messages } = await cloud.threads.messages.list(id);
    expect(messages).toHaveLength(20);
    for (const { id, parent_id } of messages) {
      const [tab, index] = id.split("-").map(Number);
      expect(parent_id).toBe(index === 0 ? null : `${tab}-${Number(index) - 1}`);
    }
  });

  it("keep what people think of them", async () => {
    const id = await thread();
    const { message_id } = await post(id, "rate me");
    const rated = await cloud.threads.messages.feedback(id, message_id, { type: "negative", comment: " too short " });
    expect(rated).toEqual({ feedback_id: expect.any(String), type: "negative", comment: "too short" });
    const score = { name: "helpful", data_type: "boolean", value: true, thread_id: id, message_id } as const;
    expect(await cloud.scores.create(score)).toMatchObject({ name: "helpful", value: 1, string_value: null });
    const { metadata, revision } = await test.store.forUser(ann.id).messages.get(id, message_id);
    expect(metadata).toMatchObject({
      "assistant-ui": { feedback: { type: "negative", comment: "too short" }, scores: { helpful: { value: true } } },
    });
    expect(revision).toBe(3);
    await cloud.threads.messages.update(id, message_id, { content: ui("changed") });
    const { metadata: after } = await test.store.forUser(ann.id).messages.get(id, message_id);
    expect(after).toMatchObject({ "assistant-ui": { feedback: { type: "negative" } } });
    expect((await cloud.threads.messages.list(id)).messages[0]?.content).toEqual(ui("changed"));
    await expect(cloud.scores.create({ name: "x", data_type: "numeric", value: 1 })).rejects.toEqual(
      refusal(400, "invalid_input"),
    );
  });
});

describe("runs", () => {
  const open = async (id: string, text: string, external_id: string) =>
    await cloud.threads.messages.create(id, {
      parent_id: null,
      format: "ai-sdk/v6",
      content: ui(text, "assistant"),
      external_id,
      open_run: true,
    });

  it("write their message until they have ended, and nobody else does", async () => {
    const id = await thread();
    const made = await open(id, "Tw", "r");
    const lease = made.run?.lease_id ?? "";
    expect(made).toEqual({ message_id: "r", run: { lease_id: expect.any(String), heartbeat_interval_ms: 10_000 } });
    // The answer was lost, and asked for again.
    expect((await open(id, "Tw", "r")).run?.lease_id).toBe(lease);
    const listed = async () => (await cloud.threads.messages.list(id)).messages[0];
    expect((await listed())?.run).toEqual({ status: "running", last_heartbeat_ms_ago: expect.any(Number) });
    expect((await listed())?.run?.last_heartbeat_ms_ago).toBeLessThan(5_000);
    expect(await cloud.threads.runs.heartbeat(id, lease)).toEqual({ heartbeat_interval_ms: 10_000 });
    await cloud.threads.messages.update(id, "r", { content: ui("Twelve", "assistant"), lease_id: lease });
    const others = cloud.threads.messages.update(id, "r", { content: ui("mine", "assistant") });
    await expect(others).rejects.toEqual(refusal(409, "lease_mismatch"));
    await expect(open(id, "mine", "r")).rejects.toEqual(refusal(409, "lease_mismatch"));
    const stolen = cloud.threads.messages.update(id, "r", { content: ui("mine", "assistant"), lease_id: "another" });
    await expect(stolen).rejects.toEqual(refusal(409, "lease_mismatch"));
    const status = async () => (await test.store.forUser(ann.id).messages.get(id, "r")).status;
    expect(await status()).toBe("interrupted");
    await cloud.threads.runs.end(id, lease, { reason: "cancelled" });
    await cloud.threads.runs.end(id, lease, { reason: "done" });
    expect(await status()).toBe("stopped");
    await expect(cloud.threads.runs.heartbeat(id, lease)).rejects.toEqual(refusal(409, "run_ended"));
    const late = cloud.threads.messages.update(id, "r", { content: ui("late", "assistant"), lease_id: lease });
    await expect(late).rejects.toEqual(refusal(409, "run_ended"));
    expect((await listed())?.run?.status).toBe("ended");
    expect((await listed())?.content).toEqual(ui("Twelve", "assistant"));
    await cloud.threads.messages.update(id, "r", { content: ui("a plain write", "assistant") });
    const again = await open(id, "resumed", "r");
    expect(again.run?.lease_id).not.toBe(lease);
    for (const unknown of ["none", `${Buffer.from("r").toString("base64url")}.x`]) {
      const beat = cloud.threads.runs.heartbeat(id, unknown);
      await expect(beat).rejects.toSatisfy((error: CloudAPIError) => error.status === 404 || error.status === 409);
    }
    await expect(bobs.threads.runs.heartbeat(id, again.run?.lease_id ?? "")).rejects.toEqual(refusal(404, "not_found"));
    await expect(bobs.threads.runs.end(id, again.run?.lease_id ?? "")).rejects.toEqual(refusal(404, "not_found"));
  });

  it("that are silent for long keep nobody from their message", async () => {
    const id = await thread();
    const { run } = await open(id, "Tw", "r");
    await test.db.execute(
      `update message set updated_at = now() - interval '31 seconds', created_at = now() - interval '1 minute' where external_id = 'r'`,
    );
    const { messages } = await cloud.threads.messages.list(id);
    expect(messages[0]?.run?.status).toBe("running");
    expect(messages[0]?.run?.last_heartbeat_ms_ago).toBeGreaterThan(30_000);
    await cloud.threads.messages.update(id, "r", { content: ui("taken over", "assistant") });
    const late = cloud.threads.messages.update(id, "r", {
      content: ui("late", "assistant"),
      lease_id: run?.lease_id ?? "",
    });
    await expect(late).rejects.toEqual(refusal(409, "run_ended"));
  });

  it("are kept by the client's own persistence, to the end", async () => {
    const id = await thread();
    const persistence = new CloudMessagePersistence(cloud);
    await persistence.append(id, "q", null, "ai-sdk/v6", ui("How long?"));
    await persistence.append(id, "a", "q", "ai-sdk/v6", ui("Tw", "assistant"), "running");
    expect(persistence.hasOpenRun("a")).toBe(true);
    await persistence.update(id, "a", "ai-sdk/v6", ui("Twelve", "assistant"), "running");
    await persistence.update(id, "a", "ai-sdk/v6", ui("Twelve hours.", "assistant"), "done");
    expect(persistence.hasOpenRun("a")).toBe(false);
    const { status, content } = await test.store.forUser(ann.id).messages.get(id, "a");
    expect({ status, content }).toEqual({ status: "complete", content: "Twelve hours." });
    await persistence.delete(id, ["a"]);
    expect(await textsIn(id)).toEqual(["How long?"]);
  });

  it("of the server's own replies are shown as running, and stay the server's", async () => {
    const held = heldModel(Array.from({ length: 12 }, (_, index) => `w${index} `));
    const other = await openTestApp({ model: held.model });
    try {
      const eve = await other.signUp("eve");
      const id = randomUUID();
      const message = { id: "q", role: "user", parts: [{ type: "text", text: "Speak" }] };
      const answered = await eve.request("POST", "/api/chat", { id, message });
      const list = async () =>
        (
          await eve.call<{ messages: { id: string; run?: object; content: object }[] }>(
            "GET",
            `/v1/threads/${id}/messages`,
          )
        ).messages;
      const [reply] = await list();
      expect(reply?.run).toMatchObject({ status: "running" });
      const body = { parent_id: "q", format: "ai-sdk/v6", content: ui("w0", "assistant"), external_id: reply?.id };
      const opened = await eve.call("POST", `/v1/threads/${id}/messages`, { ...body, open_run: true });
      expect(opened).toEqual({ message_id: reply?.id });
      // What the client has heard it says at once, before the reply has ended.
      const whole = Array.from({ length: 12 }, (_, index) => `w${index} `).join("");
      const late = eve.call("POST", `/v1/threads/${id}/messages`, {
        ...body,
        content: { role: "assistant", parts: [{ type: "step-start" }, { type: "text", text: whole, state: "done" }] },
      });
      held.release();
      await answered.text();
      expect(await late).toEqual({ message_id: reply?.id });
      const stored = await other.store.forUser(eve.id).messages.get(id, reply?.id ?? "");
      expect(stored).toMatchObject({
        status: "complete",
        finishReason: "stop",
        content: whole,
        revision: expect.any(Number),
      });
      expect(await list()).toHaveLength(2);
    } finally {
      held.release();
      await other.close();
    }
  });
});

describe("titles, reports and events", () => {
  const titled = async (id: string) => {
    const messages = [{ role: "user", content: [{ type: "text", text: "How long does bread rise?" }] }];
    const stream = await cloud.runs.stream({ thread_id: id, assistant_id: "system/thread_title", messages });
    let title = "";
    for await (const chunk of stream as unknown as AsyncIterable<{ type: string; textDelta: string }>) {
      if (chunk.type === "text-delta") title += chunk.textDelta;
    }
    return title;
  };

  it("a title is the first question, or what somebody has chosen", async () => {
    const empty = await thread();
    expect(await titled(empty)).toBe("How long does bread rise?");
    expect((await cloud.threads.get(empty)).title).toBe("How long does bread rise?");
    const named = await thread({ title: "Bread" });
    expect(await titled(named)).toBe("Bread");
    await expect(titled("none")).rejects.toEqual(refusal(404, "not_found"));
  });

  it("reports and events are accepted", async () => {
    const report = { thread_id: "t", status: "completed", total_steps: 1 } as const;
    expect(await cloud.runs.report(report)).toEqual({ run_id: expect.any(String) });
    expect((await ann.request("POST", "/v1/events", { events: [{ kind: "message_sent" }] })).status).toBe(204);
  });
});

describe("people without an account", () => {
  it("begin, come again, and take their threads along", async () => {
    const guest = new AssistantCloud({ baseUrl, anonymous: true });
    const { thread_id } = await guest.threads.create({ last_message_at });
    await guest.threads.messages.create(thread_id, {
      parent_id: null,
      format: "ai-sdk/v6",
      content: ui("a guest's"),
      external_id: "g",
    });
    const call = async (path: string, body: object = {}, token?: string) => {
      const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
      return await fetch(`${baseUrl}/v1${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    };
    type Pair = { access_token: string; refresh_token: { token: string; expires_at: string } };
    const pair = (await (await call("/auth/tokens/anonymous")).json()) as Pair;
    expect(Date.parse(pair.refresh_token.expires_at)).toBeGreaterThan(Date.now());
    const mine = personWith(test.app, pair.access_token);
    const { thread_id: own } = await mine.call<{ thread_id: string }>("POST", "/v1/threads", { title: "Taken along" });
    const renewed = (await (
      await call("/auth/tokens/refresh", { refresh_token: pair.refresh_token.token })
    ).json()) as Pair;
    const again = personWith(test.app, renewed.access_token);
    expect(await again.call("GET", `/v1/threads/${own}`)).toMatchObject({ thread: { title: "Taken along" } });
    expect((await call("/auth/tokens/refresh", { refresh_token: "wrong" })).status).toBe(401);
    await expect(cloud.threads.get(own)).rejects.toEqual(refusal(404, "not_found"));
    const refresh_token = renewed.refresh_token.token;
    expect(await cloud.threads.claim({ refresh_token })).toEqual({ moved: 1 });
    expect(await cloud.threads.get(own)).toMatchObject({ title: "Taken along" });
    expect(await cloud.threads.claim({ refresh_token })).toEqual({ moved: 0 });
    await expect(cloud.threads.claim({ refresh_token: "wrong" })).rejects.toEqual(refusal(401, "unauthenticated"));
    const statuses: number[] = [];
    for (let index = 0; index < 20; index += 1) statuses.push((await call("/auth/tokens/anonymous")).status);
    expect(new Set(statuses)).toEqual(new Set([200, 429]));
  });

  it("are refused where they are off, with a sentence", async () => {
    const other = await openTestApp({ database: test.database });
    for (const path of ["anonymous", "refresh"]) {
      const response = await other.app.request(`/v1/auth/tokens/${path}`, { method: "POST" });
      expect([response.status, await response.json()]).toEqual([
        403,
        { error: "forbidden", message: expect.stringContaining("sign in") },
      ]);
    }
    await other.close();
  });
});

describe("whose it is", () => {
  it("nobody reaches another's threads", async () => {
    const id = await thread({ title: "Ann's" });
    const { message_id } = await post(id, "secret", null, { external_id: "secret" });
    const gone = refusal(404, "not_found");
    for (const target of [id, randomUUID(), "no such thing"]) {
      await expect(bobs.threads.get(target)).rejects.toEqual(gone);
      await expect(bobs.threads.update(target, { title: "mine" })).rejects.toEqual(gone);
      await expect(bobs.threads.update(target, { last_message_at })).rejects.toEqual(gone);
      await expect(bobs.threads.delete(target)).rejects.toEqual(gone);
      await expect(bobs.threads.messages.list(target)).rejects.toEqual(gone);
      await expect(bobs.threads.messages.update(target, message_id, { content: ui("x") })).rejects.toEqual(gone);
      await expect(bobs.threads.messages.delete(target, [message_id])).rejects.toEqual(gone);
      await expect(bobs.threads.messages.feedback(target, message_id, { type: "positive" })).rejects.toEqual(gone);
      await expect(
        bobs.threads.messages.create(target, { parent_id: null, format: "ai-sdk/v6", content: ui("x") }),
      ).rejects.toEqual(gone);
    }
    expect((await bobs.threads.list({ after: id })).threads.map((each) => each.id)).not.toContain(id);
    expect((await cloud.threads.get(id)).title).toBe("Ann's");
    expect(await textsIn(id)).toEqual(["secret"]);
  });

  it("a cookie is no token, and a key is its own user's", async () => {
    expect((await test.app.request("/v1/threads")).status).toBe(401);
    const cookie = `ck.session_token=${ann.token}`;
    expect((await test.app.request("/v1/threads", { headers: { cookie } })).status).toBe(401);
    const { key } = await ann.call<{ key: string }>("POST", "/api/keys", { name: "assistant-ui" });
    const mine = new AssistantCloud({ baseUrl, apiKey: key, userId: ann.id, workspaceId: "w" });
    expect((await mine.threads.list()).threads.length).toBeGreaterThan(0);
    const others = new AssistantCloud({ baseUrl, apiKey: key, userId: bob.id, workspaceId: "w" });
    await expect(others.threads.list()).rejects.toEqual(refusal(403, "forbidden"));
    await expect(mine.auth.tokens.create()).rejects.toEqual(refusal(403, "forbidden"));
  });

  it("pages of origins that are allowed may ask /v1, and nothing else", async () => {
    const preflight = async (path: string, from: string) =>
      (
        await test.app.request(path, {
          method: "OPTIONS",
          headers: {
            origin: from,
            "access-control-request-method": "PUT",
            "access-control-request-headers": "authorization,aui-sdk,content-type",
          },
        })
      ).headers;
    const allowed = await preflight("/v1/threads/x", origin);
    expect(allowed.get("access-control-allow-origin")).toBe(origin);
    expect(allowed.get("access-control-allow-headers")).toBe("authorization,aui-sdk,content-type");
    expect(allowed.get("access-control-allow-credentials")).toBeNull();
    expect((await preflight("/v1/threads/x", "https://evil.example")).get("access-control-allow-origin")).toBeNull();
    expect((await preflight("/api/conversations", origin)).get("access-control-allow-origin")).toBeNull();
    const made = await ann.request("POST", "/v1/threads", {}, { origin });
    expect([made.status, made.headers.get("access-control-allow-origin")]).toEqual([200, origin]);
    expect((await ann.request("POST", "/v1/threads", {}, { origin: "https://evil.example" })).status).toBe(403);
    expect((await ann.request("POST", "/api/conversations", {}, { origin })).status).toBe(403);
  });
});

it("what is wrong is refused by name, and nothing is stored", async () => {
  const id = await thread();
  const wrong: [object, string][] = [
    [{ format: "ai-sdk/v6", content: ui("x") }, "parent_id"],
    [{ parent_id: null, format: "ai-sdk/v6", content: { parts: [] } }, "content.role"],
    [{ parent_id: null, format: "ai-sdk/v6", content: { role: "user", parts: "text" } }, "content.parts"],
    [{ parent_id: null, format: "ai-sdk/v6", content: { role: "user", parts: [] } }, "empty"],
    [
      { parent_id: null, format: "ai-sdk/v6", content: { role: "user", parts: [{ type: "data-assistant-ui" }] } },
      "data-assistant-ui",
    ],
    [
      { parent_id: null, format: "ai-sdk/v6", content: { ...ui("x"), metadata: { "assistant-ui": 1 } } },
      "assistant-ui",
    ],
    [{ parent_id: null, format: "aui/v0", content: { role: "user", content: "text" } }, "content.content"],
    [{ parent_id: null, format: "ai-sdk/v6", content: [] }, "content"],
    [{ parent_id: null, format: "", content: {} }, "format"],
    [{ parent_id: "not there", format: "ai-sdk/v6", content: ui("x") }, "not there"],
    [{ parent_id: null, format: "ai-sdk/v6", content: ui("x"), externalId: "e" }, "external_id"],
    [{ parent_id: null, format: "ai-sdk/v6", content: ui("x"), lease_id: "e" }, "external_id"],
    [{ parent_id: null, format: "ai-sdk/v6", content: ui("x"), external_id: "x".repeat(256) }, "external_id"],
  ];
  for (const [body, name] of wrong) {
    const response = await ann.request("POST", `/v1/threads/${id}/messages`, body);
    const answer = (await response.json()) as { error: string; message: string };
    expect([response.status, answer.error], JSON.stringify(body).slice(0, 200)).toEqual([400, "invalid_input"]);
    expect(answer.message).toContain(name);
  }
  for (const query of ["limit=0", "limit=201", "limit=x", "other=1", "format="]) {
    expect((await ann.request("GET", `/v1/threads/${id}/messages?${query}`)).status, query).toBe(400);
  }
  expect((await ann.request("GET", `/v1/threads/${id}/messages?after=nothing`)).status).toBe(404);
  expect((await ann.request("GET", "/v1/threads?is_archived=maybe")).status).toBe(400);
  expect((await ann.request("PUT", `/v1/threads/${id}`, { title: "" })).status).toBe(400);
  expect((await ann.request("PUT", `/v1/threads/${id}`, { title: "x".repeat(201) })).status).toBe(400);
  expect((await ann.request("POST", `/v1/threads/${id}/messages`, "{")).status).toBe(400);
  expect((await ann.request("GET", "/v1/threads/a/b/c")).status).toBe(404);
  expect((await cloud.threads.messages.list(id)).messages).toEqual([]);
  expect((await cloud.threads.get(id)).title).toBe("");
});
