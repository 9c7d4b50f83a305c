/** What one user may take of a server, and what it costs to refuse more. */
import { randomUUID } from "node:crypto";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isServer, openAgain } from "../../chatkeep/test/helpers/database.ts";
import { openTestApp, type Person, type TestApp } from "./helpers/app.ts";
import { heldModel } from "./helpers/models.ts";
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

const question = (text = "Hello") => ({ id: randomUUID(), role: "user", parts: [{ type: "text", text }] });

async function codeOf(response: Response) {
  const { error } = (await response.json()) as { error: { code: string; message: string; details?: object } };
  return { status: response.status, ...error };
}

it("bodies of one user share what they may have under way, and others are not held up", async () => {
  const limited = await openTestApp({ database: test.database, limits: { bodyBytesPerUser: 100_000 } });
  const [bob, cid] = [await limited.signUp("body-bob"), await limited.signUp("body-cid")];
  const gate = Promise.withResolvers<void>();
  const slow = () =>
    new ReadableStream<Uint8Array>({
      start: async (controller) => {
        controller.enqueue(new TextEncoder().encode(`{"title":"${"x".repeat(70_000)}`));
        await gate.promise;
        controller.enqueue(new TextEncoder().encode('"}'));
        controller.close();
      },
    });
  const post = (person: Person, body: ReadableStream<Uint8Array> | string) =>
    limited.app.request("/api/conversations", {
      method: "POST",
      headers: { authorization: `Bearer ${person.token}`, "content-type": "application/json" },
      body,
      ...(typeof body !== "string" && { duplex: "half" }),
    } as RequestInit);
  const first = post(bob, slow());
  const big = JSON.stringify({ title: "x".repeat(70_000) });
  const second = await until(
    () => post(bob, big),
    ({ status }) => status === 429,
  );
  expect(await codeOf(second)).toMatchObject({ code: "rate_limited", details: { limit: 100_000, retryAfter: 1 } });
  expect(second.headers.get("retry-after")).toBe("1");
  expect((await post(cid, big)).status).toBe(422);
  gate.resolve();
  expect((await first).status).toBe(422);
  expect((await post(bob, big)).status).toBe(422);
  await limited.close();
});

it("event streams of one user have an end, HEAD opens none, and one that is left makes room", async () => {
  const limited = await openTestApp({ database: test.database, limits: { streamsPerUser: 3 } });
  const [bob, cid] = [await limited.signUp("streams-bob"), await limited.signUp("streams-cid")];
  for (let times = 0; times < 10; times += 1) {
    expect((await bob.request("HEAD", "/api/events")).status).toBe(200);
    expect((await bob.request("HEAD", `/api/chat/${randomUUID()}/stream`)).status).toBe(204);
  }
  const open = await Promise.all([1, 2, 3].map(() => bob.request("GET", "/api/events")));
  expect(open.map(({ status }) => status)).toEqual([200, 200, 200]);
  const refused = await bob.request("GET", "/api/events");
  expect(await codeOf(refused)).toMatchObject({ status: 429, code: "rate_limited", details: { limit: 3 } });
  expect((await cid.request("GET", "/api/events")).status).toBe(200);
  await open[0]?.body?.cancel();
  const again = await bob.request("GET", "/api/events");
  expect(again.status).toBe(200);
  // A question that cannot be followed is not stored either.
  const asked = await bob.request("POST", "/api/chat", { id: randomUUID(), message: question() });
  expect(asked.status).toBe(429);
  expect(await bob.call("GET", "/api/conversations")).toMatchObject({ items: [] });
  await limited.close();
});

it("replies of one user have an end too, and one that has ended makes room", async () => {
  const held = heldModel(Array(12).fill("word "));
  const limited = await openTestApp({ database: test.database, model: held.model, limits: { repliesPerUser: 2 } });
  const [bob, cid] = [await limited.signUp("replies-bob"), await limited.signUp("replies-cid")];
  const ask = (person: Person) => person.request("POST", "/api/chat", { id: randomUUID(), message: question() });
  const running = await Promise.all([ask(bob), ask(bob)]);
  expect(running.map(({ status }) => status)).toEqual([200, 200]);
  const refused = await ask(bob);
  expect(await codeOf(refused)).toMatchObject({ status: 429, code: "rate_limited", details: { limit: 2 } });
  const others = await ask(cid);
  expect(others.status).toBe(200);
  held.release();
  for (const response of [...running, others]) await response.text();
  await (await ask(bob)).text();
  await limited.close();
});

it("files that one user sends at once have an end, and each is a row", async () => {
  const held = Promise.withResolvers<void>();
  const limited = await openTestApp({ database: test.database, limits: { uploadsPerUser: 2, rowsPerHour: 3 } });
  const [bob, cid] = [await limited.signUp("files-bob"), await limited.signUp("files-cid")];
  const sendAs = (who: Person, body: ReadableStream | string) =>
    limited.app.request("/api/files?name=a.txt", {
      method: "POST",
      headers: { authorization: `Bearer ${who.token}`, "content-type": "text/plain" },
      body,
      duplex: "half",
    } as RequestInit);
  const slow = () =>
    ReadableStream.from(
      (async function* () {
        yield new TextEncoder().encode("half");
        await held.promise;
        yield new TextEncoder().encode("whole");
      })(),
    );
  const running = [sendAs(bob, slow()), sendAs(bob, slow())];
  await expect.poll(async () => (await sendAs(bob, "third")).status).toBe(429);
  expect((await sendAs(cid, "hers")).status).toBe(201);
  held.resolve();
  expect((await Promise.all(running)).map(({ status }) => status)).toEqual([201, 201]);
  const last = [(await sendAs(bob, "third")).status, (await sendAs(bob, "fourth")).status];
  expect(last).toContain(429);
  await limited.close();
});

