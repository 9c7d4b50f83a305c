/** What becomes of replies, and of those who wait, while the database is away, silent, or full of what is not ours. */
import { randomUUID } from "node:crypto";
import type { LanguageModelV4StreamPart } from "@ai-sdk/provider";
import { sql } from "drizzle-orm";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { engine, isServer, openTestDatabase, type TestDatabase } from "../../chatkeep/test/helpers/database.ts";
import { openPg } from "../../chatkeep/test/helpers/with-drizzle.ts";
import { openTestApp, type Person, type TestApp } from "./helpers/app.ts";
import { type CutProxy, startCutProxy } from "./helpers/cut-proxy.ts";
import { finish, heldModel, scriptedModel } from "./helpers/models.ts";
import { until } from "./helpers/until.ts";

const question = { id: randomUUID(), role: "user", parts: [{ type: "text", text: "add buy milk" }] };

describe.runIf(isServer && engine !== "neon")("a database that is away", () => {
  let database: TestDatabase;
  let proxy: CutProxy;
  const open: { close(): Promise<void> }[] = [];

  beforeAll(async () => {
    database = await openTestDatabase("server");
  });
  afterAll(() => database.close());
  afterEach(async () => {
    proxy.restore();
    for (const one of open.splice(0)) await one.close();
    await proxy.stop();
  });

  async function openBehindProxy(options: Parameters<typeof openTestApp>[0]): Promise<TestApp> {
    const url = new URL(database.url ?? "");
    proxy = await startCutProxy(Number(url.port));
    url.port = String(proxy.port);
    const far = openPg({ url: url.href, statementTimeoutMs: 3_000 });
    const app = await openTestApp({ ...options, database: { ...database, db: far.db, listen: far.listen } });
    open.push(app, far);
    return app;
  }

  const statusOf = async (id: string) => {
    const { rows } = (await database.db.execute(
      sql`select status from message where conversation_id = ${id} order by seq desc limit 1`,
    )) as unknown as { rows: { status: string }[] };
    return rows[0]?.status;
  };

  const isLeaseOver = async (id: string, leaseMs: number) => {
    const { rows } = (await database.db.execute(sql`
      select heartbeat_at < now() - make_interval(secs => ${leaseMs / 1000}) as over from run
      where conversation_id = ${id}`)) as unknown as { rows: { over: boolean }[] };
    return rows[0]?.over === true;
  };

  it("for longer than a lease at the end of a reply takes nothing of it", async () => {
    const { promise: gate, resolve: release } = Promise.withResolvers<void>();
    let call = 0;
    const model = scriptedModel(async function* (): AsyncGenerator<LanguageModelV4StreamPart> {
      call += 1;
      yield { type: "stream-start", warnings: [] };
      if (call === 1) {
        yield { type: "reasoning-start", id: "r" };
        yield { type: "reasoning-delta", id: "r", delta: "They want milk." };
        yield { type: "reasoning-end", id: "r" };
        yield { type: "tool-call", toolCallId: "c", toolName: "addTask", input: '{"title":"buy milk"}' };
        yield { ...finish, finishReason: { unified: "tool-calls", raw: undefined } } as typeof finish;
        return;
      }
      yield { type: "text-start", id: "1" };
      yield { type: "text-delta", id: "1", delta: "Added " };
      await gate;
      yield { type: "text-delta", id: "1", delta: "it." };
      yield { type: "text-end", id: "1" };
      yield finish;
    });
    const leaseMs = 2_500;
    const app = await openBehindProxy({ model, runLeaseMs: leaseMs });
    const ann = await app.signUp(`away-${randomUUID().slice(0, 8)}`);
    const id = randomUUID();
    const response = await ann.request("POST", "/api/chat", { id, message: question });
    await until(
      () => call,
      (calls) => calls === 2,
    );
    const text = response.text();
    proxy.cut();
    release();
    await until(
      () => isLeaseOver(id, leaseMs),
      (over) => over,
    );
    proxy.restore();
    expect(await text).toContain('"type":"finish"');
    await until(
      () => statusOf(id),
      (status) => status !== "streaming",
    );
    const { items } = await ann.call<{ items: { status: string; parts: { type: string }[] }[] }>(
      "GET",
      `/api/conversations/${id}/messages`,
    );
    expect(items[1]?.status).toBe("complete");
    expect(items[1]?.parts.map(({ type }) => type)).toEqual([
      "step-start",
      "reasoning",
      "tool-addTask",
      "step-start",
      "text",
    ]);
    expect(items[1]).toMatchObject({ content: "Added it." });
  });

  it.each(["cut", "silence"] as const)("and a server that stops meanwhile (%s) does stop", async (how) => {
    const held = heldModel(Array(20).fill("word "));
    const app = await openBehindProxy({ model: held.model });
    const ann: Person = await app.signUp(`stops-${how}-${randomUUID().slice(0, 8)}`);
    const response = await ann.request("POST", "/api/chat", {
      id: randomUUID(),
      message: { ...question, id: randomUUID() },
    });
    const reader = response.body?.getReader();
    await reader?.read();
    proxy[how]();
    await app.close();
    await reader?.cancel().catch(() => {});
  });
});

