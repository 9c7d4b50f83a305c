/** Bodies that would become more than they are long: refused before they are parsed. The database has no part in it. */
import { EventEmitter } from "node:events";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openTestApp, type Person, send, type TestApp } from "./helpers/app.ts";
import { until } from "./helpers/until.ts";

let test: TestApp;
let ann: Person;
let id: string;

beforeAll(async () => {
  test = await openTestApp();
  ann = await test.signUp("ann");
  ({ id } = await ann.call<{ id: string }>("POST", "/api/conversations", {}));
});
afterAll(() => test.close());

async function codeOf(response: Response) {
  const { error } = (await response.json()) as { error: { code: string; message: string; details?: object } };
  return { status: response.status, ...error };
}

describe("a body that would become more than it is long", () => {
  const many = (element: string, count: number) => Array(count).fill(element).join(",");
  const chat = () => `/api/chat`;
  const append = () => `/api/conversations/${id}/messages`;
  const bodies: [string, () => string, () => string, RegExp][] = [
    ["13 million objects in messages", append, () => `{"messages":[${"{},".repeat(13_000_000)}{}]}`, /elements/],
    ["13 million parts", append, () => `{"messages":[{"role":"user","parts":[${many("{}", 5_000_000)}]}]}`, /elements/],
    ["millions of numbers in a part", append, () => `{"messages":[{"parts":[{"n":[${many("1", 9e6)}]}]}]}`, /elements/],
    ["millions of keys", append, () => `{${many('"":1', 5_000_000)}}`, /elements/],
    ["messages of a chat request", chat, () => `{"id":"${id}","messages":[${"{},".repeat(12_000_000)}{}]}`, /elements/],
    ["arrays in arrays", append, () => "[".repeat(1_000_000), /nested too deeply/],
    ["objects in objects", chat, () => '{"a":'.repeat(1_000_000), /nested too deeply/],
    ["a title of a megabyte", () => "/api/conversations", () => `{"title":"${"x".repeat(1_000_000)}"}`, /at most 200/],
    ["11,000 values elsewhere", () => "/api/tasks", () => `{"title":"x","a":[${many("1", 11_000)}]}`, /elements/],
  ];
  it.each(bodies)("is refused before it is parsed: %s", async (_name, path, body, says) => {
    const refused = await codeOf(await ann.request("POST", path(), body()));
    expect([413, 422]).toContain(refused.status);
    expect(refused.message).toMatch(says);
    expect(JSON.stringify(refused).length).toBeLessThan(1_000);
  });

  it("is refused with no more than its first faults", async () => {
    const parts = Array(9_000).fill({});
    const refused = await codeOf(await ann.request("POST", append(), { messages: [{ role: "user", parts }] }));
    expect(refused.details).toMatchObject({ issues: { length: 20 } });
    const wrong = Array(100).fill({ role: "user", parts: Array(30).fill(5) });
    const all = await codeOf(await ann.request("POST", append(), { messages: wrong }));
    expect(all.details).toMatchObject({ issues: { length: 20 } });
  });

  it("and text that only looks like it is taken", async () => {
    const content = `${'{"[,:'.repeat(100_000)}\\\\" \\`;
    const { items } = await ann.call<{ items: { content: string }[] }>("POST", append(), {
      messages: [{ role: "user", content }],
    });
    expect(items[0]?.content).toBe(content);
  });
});

describe("a body before sign-in", () => {
  const tries: [string, object | string, RegExp][] = [
    ["of many elements", { name: "A", a: Array(2_000).fill(1) }, /elements/],
    ["that is deep", `{"name":${"[".repeat(1_000)}`, /nested too deeply/],
    ["that is long", { name: "x".repeat(70_000) }, /65536 bytes/],
  ];
  it.each(tries)("is refused %s", async (_name, body, says) => {
    for (const path of ["sign-up/email", "sign-in/email", "update-user"]) {
      const refused = await codeOf(await send(test.app, "POST", `/api/auth/${path}`, body));
      expect([413, 422]).toContain(refused.status);
      expect(refused.message).toMatch(says);
    }
  });

  it("is taken as it comes, and what is no text where one should be is refused", async () => {
    const bob = await test.signUp("body-bob");
    await bob.call("POST", "/api/auth/update-user", { name: "Bob “the builder” ü" });
    const session = await bob.call<{ user: { name: string } }>("GET", "/api/auth/get-session");
    expect(session.user.name).toBe("Bob “the builder” ü");
    for (const body of [
      { name: null },
      { name: 5 },
      { name: ["a"] },
      { name: {} },
      { image: ["a"] },
      { image: true },
    ]) {
      const refused = await bob.request("POST", "/api/auth/update-user", body);
      expect([JSON.stringify(body), refused.status < 500 && refused.status >= 400]).toEqual([
        JSON.stringify(body),
        true,
      ]);
    }
  });
});

