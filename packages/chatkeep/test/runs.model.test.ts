/** Random interleavings of everything that can happen to a reply, against the model of docs/runs.md. */
import { randomUUID } from "node:crypto";
import { createStore, type RunKey } from "chatkeep";
import { sql } from "drizzle-orm";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { distributed, earlier, openTestDatabase, type TestDatabase } from "./helpers/database.ts";
import { ids, models, resetPeople } from "./helpers/people.ts";

let database: TestDatabase;

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());

type Status = "running" | "completed" | "stopped" | "failed" | "interrupted";

/** What the model knows of one run: the words that were acknowledged, and how it stands. */
interface Known {
  key: RunKey;
  messageId: string;
  words: string[];
  status: Status;
  isExpired: boolean;
  stopAsked: boolean;
}

interface Model {
  /** The conversation that all of it is about; it may be deleted, and then another one begins. */
  conversationId: string | undefined;
  runs: Known[];
}

interface Real {
  ann: ReturnType<ReturnType<typeof createStore>["forUser"]>;
  system: ReturnType<typeof createStore>["system"];
}

const running = ({ runs }: Model) => runs.find(({ status }) => status === "running");
const text = (words: readonly string[]) => (words.length > 0 ? [{ type: "text", text: words.join(" ") }] : []);

/** Every step gives a command whatever the state is: what is not allowed must be refused, and change nothing. */
const steps = {
  async send(model: Model, { ann }: Real) {
    const before = running(model);
    const draft = { id: randomUUID(), role: "assistant", status: "streaming" } as const;
    if (!model.conversationId) {
      const { id } = await ann.conversations.create({ messages: [{ role: "user", content: "Hello" }, draft] });
      model.conversationId = id;
    } else if (!before || before.isExpired) {
      await ann.messages.append(model.conversationId, [{ role: "user", content: "More" }, draft]);
    }
    const begin = ann.runs.beginDraft({ conversationId: model.conversationId, messageId: draft.id, server: "any" });
    if (before && !before.isExpired) {
      await expect(begin).rejects.toMatchObject({ code: "conflict", details: { runId: before.key.id } });
      return;
    }
    if (before) before.status = "interrupted";
    model.runs.push({
      key: await begin,
      messageId: draft.id,
      words: [],
      status: "running",
      isExpired: false,
      stopAsked: false,
    });
  },
  /** Of any run, also one that is over: its server may have been asleep. */
  async chunk(model: Model, { system }: Real, which: number) {
    const run = model.runs.at(which % Math.max(1, model.runs.length));
    if (!run) return;
    const word = `w${run.words.length + 1}`;
    const row = { seq: run.words.length + 1, chunk: word };
    const answer = await system.heartbeat([{ userId: ids.ann, key: run.key, chunks: [row] }]);
    if (run.status !== "running") return expect(answer).toEqual([]);
    expect(answer).toMatchObject([{ runId: run.key.id, stop: run.stopAsked }]);
    run.words.push(word);
    run.isExpired = false;
  },
  async finish(model: Model, { ann }: Real, which: number) {
    const run = model.runs.at(which % Math.max(1, model.runs.length));
    if (!run) return;
    const status = (["completed", "stopped", "failed"] as const)[which % 3] ?? "completed";
    const ended = await ann.runs.end(run.key, { status, parts: text([...run.words, "end"]) });
    expect(ended).toBe(run.status === "running");
    if (!ended) return;
    run.status = status;
    run.words.push("end");
  },
  async stop(model: Model, { ann }: Real) {
    if (!model.conversationId) return;
    const run = running(model);
    expect(await ann.runs.stop(model.conversationId)).toBe(run?.key.id);
    if (run) run.stopAsked = true;
  },
  /** The server dies, or sleeps: time goes by without a heartbeat. */
  async crash(model: Model) {
    await database.db.execute(sql`update run set heartbeat_at = ${earlier("heartbeat_at", "1 minute")}`);
    for (const run of model.runs) run.isExpired = true;
  },
  async sweep(model: Model, { system }: Real) {
    const run = running(model);
    const isDead = run?.isExpired ?? false;
    expect(await system.interruptRuns("expired")).toHaveLength(isDead ? 1 : 0);
    if (run && isDead) run.status = "interrupted";
  },
  /** To the trash, where its reply is stopped, and back. */
  async trash(model: Model, { ann }: Real) {
    if (!model.conversationId) return;
    await ann.conversations.delete(model.conversationId);
    const run = running(model);
    if (run) {
      expect(await ann.runs.end(run.key, { status: "completed", parts: text(["late"]) })).toBe(false);
      run.status = "stopped";
    }
    await ann.conversations.restore(model.conversationId);
  },
  async remove(model: Model, { ann }: Real) {
    if (!model.conversationId) return;
    await ann.conversations.erase(model.conversationId);
    for (const run of model.runs) {
      expect(await ann.runs.end(run.key, { status: "completed", parts: text(["late"]) })).toBe(false);
    }
    model.conversationId = undefined;
    model.runs = [];
  },
};

