import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openTestApp, type Person, send, type TestApp } from "./helpers/app.ts";

let test: TestApp;
let ann: Person;
let bob: Person;

beforeAll(async () => {
  test = await openTestApp();
  [ann, bob] = await Promise.all([test.signUp("ann"), test.signUp("bob")]);
});
afterAll(() => test.close());

interface Listed {
  items: Record<string, unknown>[];
  nextCursor: string | null;
}
const hello = { role: "user", content: "Hello" };
const never = "0a1b2c3d-0000-4000-8000-000000000000";

describe("conversations", () => {
  it("are created, read, renamed, listed and deleted", async () => {
    const made = await ann.request("POST", "/api/conversations", { title: "Bread", messages: [hello] });
    expect(made.status).toBe(201);
    const conversation = (await made.json()) as { id: string };
    expect(conversation).toEqual({
      metadata: null,
      model: null,
      instructions: null,
      id: expect.any(String),
      title: "Bread",
      titleBy: "person",
      messageCount: 1,
      headId: expect.any(String),
      pinned: false,
      archived: false,
      createdAt: expect.stringMatching(/Z$/),
      updatedAt: expect.stringMatching(/Z$/),
      expiresAt: null,
    });
    const path = `/api/conversations/${conversation.id}`;
    expect(await ann.call("GET", path)).toEqual(conversation);
    expect(await ann.call("PATCH", path, { title: "Cake" })).toMatchObject({ title: "Cake" });
    expect((await ann.call<Listed>("GET", "/api/conversations")).items[0]).toMatchObject({ title: "Cake" });
    expect(await ann.call("PATCH", path, { pinned: true, archived: true, title: "Rye" })).toMatchObject({
      pinned: true,
      archived: true,
      title: "Rye",
    });
    expect((await ann.call<Listed>("GET", "/api/conversations")).items).toEqual([]);
    for (const query of ["archived=true", "pinned=true&archived=true", "search=rY"]) {
      expect((await ann.call<Listed>("GET", `/api/conversations?${query}`)).items).toHaveLength(1);
    }
    expect((await ann.request("GET", "/api/conversations?pinned=perhaps")).status).toBe(422);
    expect((await ann.request("PATCH", path, {})).status).toBe(422);
    const untouched = await ann.request("PATCH", path, { title: "Never", headId: randomUUID() });
    expect(untouched.status).toBe(404);
    expect(await ann.call("GET", path)).toMatchObject({ title: "Rye" });
    expect((await ann.request("DELETE", path)).status).toBe(204);
    expect((await ann.request("GET", path)).status).toBe(404);
  });

  it("are paged with a cursor", async () => {
    for (let number = 0; number < 5; number += 1) await bob.call("POST", "/api/conversations", {});
    const first = await bob.call<Listed>("GET", "/api/conversations?limit=3");
    const second = await bob.call<Listed>("GET", `/api/conversations?limit=3&cursor=${first.nextCursor}`);
    expect([first.items.length, second.items.length, second.nextCursor]).toEqual([3, 2, null]);
  });
});

describe("messages", () => {
  it("are appended all or none, and answered as the first time when sent again", async () => {
    const { id } = await ann.call<{ id: string }>("POST", "/api/conversations", {});
    const path = `/api/conversations/${id}/messages`;
    const body = {
      messages: [
        { id: randomUUID(), ...hello },
        { ...hello, role: "assistant", id: randomUUID() },
      ],
      expectedSeq: 0,
    };
    const first = await ann.request("POST", path, body);
    expect(first.status).toBe(201);
    const { items } = (await first.json()) as Listed;
    expect(items[1]).toEqual({
      metadata: null,
      revision: 1,
      updatedAt: null,
      id: body.messages[1]?.id,
      conversationId: id,
      role: "assistant",
      content: "Hello",
      parts: null,
      seq: 2,
      parentId: body.messages[0]?.id,
      status: "complete",
      createdAt: expect.any(String),
      finishReason: null,
    });
    expect(await ann.call("POST", path, body)).toEqual({ items });
    const behind = await ann.request("POST", path, { messages: [hello], expectedSeq: 0 });
    expect(behind.status).toBe(409);
    expect(await behind.json()).toMatchObject({ error: { code: "conflict", details: { messageCount: 2 } } });
    expect(await ann.call("GET", path)).toEqual({ items, nextCursor: null });
    expect(await ann.call("GET", `${path}?before=2`)).toMatchObject({ items: [{ seq: 1 }] });
    expect(await ann.call("GET", `${path}?after=1&limit=1`)).toMatchObject({ items: [{ seq: 2 }], nextCursor: null });
    const branch = items.map((item) => ({ ...item, siblings: [(item as { id: string }).id], model: null }));
    expect(await ann.call("GET", `/api/conversations/${id}/branch`)).toEqual({ items: branch, nextCursor: null });
  });

  it("cannot be given a status, or the mark of a run, from outside", async () => {
    const { id } = await ann.call<{ id: string }>("POST", "/api/conversations", {});
    const path = `/api/conversations/${id}/messages`;
    for (const key of ["status", "finishReason", "finish_reason", "revision", "createdAt", "seq"]) {
      const sent = ann.call("POST", path, { messages: [{ ...hello, role: "assistant", [key]: "stop" }] });
      await expect(sent).rejects.toThrow(new RegExp(`422.*invalid_input.*${key}`));
    }
    const { items } = await ann.call<Listed>("POST", path, { messages: [{ ...hello, role: "assistant" }] });
    expect(items[0]).toMatchObject({ status: "complete", finishReason: null });
  });
});

