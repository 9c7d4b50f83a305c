import { randomUUID } from "node:crypto";
import { createStore, type Query, type Quota, type RunEnd, type TokenCounts } from "chatkeep";
import { createReplies, type Generate } from "chatkeep/replies";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { distributed, isServer, openTestDatabase, type TestDatabase } from "./helpers/database.ts";
import { ids, models, resetPeople } from "./helpers/people.ts";
import { plainText } from "./helpers/plain-text.ts";

let database: TestDatabase;
let people: Awaited<ReturnType<typeof resetPeople>>;

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  people = await resetPeople(database);
});

const question = () => ({ role: "user" as const, content: "How much?" });

function ask(conversationId: string = randomUUID(), model?: string, quotas?: Quota[]) {
  return people.ann.runs.begin({ conversationId, question: question(), server: "one", model, quotas });
}

async function begin(conversationId?: string, model?: string) {
  const beginning = await ask(conversationId, model);
  if (!("begun" in beginning)) throw new Error("nothing has begun");
  return beginning.begun.run;
}

const ending = (status: RunEnd["status"], tokens: TokenCounts = {}): RunEnd => ({ status, parts: [], ...tokens });
const today = async () => (await people.store.system.now()).toISOString().slice(0, 10);
const none = { inputTokens: 0, outputTokens: 0, cachedTokens: 0, reasoningTokens: 0 };