it("a body that breaks off is the sender's fault, and not the database's", async () => {
  const broken = (path: string, headers: Record<string, string> = {}) =>
    test.app.request(path, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: new ReadableStream({
        start: (controller) => {
          controller.enqueue(new TextEncoder().encode('{"title":"'));
          controller.error(Object.assign(new Error("aborted"), { code: "ECONNRESET" }));
        },
      }),
      duplex: "half",
    } as RequestInit);
  const before = test.lines.filter((line) => line.includes('"level":50')).length;
  for (const response of [
    await broken("/api/conversations", { authorization: `Bearer ${ann.token}` }),
    await broken("/api/auth/sign-in/email"),
  ]) {
    expect(await codeOf(response)).toMatchObject({ status: 422, code: "invalid_input", message: /broke off/ });
  }
  expect(test.lines.filter((line) => line.includes('"level":50')).length).toBe(before);
});

it("what is only announced takes nothing from others", async () => {
  const limited = await openTestApp({ database: test.database, limits: { bodyBytes: 1_000_000 } });
  const [bob, cid] = [await limited.signUp("announce-bob"), await limited.signUp("announce-cid")];
  const silent = Array.from({ length: 5 }, () =>
    limited.app.request("/api/conversations", {
      method: "POST",
      headers: {
        authorization: `Bearer ${bob.token}`,
        "content-type": "application/json",
        "content-length": "900000",
      },
      body: new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode("{")) }),
      duplex: "half",
    } as RequestInit),
  );
  for (let times = 0; times < 5; times += 1) {
    expect((await cid.request("POST", "/api/conversations", { title: "x".repeat(100_000) })).status).toBe(422);
    expect((await cid.request("POST", "/api/conversations", {})).status).toBe(201);
  }
  expect(silent).toHaveLength(5);
  await limited.close();
});

it("what a client does not take is counted, and given back when it has gone", async () => {
  const limited = await openTestApp({ database: test.database, limits: { answerBytesPerUser: 250_000 } });
  const [bob, cid] = [await limited.signUp("answers-bob"), await limited.signUp("answers-cid")];
  const messages = [{ role: "user", content: "x".repeat(100_000) }];
  const read = (person: Person, conversation: string, outgoing: EventEmitter) =>
    limited.app.request(
      `/api/conversations/${conversation}/messages`,
      { headers: { authorization: `Bearer ${person.token}` } },
      { outgoing },
    );
  const mine = await bob.call<{ id: string }>("POST", "/api/conversations", { messages });
  const theirs = await cid.call<{ id: string }>("POST", "/api/conversations", { messages });
  const open = [new EventEmitter(), new EventEmitter()];
  for (const outgoing of open) expect((await read(bob, mine.id, outgoing)).status).toBe(200);
  const refused = await codeOf(await read(bob, mine.id, new EventEmitter()));
  expect(refused).toMatchObject({ status: 429, code: "rate_limited", details: { limit: 250_000, retryAfter: 1 } });
  expect((await read(cid, theirs.id, new EventEmitter())).status).toBe(200);
  open[0]?.emit("close");
  expect((await read(bob, mine.id, new EventEmitter())).status).toBe(200);
  await limited.close();
});

it("exports and imports of one user at once have an end", async () => {
  const bob = await test.signUp("transfers-bob");
  const gate = Promise.withResolvers<void>();
  const importing = () =>
    test.app.request("/api/import?format=oasst", {
      method: "POST",
      headers: { authorization: `Bearer ${bob.token}`, "content-type": "text/plain" },
      body: new ReadableStream({
        start: async (controller) => {
          await gate.promise;
          controller.close();
        },
      }),
      duplex: "half",
    } as RequestInit);
  const [first, second] = [importing(), importing()];
  const exporting = async () => {
    const response = await bob.request("GET", "/api/export");
    await response.body?.cancel();
    return response.status;
  };
  await until(exporting, (status) => status === 429);
  expect(await codeOf(await importing())).toMatchObject({ status: 429, code: "rate_limited", details: { limit: 2 } });
  gate.resolve();
  expect([(await first).status, (await second).status]).toEqual([200, 200]);
  expect(await (await bob.request("GET", "/api/export")).text()).toContain('"type":"user"');
});

it("rows that come in by a file count as others do", async () => {
  const limited = await openTestApp({ database: test.database, limits: { rowsPerHour: 6 } });
  const bob = await limited.signUp("rows-of-a-file");
  const tree = (name: string) =>
    JSON.stringify({
      message_tree_id: name,
      prompt: { message_id: `${name}-1`, text: "Hello", role: "prompter", replies: [] },
    });
  const lines = ["a", "b", "c", "d", "e"].map(tree).join("\n");
  const refused = await bob.request("POST", "/api/import?format=oasst", lines, { "content-type": "text/plain" });
  expect(await codeOf(refused)).toMatchObject({ status: 429, code: "rate_limited", details: { limit: 6 } });
  expect((await bob.call<{ items: object[] }>("GET", "/api/conversations")).items).toHaveLength(3);
  expect((await bob.request("POST", "/api/tasks", { title: "x" })).status).toBe(429);
  await limited.close();
});