describe("tasks", () => {
  it("are added, read, changed, listed and deleted", async () => {
    const task = await ann.call<{ id: string }>("POST", "/api/tasks", { title: "buy milk" });
    const path = `/api/tasks/${task.id}`;
    expect(await ann.call("PATCH", path, { completed: true, description: "oat" })).toMatchObject({
      title: "buy milk",
      completed: true,
      description: "oat",
    });
    expect(await ann.call("GET", path)).toMatchObject({ completed: true });
    expect((await ann.call<Listed>("GET", "/api/tasks?completed=false")).items).toEqual([]);
    expect((await ann.call<Listed>("GET", "/api/tasks?completed=true&limit=1")).items).toHaveLength(1);
    expect((await ann.request("DELETE", path)).status).toBe(204);
    expect((await ann.request("GET", path)).status).toBe(404);
  });
});

describe("bad input", () => {
  const rows: [string, string, string, unknown, number, string, RegExp][] = [
    [
      "an id that is too long",
      "GET",
      `/api/conversations/${"7".repeat(256)}`,
      undefined,
      422,
      "invalid_input",
      /path\.id must have at most 255 characters/,
    ],
    [
      "an unknown role",
      "POST",
      `/api/conversations/${never}/messages`,
      { messages: [{ role: "robot", content: "x" }] },
      422,
      "invalid_input",
      /must be one of user, assistant/,
    ],
    [
      "an empty message",
      "POST",
      `/api/conversations/${never}/messages`,
      { messages: [{ role: "user", content: "" }] },
      422,
      "invalid_input",
      /must not be empty/,
    ],
    [
      "no messages",
      "POST",
      `/api/conversations/${never}/messages`,
      { messages: [] },
      422,
      "invalid_input",
      /at least one message/,
    ],
    [
      "a title of 201 characters",
      "POST",
      "/api/conversations",
      { title: "x".repeat(201) },
      422,
      "invalid_input",
      /at most 200 characters/,
    ],
    [
      "a page of 0",
      "GET",
      "/api/conversations?limit=0",
      undefined,
      422,
      "invalid_input",
      /query\.limit must be at least 1/,
    ],
    [
      "a page of 101",
      "GET",
      "/api/conversations?limit=101",
      undefined,
      422,
      "invalid_input",
      /query\.limit must be at most 100/,
    ],
    [
      "a page of 501 messages",
      "GET",
      `/api/conversations/${randomUUID()}/messages?limit=501`,
      undefined,
      422,
      "invalid_input",
      /query\.limit must be at most 500/,
    ],
    [
      "a page of x",
      "GET",
      "/api/tasks?limit=x",
      undefined,
      422,
      "invalid_input",
      /query\.limit must be a whole number/,
    ],
    [
      "a page with two sides",
      "GET",
      `/api/conversations/${never}/messages?before=2&after=1`,
      undefined,
      422,
      "invalid_input",
      /not both/,
    ],
    [
      "a cursor that was tampered with",
      "GET",
      "/api/conversations?cursor=WzE3NjM4",
      undefined,
      422,
      "invalid_input",
      /cursor is damaged/,
    ],
    ["a body that is not JSON", "POST", "/api/conversations", "{", 422, "invalid_input", /must be JSON/],
    ["a body that is no object", "POST", "/api/conversations", "[]", 422, "invalid_input", /body/],
    [
      "a body that is too large",
      "POST",
      "/api/tasks",
      { title: "x".repeat(1_100_000) },
      413,
      "too_large",
      /limit here is 1048576 bytes/,
    ],
    [
      "a message that is too large",
      "POST",
      `/api/conversations/${never}/messages`,
      { messages: [{ role: "user", content: "x".repeat(16 * 1024 * 1024 + 1) }] },
      413,
      "too_large",
      /16777216/,
    ],
    [
      "a question of an assistant",
      "POST",
      "/api/chat",
      { id: never, message: { role: "assistant", parts: [{ type: "text", text: "x" }] } },
      422,
      "invalid_input",
      /message\.id must be a text/,
    ],
    [
      "a chat without a question",
      "POST",
      "/api/chat",
      { id: never },
      422,
      "invalid_input",
      /message must be the user's question/,
    ],
    [
      "a question without words",
      "POST",
      "/api/chat",
      { id: never, message: { role: "user", parts: [] } },
      422,
      "invalid_input",
      /must not be empty/,
    ],
    [
      "an odd file of the documentation",
      "GET",
      "/docs/constructor",
      undefined,
      404,
      "not_found",
      /There is no file constructor/,
    ],
    ["an unknown route", "GET", "/api/nothing", undefined, 404, "not_found", /There is no route GET \/api\/nothing/],
    ["an empty task", "POST", "/api/tasks", { title: " " }, 422, "invalid_input", /body\.title must not be empty/],
  ];
  it.each(rows)("%s", async (_name, method, path, body, status, code, sentence) => {
    const response = await ann.request(method, path, body);
    const answered = (await response.json()) as { error: { code: string; message: string } };
    expect([response.status, answered.error.code]).toEqual([status, code]);
    expect(answered.error.message).toMatch(sentence);
    expect(answered.error.message).toMatch(/\.$/);
  });
});