describe("usage", () => {
  it("counts each run once, however it ends and whoever ends it, and what was reported until then", async () => {
    const { ann, bob, store } = people;
    const chat = `Ann's chat ${randomUUID()}`;
    const other = randomUUID();
    const all = { inputTokens: 10, outputTokens: 5, cachedTokens: 4, reasoningTokens: 2 };
    const whole = await begin(chat, "big");
    const ends = [1, 2].map(() =>
      createStore(database, models, { distributed }).forUser(ids.ann).runs.end(whole, ending("completed", all)),
    );
    expect((await Promise.all(ends)).sort()).toEqual([false, true]);
    expect(await ann.runs.find(chat, whole.id)).toMatchObject({ ...all, finishReason: "other", status: "completed" });
    for (const status of ["stopped", "failed"] as const) {
      await ann.runs.end(await begin(chat, "big"), ending(status, { inputTokens: 3 }));
    }
    // It said nothing of what it took, and named no model.
    await ann.runs.end(await begin(other), ending("completed"));
    const cut = await begin(chat, "small");
    const beat = { userId: ids.ann, key: cut, chunks: [] };
    await store.system.heartbeat([{ ...beat, tokens: { inputTokens: 100, outputTokens: 7 } }, beat]);
    await store.system.heartbeat([{ ...beat, tokens: { outputTokens: 8 } }]);
    await store.system.heartbeat([beat]);
    expect(await store.system.interruptRuns("all")).toHaveLength(1);
    expect(await store.system.interruptRuns("all")).toEqual([]);

    const day = await today();
    const total = { replies: 5, inputTokens: 116, outputTokens: 13, cachedTokens: 4, reasoningTokens: 2 };
    const small = { ...none, replies: 1, inputTokens: 100, outputTokens: 8 };
    const big = { ...all, replies: 3, inputTokens: 16 };
    const ofModels = [
      { model: "small", ...small },
      { model: "big", ...big },
      { model: null, ...none, replies: 1 },
    ];
    expect(await ann.usage({ by: "day" })).toEqual({ items: [{ day, ...total }], nextCursor: null });
    expect((await ann.usage({ by: "model" })).items).toEqual(ofModels);
    expect((await ann.usage({ by: "conversation" })).items).toEqual([
      { conversationId: chat, ...total, replies: 4 },
      { conversationId: other, ...none, replies: 1 },
    ]);
    for (const by of ["day", "model", "conversation"] as const) {
      expect((await ann.usage({ by, after: day, before: new Date(Date.parse(day) + 86_400_000) })).items).not.toEqual(
        [],
      );
      expect((await ann.usage({ by, before: day })).items).toEqual([]);
      expect((await bob.usage({ by })).items).toEqual([]);
    }

    await ann.conversations.delete(chat);
    expect((await ann.usage({ by: "model" })).items).toEqual(ofModels);
    expect((await ann.usage({ by: "conversation" })).items).toEqual([{ conversationId: other, ...none, replies: 1 }]);
    await store.system.moveConversations(ids.ann, ids.bob);
    expect((await ann.usage({ by: "day" })).items).toEqual([]);
    expect((await bob.usage({ by: "model" })).items).toEqual(ofModels);
    await database.db.execute(sql`delete from "user"`);
    expect(await database.db.$count(models.usage)).toBe(0);
  });

  it.skipIf(distributed)("gives pages, of 10,000 runs too, by an index", async () => {
    const { ann } = people;
    await ann.conversations.create({ id: "many", messages: [question()] });
    await database.db.execute(sql`
      insert into conversation (user_id, title) select ${ids.ann}, 'One of many' from generate_series(1, 250)`);
    await database.db.execute(sql`
      insert into run (conversation_id, user_id, message_id, status, server, model, finished_at, input_tokens)
      select c.id, c.user_id, gen_random_uuid(), 'completed', 'one', 'big', now(), 1
      from conversation c, generate_series(1, 40)`);
    await database.db.execute(sql`
      insert into usage
      select ${ids.ann}, date '2026-01-01' + n / 3, 'm' || n % 3, 1, n, 0, 0, 0 from generate_series(0, 899) n`);
    await database.db.execute(sql`analyze run, usage, conversation`);
    const pages = async (by: "day" | "model" | "conversation", limit: number) => {
      const found: unknown[] = [];
      for (let cursor: string | undefined; ; ) {
        const page = await ann.usage({ by, limit, cursor });
        found.push(...page.items.map((item) => Object.values(item)[0]));
        if (page.nextCursor === null) return found;
        cursor = page.nextCursor;
      }
    };
    const days = await pages("day", 77);
    expect(days).toHaveLength(300);
    expect(days).toEqual([...days].sort().reverse());
    expect(await pages("model", 2)).toEqual(["m2", "m1", "m0"]);
    expect(new Set(await pages("conversation", 100)).size).toBe(251);
    const { items } = await ann.usage({ by: "day", after: "2026-01-03", before: "2026-01-05" });
    expect(items.map(({ day }) => day)).toEqual(["2026-01-04", "2026-01-03"]);

    const asked: string[] = [];
    const query: Query = (text, ...rest) => {
      asked.push(text);
      return database.query(text, ...rest);
    };
    const watched = createStore({ ...database, query }, models, { distributed }).forUser(ids.bob);
    for (const by of ["day", "model", "conversation"] as const) await watched.usage({ by });
    expect(asked).toHaveLength(3);
    for (const text of asked) {
      const filled = text.replaceAll("$1", `'${ids.bob}'`).replaceAll(/\$\d+/g, "null");
      const plan = JSON.stringify(await database.query(`explain ${filled}`));
      expect(plan).toMatch(/usage_pkey|run_user_id_conversation_id_started_at_idx/);
    }
  });

  it("refuses what it does not know", async () => {
    const { ann } = people;
    const bad: [object, string][] = [
      [{}, "options.by must be one of day, model, conversation."],
      [{ by: "week" }, "options.by must be one of day, model, conversation."],
      [{ by: "day", after: "2026-02-30" }, "options.after must be a date, or a day such as 2026-11-26."],
      [{ by: "day", before: new Date(Number.NaN) }, "options.before must be a date, or a day such as 2026-11-26."],
      [{ by: "day", since: 1 }, 'options must not have the key "since": it takes by, after, before, limit, cursor.'],
      [{ by: "day", limit: 101 }, "options.limit must be at most 100."],
      [
        { by: "model", cursor: "no" },
        "This cursor is damaged: use nextCursor as it was given, or leave it out to begin anew.",
      ],
    ];
    for (const [options, message] of bad) {
      await expect(ann.usage(options as never)).rejects.toMatchObject({ code: "invalid_input", message });
    }
  });
});