describe.runIf(isServer)("whatever others send on the channel", () => {
  it("ends nobody, and what comes after it is heard", async () => {
    const database = await openTestDatabase("server");
    const [one, two] = [await openTestApp({ database }), await openTestApp({ database })];
    const ann = await one.signUp("ann");
    const [events] = [await two.app.request("/api/events", { headers: { authorization: `Bearer ${ann.token}` } })];
    const reader = events.body?.pipeThrough(new TextDecoderStream()).getReader();
    let heard = "";
    const reading = (async () => {
      for (;;) {
        const { value, done } = (await reader?.read()) ?? { done: true };
        if (done) return;
        heard += value;
      }
    })();
    await until(
      () => heard,
      (text) => text.includes("ready"),
    );
    const rubbish = [
      "x",
      "",
      "null",
      "5",
      "{}",
      "[]",
      "[null]",
      '["1:abc",null,5,[],{}]',
      '["1:abc",{"runId":5},{"userId":{},"conversationId":"x"},{"userId":null,"isSignedOut":true}]',
      '["2:later",{"kind":"of a later release"}]',
      '["1:abc",{"__proto__":{"runId":"x"}}]',
      `["1:${"x".repeat(5_000)}"]`,
      "\u2028",
      "[".repeat(7_000),
    ];
    for (const payload of rubbish) await database.db.execute(sql`select pg_notify('chatkeep', ${payload})`);
    await ann.call("POST", "/api/conversations", { title: "Heard after rubbish" });
    await until(
      () => heard,
      (text) => text.includes("Heard after rubbish"),
    );
    await two.close();
    await reading.catch(() => {});
    await one.close();
    await database.close();
  });
});

it("a question that waits for its turn is sent elsewhere when its server stops", async () => {
  const held = heldModel(Array(20).fill("word "));
  const database = await openTestDatabase("server");
  const app = await openTestApp({ model: held.model, database });
  const ann = await app.signUp("waits");
  const id = randomUUID();
  const ask = (wait: boolean) =>
    ann.request("POST", "/api/chat", { id, message: { ...question, id: randomUUID() }, wait });
  const first = await ask(false);
  const second = ask(true);
  await first.body?.cancel();
  // Whoever asks after it in the same conversation is answered after it.
  expect((await ask(false)).status).toBe(409);
  const closing = app.close();
  const refused = await second;
  expect([refused.status, (await refused.json()) as object]).toMatchObject([503, { error: { code: "unavailable" } }]);
  expect(refused.headers.get("retry-after")).toBe("1");
  held.release();
  await closing;
  await database.close();
});
