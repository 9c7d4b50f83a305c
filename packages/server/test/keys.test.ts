import { afterAll, beforeAll, expect, it } from "vitest";
import { apiKey } from "../src/models/index.ts";
import { openTestApp, type Person, personWith, send, type TestApp } from "./helpers/app.ts";
import { until } from "./helpers/until.ts";

let test: TestApp;
let ann: Person;

beforeAll(async () => {
  test = await openTestApp();
  ann = await test.signUp("ann");
});
afterAll(() => test.close());

interface Made {
  id: string;
  key: string;
  name: string;
  start: string;
  expiresAt: string | null;
}

const make = (person: Pick<Person, "call">, rest: object = {}) =>
  person.call<Made>("POST", "/api/keys", { name: "a program", ...rest });

it("a key is shown once, works as a bearer token and as x-api-key, and is kept as a hash", async () => {
  const made = await make(ann);
  expect(made.key).toMatch(/^ck_[\w-]{43}$/);
  expect(made).toMatchObject({ name: "a program", start: made.key.slice(0, 8), expiresAt: null, isReadOnly: false });
  const program = personWith(test.app, made.key);
  await program.call("POST", "/api/conversations", { id: "of-a-program", title: "By a program" });
  const byHeader = await send(test.app, "GET", "/api/conversations/of-a-program", undefined, { "x-api-key": made.key });
  expect([byHeader.status, await byHeader.json()]).toMatchObject([200, { title: "By a program" }]);
  expect((await ann.call<{ title: string }>("GET", "/api/conversations/of-a-program")).title).toBe("By a program");
  const listed = await ann.call<{ items: object[] }>("GET", "/api/keys");
  expect(listed.items).toContainEqual(expect.objectContaining({ id: made.id }));
  const kept = JSON.stringify([await test.db.select().from(apiKey), listed, test.lines]);
  expect(kept).not.toContain(made.key.slice(8));
});

it("a key's last use is noted, once an hour however often it is shown", async () => {
  const { id, key } = await make(ann, { isReadOnly: true });
  const ways = [{ authorization: `Bearer ${key}` }, { "x-api-key": key }, { authorization: `bearer ${key}` }];
  const noted = async () => {
    const { items } = await ann.call<{ items: (Made & { lastUsedAt: string | null })[] }>("GET", "/api/keys");
    return Date.parse(items.find((each) => each.id === id)?.lastUsedAt ?? "");
  };
  const use = (way: number) => send(test.app, "GET", "/api/conversations", undefined, ways[way]);
  expect(await noted()).toBeNaN();
  await use(0);
  const first = await noted();
  expect(Math.abs(first - Date.now())).toBeLessThan(60_000);
  await use(1);
  expect(await noted()).toBe(first);
  await test.db.update(apiKey).set({ lastUsedAt: new Date(first - 3_600_000) });
  await use(2);
  expect(await noted()).toBeGreaterThanOrEqual(first);
});

it("what is no key is refused, also beside a session that is good", async () => {
  const cases = [{ authorization: "Bearer ck_nothing" }, { "x-api-key": "nothing" }, { "x-api-key": "" }];
  for (const headers of cases) {
    const response = await send(test.app, "GET", "/api/conversations", undefined, headers);
    expect([response.status, await response.json()]).toMatchObject([401, { error: { code: "unauthenticated" } }]);
    expect((await ann.request("GET", "/api/conversations", undefined, { "x-api-key": "nothing" })).status).toBe(401);
  }
});

it("a read-only key reads, and changes nothing", async () => {
  const { key } = await make(ann, { isReadOnly: true });
  const reader = personWith(test.app, key);
  await ann.call("POST", "/api/conversations", { id: "read-only" });
  await reader.call("GET", "/api/conversations/read-only");
  const changes: [string, string, object?][] = [
    ["POST", "/api/conversations", { title: "New" }],
    ["PATCH", "/api/conversations/read-only", { title: "Another" }],
    ["DELETE", "/api/conversations/read-only"],
    ["POST", "/api/chat", { id: "x", message: { role: "user", parts: [{ type: "text", text: "Hello" }] } }],
    ["POST", "/api/tasks", { title: "buy milk" }],
    ["POST", "/v1/whatever", {}],
  ];
  for (const [method, path, body] of changes) {
    const response = await reader.request(method, path, body);
    expect([path, response.status, await response.json()]).toMatchObject([
      path,
      403,
      { error: { code: "forbidden", message: "This API key may only read: make one that may write too." } },
    ]);
  }
  expect(await ann.call("GET", "/api/conversations/read-only")).toMatchObject({ title: null });
});

