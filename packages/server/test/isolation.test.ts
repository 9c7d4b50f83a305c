import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import { distributed } from "../../chatkeep/test/helpers/database.ts";
import { openTestApp, type Person, send, type TestApp } from "./helpers/app.ts";

let test: TestApp;
let ann: Person;
let bob: Person;

beforeAll(async () => {
  test = await openTestApp();
  [ann, bob] = await Promise.all([test.signUp("ann"), test.signUp("bob")]);
});
afterAll(() => test.close());

interface Operation {
  requestBody?: object;
}

/** A valid body for each route that takes one: what is wrong must be the id alone. */
const bodies: Record<string, (messageId: string) => unknown> = {
  "patch /api/conversations/{id}": () => ({ title: "Mine now" }),
  "patch /api/conversations/{id}/messages/{messageId}": () => ({ content: "Mine now", revision: 1 }),
  "post /api/conversations/{id}/messages": () => ({ messages: [{ role: "user", content: "Mine now" }] }),
  "put /api/conversations/{id}/messages/{messageId}/feedback": () => ({ rating: "good" }),
  "put /api/conversations/{id}/tags": () => ({ tags: ["mine"] }),
  "put /api/conversations/{id}/settings": () => ({ temperature: 0 }),
  "put /api/conversations/{id}/project": () => ({ projectId: null }),
  "patch /api/projects/{id}": () => ({ name: "Mine now" }),
  "patch /api/tasks/{id}": () => ({ title: "Mine now" }),
};

it("someone else's id answers like one that never was, on every route that takes an id", async () => {
  const conversation = await ann.call<{ id: string; headId: string }>("POST", "/api/conversations", {
    title: "Secret",
    messages: [{ role: "user", content: "Secret words" }],
  });
  const task = await ann.call<{ id: string }>("POST", "/api/tasks", { title: "Secret task" });
  const project = await ann.call<{ id: string }>("POST", "/api/projects", { name: "Secret project" });
  const trashed = await ann.call<{ id: string }>("POST", "/api/conversations", { title: "Secret in the trash" });
  await ann.request("DELETE", `/api/conversations/${trashed.id}`);
  const everything = async () => [
    await ann.call("GET", "/api/trash"),
    await ann.call("GET", `/api/conversations/${conversation.id}`),
    await ann.call("GET", `/api/conversations/${conversation.id}/messages`),
    await ann.call("GET", "/api/tasks"),
    await ann.call("GET", "/api/projects"),
    await ann.call("GET", "/api/files"),
  ];
  const sent = await ann.request("POST", "/api/files?name=secret.txt", "Secret words", {
    "content-type": "text/plain",
  });
  const file = (await sent.json()) as { id: string };
  const before = await everything();
  const { paths } = (await (await send(test.app, "GET", "/openapi.json")).json()) as {
    paths: Record<string, Record<string, Operation>>;
  };
  const tried: string[] = [];
  for (const [path, methods] of Object.entries(paths)) {
    // For administrators alone, whoever it is about: admin.test.
    if (!path.includes("{id}") || path.startsWith("/api/admin/")) continue;
    for (const [method, operation] of Object.entries(methods)) {
      const name = `${method} ${path}`;
      const body = bodies[name]?.(conversation.headId);
      if (operation.requestBody && body === undefined) throw new Error(`${name} needs a body in this test`);
      const others = {
        "/api/tasks": task.id,
        "/api/projects": project.id,
        "/api/files": file.id,
        "/api/trash": trashed.id,
      };
      const real = Object.entries(others).find(([start]) => path.startsWith(start))?.[1] ?? conversation.id;
      const never = randomUUID();
      const queries = path.endsWith("/branch")
        ? ["", `?leaf=${conversation.headId}`, `?before=${conversation.headId}`]
        : [path.endsWith("/export") ? "?format=markdown" : ""];
      for (const query of queries) {
        const ask = (id: string) =>
          bob.request(
            method.toUpperCase(),
            path.replace("{id}", id).replace("{messageId}", conversation.headId) + query,
            body,
          );
        const [theirs, absent] = [await ask(real), await ask(never)];
        expect([name, theirs.status]).toEqual([name, absent.status]);
        expect(await plain(theirs, real)).toEqual(await plain(absent, never));
        if (!path.endsWith("/stream")) expect([name, absent.status]).toEqual([name, 404]);
        tried.push(name + query);
      }
    }
  }
  expect(tried.length).toBeGreaterThanOrEqual(11);
  expect(await everything()).toEqual(before);
});

it.skipIf(distributed)(
  "a chat or a message with an id that someone else has is refused, and tells and changes nothing",
  async () => {
    const messageId = randomUUID();
    const conversation = await ann.call<{ id: string }>("POST", "/api/conversations", {
      title: "Secret",
      messages: [{ id: messageId, role: "user", content: "Secret words" }],
    });
    const mine = await bob.call<{ id: string }>("POST", "/api/conversations", {});
    const parts = [{ type: "text", text: "Mine now" }];
    const tries = [
      await bob.request("POST", "/api/chat", {
        id: conversation.id,
        message: { id: randomUUID(), role: "user", parts },
      }),
      await bob.request("POST", "/api/chat", { id: mine.id, message: { id: messageId, role: "user", parts } }),
      await bob.request("POST", "/api/conversations", { id: conversation.id }),
      await bob.request("POST", `/api/conversations/${mine.id}/messages`, {
        messages: [{ id: messageId, role: "user", content: "Secret words" }],
      }),
    ];
    for (const response of tries) {
      expect(response.status).toBe(409);
      expect(await response.text()).not.toMatch(/Secret|ann/);
    }
    expect(await ann.call("GET", `/api/conversations/${conversation.id}`)).toEqual(conversation);
    expect(await bob.call("GET", `/api/conversations/${mine.id}/messages`)).toEqual({ items: [], nextCursor: null });
  },
);

async function plain(response: Response, id: string) {
  const headers = Object.fromEntries([...response.headers].filter(([name]) => name !== "x-request-id"));
  return { headers, body: (await response.text()).replaceAll(id, "<id>") };
}