it("rows of one user have an end within an hour", async () => {
  const limited = await openTestApp({ database: test.database, limits: { rowsPerHour: 10 } });
  const [bob, cid] = [await limited.signUp("rows-bob"), await limited.signUp("rows-cid")];
  const made = await bob.call<{ id: string }>("POST", "/api/conversations", {});
  const messages = Array.from({ length: 8 }, () => ({ role: "user", content: "x" }));
  await bob.call("POST", `/api/conversations/${made.id}/messages`, { messages });
  const tries = [
    () => bob.request("POST", `/api/conversations/${made.id}/messages`, { messages }),
    () => bob.request("POST", "/api/conversations", {}),
    () => bob.request("POST", "/api/tasks", { title: "x" }),
    () => bob.request("POST", "/api/chat", { id: made.id, message: question() }),
  ];
  for (const ask of tries) {
    const refused = await ask();
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(3_000);
    expect(await codeOf(refused)).toMatchObject({ status: 429, code: "rate_limited", details: { limit: 10 } });
  }
  expect(await bob.call("GET", `/api/conversations/${made.id}`)).toMatchObject({ messageCount: 8 });
  expect((await cid.request("POST", "/api/conversations", {})).status).toBe(201);
  await limited.close();
});

describe.runIf(isServer)("whoever holds a lock", () => {
  const waiting = async (db: TestApp["db"]) => {
    const { rows } = (await db.execute(sql`
      select count(*)::int as count from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`)) as unknown as { rows: { count: number }[] };
    return rows[0]?.count ?? 0;
  };

  it.each([
    ["questions", (own: string) => ["POST", "/api/chat", { id: own, message: question() }] as const],
    [
      "appends with parents",
      (own: string, first: string) => {
        const messages = [{ role: "user", content: "x", parentId: first }];
        return ["POST", `/api/conversations/${own}/messages`, { messages }] as const;
      },
    ],
    ["new titles", (own: string) => ["PATCH", `/api/conversations/${own}`, { title: "New" }] as const],
    ["deletions", (own: string) => ["DELETE", `/api/conversations/${own}`, undefined] as const],
  ])("holds up one connection, however many %s wait, and another user is served", async (name, requestOf) => {
    const [bob, cid] = [await test.signUp(`lock-${name.replaceAll(/\W/g, "")}`), ann];
    const made = await bob.call<{ id: string; headId: string }>("POST", "/api/conversations", {
      messages: [{ role: "user", content: "x" }],
    });
    const other = openAgain(test.database);
    const gate = Promise.withResolvers<void>();
    const locked = Promise.withResolvers<void>();
    const holder = other.db.transaction(async (tx) => {
      await tx.execute(sql`select from conversation where id = ${made.id} for update`);
      locked.resolve();
      await gate.promise;
    });
    await locked.promise;
    const [method, path, body] = requestOf(made.id, made.headId);
    const asked = Array.from({ length: 30 }, () =>
      bob.request(method, path, body).then((response) => response.body?.cancel()),
    );
    await until(
      () => waiting(other.db),
      (count) => count > 0,
    );
    for (let times = 0; times < 20; times += 1) await cid.call("GET", "/api/conversations");
    expect(await waiting(other.db)).toBe(1);
    gate.resolve();
    await holder;
    await Promise.all(asked);
    await other.close();
  });

  it("of a user, as one who is being deleted, holds up few of their appends, and another user is served", async () => {
    const [bob, cid] = [await test.signUp("lock-user"), ann];
    const made = await Promise.all(
      Array.from({ length: 30 }, () => bob.call<{ id: string }>("POST", "/api/conversations", {})),
    );
    const other = openAgain(test.database);
    const gate = Promise.withResolvers<void>();
    const locked = Promise.withResolvers<void>();
    const holder = other.db.transaction(async (tx) => {
      await tx.execute(sql`select from "user" where id = ${bob.id} for update`);
      locked.resolve();
      await gate.promise;
    });
    await locked.promise;
    const messages = [{ role: "user", content: "x" }];
    const asked: Promise<Response>[] = [];
    for (const one of made) {
      asked.push(bob.request("POST", `/api/conversations/${one.id}/messages`, { messages }));
      await cid.call("POST", `/api/conversations/${id}/messages`, { messages });
    }
    for (let times = 0; times < 15; times += 1) {
      asked.push(bob.request("POST", "/api/conversations", {}));
      asked.push(bob.request("POST", "/api/tasks", { title: "x" }));
      await cid.call("GET", "/api/conversations");
    }
    await cid.call("POST", "/api/conversations", {});
    gate.resolve();
    await holder;
    expect(new Set((await Promise.all(asked)).map(({ status }) => status))).toEqual(new Set([201]));
    await other.close();
  });
});