it("a body of another type than JSON is refused", async () => {
  const response = await ann.request("POST", "/api/tasks", "title=milk", { "content-type": "text/plain" });
  expect([response.status, await response.json()]).toMatchObject([422, { error: { code: "invalid_input" } }]);
});

it("every route needs somebody who is signed in", async () => {
  const { paths } = (await (await send(test.app, "GET", "/openapi.json")).json()) as { paths: Record<string, object> };
  for (const [path, methods] of Object.entries(paths)) {
    if (!path.startsWith("/api/") || path.startsWith("/api/auth/") || path === "/api/sign-in") continue;
    for (const method of Object.keys(methods)) {
      const response = await send(test.app, method.toUpperCase(), path.replace("{id}", never), undefined, {
        authorization: "Bearer nobody",
      });
      expect([method, path, response.status]).toEqual([method, path, 401]);
      expect(await response.json()).toMatchObject({ error: { code: "unauthenticated" } });
    }
  }
});

it("what a request carries is in no log", async () => {
  await ann.request("POST", "/api/conversations", {
    title: "a secret title",
    messages: [{ role: "user", content: "secret words" }],
  });
  await ann.request("POST", "/api/conversations", { title: "a secret title \0" });
  const name = await ann.request("POST", "/api/auth/update-user", { name: "table secret \0" });
  expect([name.status, await name.json()]).toMatchObject([422, { error: { code: "invalid_input" } }]);
  expect(test.lines.length).toBeGreaterThan(0);
  expect(test.lines.join("\n")).not.toMatch(/secret|correct horse/);
});

it("answers with security headers, and keeps what is private out of caches", async () => {
  const response = await ann.request("GET", "/api/conversations");
  expect(response.headers.get("content-security-policy")).toBe("default-src 'none'; frame-ancestors 'none'");
  const page = await ann.request("GET", "/docs/");
  expect(page.headers.get("content-security-policy")).toMatch(/script-src 'self';/);
  expect(response.headers.get("x-content-type-options")).toBe("nosniff");
  expect(response.headers.get("cache-control")).toBe("no-store");
});

it("describes itself, with nothing of another host", async () => {
  const page = await (await send(test.app, "GET", "/docs")).text();
  expect(page).not.toMatch(/https?:\/\//);
  for (const asset of page.match(/\/docs\/[\w.-]+/g) ?? []) {
    expect([asset, (await send(test.app, "GET", asset)).status]).toEqual([asset, 200]);
  }
  expect((await send(test.app, "GET", "/docs/package.json")).status).toBe(404);
});

describe("messages that are changed", () => {
  const path = "/api/conversations/chat%2F1/messages";

  it("are changed in place as they were read, and redacted, under ids of any text", async () => {
    const messages = [{ ...hello, id: "m/1", metadata: { a: 1 } }];
    const made = { id: "chat/1", metadata: { project: "x" }, instructions: "Be brief.", messages };
    expect(await ann.call("POST", "/api/conversations", made)).toMatchObject({ id: "chat/1", headId: "m/1" });
    const change = { content: "Changed", revision: 1 };
    expect(await ann.call("PATCH", `${path}/m%2F1`, change)).toMatchObject({
      id: "m/1",
      content: "Changed",
      revision: 2,
    });
    await expect(ann.call("PATCH", `${path}/m%2F1`, change)).rejects.toThrow(/ 409 /);
    await expect(bob.call("PATCH", `${path}/m%2F1`, { ...change, revision: 2 })).rejects.toThrow(/ 404 /);
    await expect(ann.call("PATCH", `${path}/m%2F1`, { content: "x" })).rejects.toThrow(/ 422 /);
    await expect(bob.call("DELETE", `${path}/m%2F1`)).rejects.toThrow(/ 404 /);
    expect(await ann.call("DELETE", `${path}/m%2F1`)).toMatchObject({ content: "", parts: null, status: "deleted" });
    const conversation = "/api/conversations/chat%2F1";
    expect(await ann.call("PATCH", conversation, { lastMessageId: null })).toMatchObject({ headId: null });
    expect(await ann.call("PATCH", conversation, { lastMessageId: "m/1" })).toMatchObject({ headId: "m/1" });
    const filtered = await ann.call<Listed>(
      "GET",
      `/api/conversations?metadata=${encodeURIComponent('{"project":"x"}')}`,
    );
    expect(filtered.items).toMatchObject([{ id: "chat/1" }]);
    await expect(ann.call("GET", "/api/conversations?metadata=x")).rejects.toThrow(/ 422 /);
  });
});