/** Whoever reattaches sees this, and nothing else is in the database. */
async function check(model: Model, { ann, system }: Real): Promise<void> {
  for (const run of model.runs) {
    const [news] = await system.readRuns([{ userId: ids.ann, runId: run.key.id, after: 0 }]);
    const streamed = run.words.filter((word) => word !== "end");
    expect(news?.chunks.map(({ chunk }) => chunk)).toEqual(streamed);
    expect(news?.status).toBe(run.status);
    const message = await ann.messages.get(model.conversationId ?? "", run.messageId);
    const status = { running: "streaming", completed: "complete" }[run.status as string] ?? run.status;
    expect(message).toMatchObject({ status, content: run.status === "running" ? "" : run.words.join(" ") });
  }
  expect(await database.db.$count(models.run)).toBe(model.runs.length);
  expect(await database.db.$count(models.run, sql`status = 'running'`)).toBe(running(model) ? 1 : 0);
}

/** An empty database, and Ann at a server that can read its chunks. */
async function begin(): Promise<Real> {
  await resetPeople(database);
  const store = createStore(database, models, { distributed, partsOf: text });
  return { ann: store.forUser(ids.ann), system: store.system };
}

it("keeps to the model, whatever happens in whatever order", async () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom("send" as const) },
    { weight: 6, arbitrary: fc.constantFrom("chunk" as const) },
    { weight: 4, arbitrary: fc.constantFrom("finish" as const, "stop" as const, "crash" as const, "sweep" as const) },
    { weight: 1, arbitrary: fc.constantFrom("remove" as const, "trash" as const) },
  );
  const script = fc.array(fc.tuple(step, fc.nat(20)), { minLength: 5, maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(script, async (moves) => {
      const { ann, system } = await begin();
      const model: Model = { conversationId: undefined, runs: [] };
      for (const [name, which] of moves) {
        await steps[name](model, { ann, system }, which);
        await check(model, { ann, system });
      }
    }),
    { numRuns: 15 },
  );
});

it("ends each run once, whoever comes first of those who write, sweep, stop and delete at the same moment", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(5), { minLength: 6, maxLength: 14 }), async (moves) => {
      const { ann, system } = await begin();
      const model: Model = { conversationId: undefined, runs: [] };
      await steps.send(model, { ann, system });
      const [run] = model.runs;
      const conversationId = model.conversationId ?? "";
      if (!run) throw new Error("no run");
      const hasCrash = moves.includes(1);
      if (hasCrash) await steps.crash(model);
      const end = (status: "completed" | "failed") => ann.runs.end(run.key, { status, parts: text([status]) });
      const swept = async () => (await system.interruptRuns("expired")).length > 0;
      const acts: (() => Promise<unknown>)[] = [
        () => end("completed"),
        swept,
        () => end("failed"),
        () =>
          system.heartbeat([{ userId: ids.ann, key: run.key, chunks: [{ seq: 1, chunk: "word" }] }]).then(() => false),
        () => ann.runs.stop(conversationId).then(() => false),
        swept,
      ];
      const results = await Promise.all(moves.map((move) => acts[move]?.()));
      const enders = results.filter((result) => result === true).length;
      const [row] = await database.db.select().from(models.run);
      const message = await ann.messages.get(conversationId, run.messageId);
      expect(enders).toBe(row?.status === "running" ? 0 : 1);
      if (row?.status === "completed") expect(message).toMatchObject({ status: "complete", content: "completed" });
      if (row?.status === "failed") expect(message).toMatchObject({ status: "failed", content: "failed" });
      const chunks = (await system.readRuns([{ userId: ids.ann, runId: run.key.id, after: 0 }]))[0]?.chunks ?? [];
      if (row?.status === "interrupted") expect(message.content).toBe(chunks.map(({ chunk }) => chunk).join(" "));
    }),
    { numRuns: 25 },
  );
});