describe("quotas", () => {
  it("refuse a reply before it begins, and say by the database's clock when to come again", async () => {
    const { ann } = people;
    const chat = randomUUID();
    const day = await today();
    const midnight = new Date(Date.parse(day) + 86_400_000).toISOString();
    const refused = (details: object) =>
      expect.objectContaining({ code: "rate_limited", details: expect.objectContaining(details) });
    // The clock of the embedded database is this process' own.
    if (isServer) vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 3_600_000 });
    try {
      const none = ask(chat, undefined, [{ of: "messages", per: "day", limit: 0 }]);
      await expect(none).rejects.toEqual(
        refused({ quota: "messages", per: "day", limit: 0, used: 0, retryAt: midnight }),
      );
      const { details } = await none.catch((error) => error);
      expect(details.retryAfter).toBeLessThanOrEqual(86_400);
      expect(await ann.conversations.find(chat)).toBeUndefined();
    } finally {
      vi.useRealTimers();
    }
    const perDay: Quota[] = [{ of: "messages", per: "day", limit: 3 }];
    const tries = await Promise.allSettled(Array.from({ length: 8 }, () => ask(undefined, undefined, perDay)));
    expect(tries.filter(({ status }) => status === "fulfilled")).toHaveLength(3);
    expect(await ann.quotas(perDay)).toEqual([{ ...perDay[0], used: 3, renewsAt: new Date(midnight) }]);

    await people.store.system.interruptRuns("all");
    const kept = { conversationId: chat, question: { ...question(), id: randomUUID() }, server: "one" };
    const beginning = await ann.runs.begin(kept);
    if (!("begun" in beginning)) throw new Error("nothing has begun");
    await ann.runs.end(beginning.begun.run, ending("completed", { inputTokens: 60, outputTokens: 40 }));
    // The same question again asks no model.
    expect(await ann.runs.begin({ ...kept, quotas: perDay })).toHaveProperty("answered");
    const month: Quota = { of: "tokens", per: "month", limit: 100 };
    await expect(ask(chat, undefined, [{ ...month, limit: 101 }, month, ...perDay])).rejects.toEqual(
      refused({ quota: "tokens", used: 100 }),
    );
    await expect(ask(chat, undefined, [{ of: "tokens", limit: 100 }])).rejects.toMatchObject({
      message: "The quota of 100 tokens is used up: ask the operator for more.",
      details: { quota: "tokens", per: "total", limit: 100, used: 100 },
    });
    const [stored] = await ann.quotas([{ of: "bytes", limit: 1 }]);
    expect(stored?.used).toBeGreaterThan(4 * "How much?".length);
    await expect(ask(chat, undefined, [{ of: "bytes", limit: stored?.used ?? 0 }])).rejects.toEqual(
      refused({ quota: "bytes" }),
    );
    expect(await ask(chat, undefined, [{ of: "bytes", limit: (stored?.used ?? 0) + 1 }])).toHaveProperty("begun");
    expect(await people.bob.quotas(perDay)).toMatchObject([{ used: 0 }]);
    await people.store.system.interruptRuns("all");
    const { items } = await ann.messages.list(chat);
    const reply = items.find(({ role, status }) => role === "assistant" && status === "complete");
    const on = {
      conversationId: chat,
      messageId: reply?.id ?? "",
      parts: [],
      revision: reply?.revision ?? 0,
      server: "one",
    };
    await expect(ann.runs.proceed({ ...on, quotas: perDay })).rejects.toEqual(refused({ quota: "messages" }));
    expect(await ann.messages.get(chat, reply?.id ?? "")).toMatchObject({ status: "complete" });

    const bad: [unknown, string][] = [
      [[{ of: "words", limit: 1 }], "quotas.0.of must be one of messages, tokens, bytes."],
      [[{ of: "tokens", limit: -1 }], "quotas.0.limit must be a whole number from 0 on."],
      [
        [{ of: "bytes", per: "day", limit: 1 }],
        'quotas.0 must count bytes in total, since they are what is stored: leave "per" out.',
      ],
    ];
    for (const [quotas, message] of bad) {
      await expect(ann.quotas(quotas as never)).rejects.toMatchObject({ code: "invalid_input", message });
    }
  });

  it("count what was used today, this month and ever, and the bytes of files", async () => {
    const { ann } = people;
    const [row] = await database.query(`
      select (now() at time zone 'UTC')::date::text,
        (date_trunc('month', now() at time zone 'UTC') - interval '1 day')::date::text,
        extract(day from now() at time zone 'UTC')::int`);
    const [now, lastMonth, dayOfMonth] = (row ?? []).map(String);
    const isFirst = Number(dayOfMonth) === 1;
    const values: (string | number | undefined)[][] = [
      [now, 1, 10],
      [lastMonth, 4, 400],
      // Of a day of this month that is not today, where there is one.
      ...(isFirst ? [] : [[now?.replace(/..$/, "01"), 2, 200]]),
    ];
    for (const [day, replies, tokens] of values)
      await database.query(
        `insert into usage (user_id, day, model, replies, input_tokens, output_tokens, cached_tokens, reasoning_tokens)
        values ($1::uuid, $2::date, 'm', $3::bigint, $4::bigint, 0, 0, 0)`,
        [ids.ann, day ?? "", replies ?? 0, tokens ?? 0],
      );
    const all = (["messages", "tokens"] as const).flatMap((of) =>
      (["day", "month", "total"] as const).map((per) => ({ of, per, limit: 9_999 })),
    );
    const [early, earlyTokens] = isFirst ? [0, 0] : [2, 200];
    expect((await ann.quotas(all)).map(({ used }) => used)).toEqual([
      1,
      1 + early,
      5 + early,
      10,
      10 + earlyTokens,
      410 + earlyTokens,
    ]);
    const before = (await ann.quotas([{ of: "bytes", limit: 1 }]))[0]?.used ?? 0;
    await ann.files.put({ name: "a.bin", data: new Uint8Array(1_000) });
    expect((await ann.quotas([{ of: "bytes", limit: 1 }]))[0]?.used).toBe(before + 1_000);
  });

  it("are a host's to say of each user, and no model is called for who has none left", async () => {
    const { store, ann } = people;
    const quiet = { debug() {}, info() {}, warn() {}, error() {} };
    const quotas = async (userId: unknown): Promise<Quota[]> =>
      userId === ids.ann ? [{ of: "tokens", limit: 1 }] : [];
    const replies = createReplies({ store, codec: plainText, logger: quiet, quotas });
    const generate = vi.fn<Generate<string>>(async function* ({ report }) {
      yield "Six";
      report({ usage: { inputTokens: 1.5, outputTokens: 6, cachedTokens: -1 } });
    });
    const asks = (userId: string) =>
      replies.forUser(userId).ask({ conversationId: randomUUID(), message: question() }, generate);
    await (await asks(ids.ann)).ended();
    await expect.poll(async () => (await ann.usage({ by: "day" })).items).toMatchObject([{ ...none, outputTokens: 6 }]);
    await expect(asks(ids.ann)).rejects.toMatchObject({ code: "rate_limited" });
    await (await asks(ids.bob)).ended();
    expect(generate).toHaveBeenCalledTimes(2);
    expect((await ann.conversations.list()).items).toHaveLength(1);
    await replies.close(0);
  });
});