it("no key manages the account, sign-in or keys", async () => {
  const { id, key } = await make(ann);
  const program = personWith(test.app, key);
  const tries: [string, string, object?][] = [
    ["GET", "/api/keys"],
    ["POST", "/api/keys", { name: "another" }],
    ["DELETE", `/api/keys/${id}`],
    ["GET", "/api/auth/get-session"],
    ["GET", "/api/auth/token"],
    ["GET", "/api/auth/list-sessions"],
    ["POST", "/api/auth/update-user", { name: "Mallory" }],
    ["POST", "/api/auth/delete-user", { password: "correct horse" }],
  ];
  for (const [method, path, body] of tries) {
    const response = await program.request(method, path, body);
    expect([path, response.status, await response.json()]).toMatchObject([path, 403, { error: { code: "forbidden" } }]);
  }
  await program.call("GET", "/api/conversations");
});

it("a revoked key is refused at once, and the streams that it has open end", async () => {
  const { id, key } = await make(ann);
  const program = personWith(test.app, key);
  const stream = await program.request("GET", "/api/events");
  expect(stream.status).toBe(200);
  let hasEnded = false;
  const reading = (async () => {
    const reader = stream.body?.getReader();
    while (reader && !(await reader.read()).done);
    hasEnded = true;
  })();
  await ann.call("DELETE", `/api/keys/${id}`);
  await until(
    () => hasEnded,
    (ended) => ended,
  );
  await reading;
  expect((await program.request("GET", "/api/conversations")).status).toBe(401);
  expect((await ann.request("DELETE", `/api/keys/${id}`)).status).toBe(404);
});

it("an expired key is refused, and another user's key is absent", async () => {
  const made = await make(ann, { expiresInDays: 90 });
  expect(Date.parse(made.expiresAt ?? "") - Date.now()).toBeGreaterThan(89 * 86_400_000);
  const bob = await test.signUp("bob");
  expect((await bob.request("DELETE", `/api/keys/${made.id}`)).status).toBe(404);
  expect((await bob.call<{ items: object[] }>("GET", "/api/keys")).items).toEqual([]);
  await test.db.update(apiKey).set({ expiresAt: new Date(Date.now() - 1_000) });
  expect((await personWith(test.app, made.key).request("GET", "/api/conversations")).status).toBe(401);
});

it("a key that is wrong is refused by name, and fifty are the limit, also of two at once", async () => {
  const cat = await test.signUp("cat");
  const wrong = [
    { name: " " },
    { name: "a\nb" },
    { name: "a\u009b2J" },
    { name: "x".repeat(101) },
    { name: "a", expiresInDays: 0 },
    { name: "a", scope: "all" },
    {},
  ];
  for (const body of wrong) expect([body, (await cat.request("POST", "/api/keys", body)).status]).toEqual([body, 422]);
  for (let made = 0; made < 49; made += 1) await make(cat);
  const two = await Promise.all([1, 2].map(() => cat.request("POST", "/api/keys", { name: "last" })));
  expect(two.map(({ status }) => status).sort()).toEqual([201, 422]);
});

it("keys go with their user", async () => {
  const gone = await test.signUp("gone");
  const { key } = await make(gone);
  const before = await test.db.$count(apiKey);
  await gone.call("POST", "/api/auth/delete-user", { password: "correct horse" });
  expect(await test.db.$count(apiKey)).toBe(before - 1);
  expect((await personWith(test.app, key).request("GET", "/api/conversations")).status).toBe(401);
});
