/** Replies without the AI SDK: pieces of plain text. Each `process` is a store and replies of its own on the same database. */
import { randomUUID } from "node:crypto";
import { type Connection, createNotifier, createStore, type Store } from "chatkeep";
import { createReplies, type Generate, partsOf, type Replies, type RepliesOptions, type Turn } from "chatkeep/replies";
import { sql } from "drizzle-orm";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { isServer, openAgain, openTestDatabase, type TestDatabase } from "./helpers/database.ts";
import { ids, models, resetPeople } from "./helpers/people.ts";
import { plainText } from "./helpers/plain-text.ts";

let database: TestDatabase;
let store: Store;
let replies: Replies<string>;
const open: { close(): Promise<unknown> }[] = [];

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await resetPeople(database);
  ({ store, replies } = startProcess(database));
});
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

const silent = { debug() {}, info() {}, warn() {}, error() {} };

function startProcess(connection: Connection, options: Partial<RepliesOptions<string>> = {}) {
  const store = createStore(connection, models, { partsOf: partsOf(plainText) });
  const replies = createReplies({ store, codec: plainText, logger: silent, ...options });
  open.push({ close: () => replies.close(0) });
  return { store, replies };
}

/** Another process: on PGlite, which has one session, on the same connection. */
function startOther(options: Partial<RepliesOptions<string>> = {}) {
  const again = openAgain(database);
  if (isServer) open.push(again);
  return startProcess(again, options);
}

const ask = (text: string, id = randomUUID()) => ({
  conversationId: randomUUID(),
  message: { id, role: "user" as const, content: text },
});

/** Says these pieces, and goes on after each when `next` is called. */
function held(pieces: readonly string[]) {
  let gate = Promise.withResolvers<void>();
  const generate: Generate<string> = async function* ({ signal }) {
    for (const piece of pieces) {
      if (signal.aborted) return;
      yield piece;
      const stopped = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      await Promise.race([gate.promise, stopped]);
      gate = Promise.withResolvers();
    }
  };
  return { generate, next: () => gate.resolve() };
}

const says = (...pieces: string[]): Generate<string> =>
  async function* () {
    yield* pieces;
  };

async function read(reply: AsyncIterable<{ event: string }> | undefined) {
  let text = "";
  for await (const { event } of reply ?? []) text += event;
  return text;
}

async function until<Value>(look: () => Promise<Value>, isThere: (value: Value) => boolean): Promise<Value> {
  for (let tries = 0; ; tries += 1) {
    const value = await look();
    if (isThere(value) || tries > 200) return value;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const messagesIn = async (conversationId: string, of = store) =>
  (await of.forUser(ids.ann).messages.list(conversationId)).items;
const ann = (of = replies) => of.forUser(ids.ann);
const code = (wanted: string) => expect.objectContaining({ code: wanted });

describe("a reply", () => {
  it("is stored with its question, shown as it was stored, and read back by the same codec", async () => {
    const question = ask("How do I bake bread?");
    let turn: Turn | undefined;
    const reply = await ann().ask(
      question,
      (given) => {
        turn = given;
        given.report({ usage: { inputTokens: 3, outputTokens: 2.5 }, finishReason: "length" });
        return says("Flour,\n", "water \ud83c", "\udf5e")(given);
      },
      { model: "baker-1" },
    );
    expect(await read(reply)).toBe("Flour,\nwater 🍞");
    expect(await reply.ended()).toMatchObject({ status: "completed" });
    expect(await messagesIn(question.conversationId)).toMatchObject([
      { id: question.message.id, content: "How do I bake bread?", status: "complete" },
      {
        id: turn?.replyId,
        parts: [{ type: "text", text: "Flour,\nwater 🍞" }],
        status: "complete",
        finishReason: "length",
      },
    ]);
    const run = await store.forUser(ids.ann).runs.find(question.conversationId, reply.runId ?? "");
    expect(run).toMatchObject({ model: "baker-1", inputTokens: 3, outputTokens: null, status: "completed" });
    expect(turn?.question).toMatchObject({ id: question.message.id, content: "How do I bake bread?" });
  });

  it("is given what was said before, as much as it asks for", async () => {
    const first = ask("One");
    await (await ann().ask(first, says("1"))).ended();
    const { conversationId } = first;
    const histories: string[][] = [];
    const generate: Generate<string> = async (turn) => {
      for (const options of [{}, { maxTokens: 1 }, { maxTokens: 0 }]) {
        histories.push((await turn.history(options)).map(({ content }) => content));
      }
      return says("2")(turn);
    };
    await (await ann().ask({ conversationId, message: { role: "user", content: "Two" } }, generate)).ended();
    expect(histories).toEqual([["One", "1", "Two"], ["1", "Two"], ["Two"]]);
  });

  it("goes on when nobody listens, and keeps its process for that long", async () => {
    const work: Promise<unknown>[] = [];
    const other = startOther({ waitUntil: (one) => void work.push(one) });
    const question = ask("Hello");
    await ann(other.replies).ask(question, says("Hi", ", Ann."));
    expect(work).toHaveLength(1);
    await work[0];
    expect((await messagesIn(question.conversationId))[1]).toMatchObject({ content: "Hi, Ann.", status: "complete" });
  });

  it("that broke off is failed, keeps what it has, and says what was reported, or nothing of the error", async () => {
    const question = ask("Hello");
    const broken: Generate<string> = async function* () {
      yield "Hi";
      throw new Error("secret");
    };
    const reply = await ann().ask(question, broken);
    expect(await read(reply)).toBe("Hi");
    expect(await reply.ended()).toEqual(
      expect.objectContaining({ status: "failed", error: "The model could not answer. Try again." }),
    );
    expect((await messagesIn(question.conversationId))[1]).toMatchObject({ content: "Hi", status: "failed" });
    const again = await ann().ask(question, (turn) => {
      turn.report({ failure: { code: "no_flour", sentence: "There is no flour." } });
      return says("Well")(turn);
    });
    expect(await again.ended()).toMatchObject({ status: "failed", errorCode: "no_flour", error: "There is no flour." });
    await expect(ann().ask(question, () => Promise.reject(new Error("no model")))).rejects.toThrow("no model");
    expect(await ann().follow(question.conversationId)).toBeUndefined();
  });

  it("is written into a draft of its caller's, together with what was said before it or not at all", async () => {
    const conversationId = randomUUID();
    const mine = replies.forUser(ids.ann);
    const user = store.forUser(ids.ann);
    const draft = (content: string, generate: Generate<string>) =>
      mine.draft(
        conversationId,
        async ({ messages }) => {
          const messageId = randomUUID();
          const [question] = await messages.append(conversationId, [
            { role: "tool", content },
            { id: messageId, role: "assistant", status: "streaming" },
          ]);
          if (!question) throw new Error("nothing was stored");
          return { messageId, question };
        },
        generate,
      );
    await expect(draft("one", says("1"))).rejects.toMatchObject({ code: "not_found" });
    await user.conversations.create({ id: conversationId });
    const { generate, next } = held(["1"]);
    const first = await draft("one", generate);
    await expect(draft("two", says("2"))).rejects.toMatchObject({ details: { runId: first.runId } });
    next();
    expect(await read(first)).toBe("1");
    const { items } = await user.messages.list(conversationId);
    expect(items.map(({ role, content, status }) => [role, content, status])).toEqual([
      ["tool", "one", "complete"],
      ["assistant", "1", "complete"],
    ]);
  });

  it("whose codec makes more than a line fails alone", async () => {
    const other = startOther({ codec: { ...plainText, encode: (piece) => piece, decode: (text) => text } });
    const [good, bad] = [ask("Good"), ask("Bad")];
    const [one, two] = await Promise.all([
      ann(other.replies).ask(good, says("a line")),
      ann(other.replies).ask(bad, says("two\nlines")),
    ]);
    expect([await one.ended(), await two.ended()]).toMatchObject([{ status: "completed" }, { status: "failed" }]);
    expect(await read(one)).toBe("a line");
  });
});

describe("a question", () => {
  it("that was answered gets its answer again, and another one when asked to", async () => {
    const question = ask("Hello");
    await (await ann().ask(question, says("Hi."))).ended();
    const again = await ann().ask(question, says("never said"));
    expect([again.runId, await read(again), await again.ended()]).toEqual([undefined, "Hi.", { status: "completed" }]);
    const other = await ann().ask({ ...question, regenerate: true }, says("Hi again."));
    expect(await read(other)).toBe("Hi again.");
    expect(await messagesIn(question.conversationId)).toHaveLength(3);
  });

  it("is refused while another reply is being made, or waits for its turn", async () => {
    const { generate, next } = held(["One"]);
    const first = ask("First");
    const reply = await ann().ask(first, generate);
    const second = { conversationId: first.conversationId, message: { role: "user" as const, content: "Second" } };
    await expect(ann().ask(second, says("Two"))).rejects.toMatchObject({ details: { runId: reply.runId } });
    const waiting = ann().ask(second, says("Two"), { wait: new AbortController().signal });
    const gone = new AbortController();
    const left = expect(ann().ask(second, says("Three"), { wait: gone.signal })).rejects.toThrow(code("conflict"));
    gone.abort();
    next();
    expect(await read(await waiting)).toBe("Two");
    await left.catch(() => {});
    expect((await messagesIn(first.conversationId)).map(({ content }) => content).slice(0, 4)).toEqual([
      "First",
      "One",
      "Second",
      "Two",
    ]);
  });

  it("that a limit refuses leaves nothing behind, and what was reserved is given back", async () => {
    let reserved = 0;
    const reserve = () => {
      if (reserved > 0) throw new Error("one at once");
      reserved += 1;
      return () => {
        reserved -= 1;
      };
    };
    const other = startOther({ reserve });
    const { generate, next } = held(["One"]);
    const reply = await ann(other.replies).ask(ask("First"), generate);
    const refused = ask("Second");
    await expect(ann(other.replies).ask(refused, says("Two"))).rejects.toThrow("one at once");
    expect(await store.forUser(ids.ann).conversations.find(refused.conversationId)).toBeUndefined();
    next();
    await reply.ended();
    await until(
      async () => reserved,
      (count) => count === 0,
    );
    expect(reserved).toBe(0);
  });
});

describe("whoever follows a reply", () => {
  it("sees all of it from another process, and after any event, also when it has ended", async () => {
    const other = startOther();
    const { generate, next } = held(["One ", "two ", "three"]);
    const question = ask("Count");
    const reply = await ann().ask(question, generate);
    const followed = await ann(other.replies).follow(question.conversationId);
    const events = followed?.[Symbol.asyncIterator]();
    const first = await events?.next();
    expect(first?.value).toEqual({ id: `${reply.runId}:1`, event: "One " });
    next();
    expect((await events?.next())?.value).toEqual({ id: `${reply.runId}:2`, event: "two " });
    next();
    await events?.return?.();
    const rest = read(await ann(other.replies).follow(question.conversationId, `${reply.runId}:1`));
    await new Promise((resolve) => setTimeout(resolve, 50));
    next();
    expect(await rest).toBe("two three");
    expect(await read(reply)).toBe("One two three");
    expect(await ann(other.replies).follow(question.conversationId)).toBeUndefined();
    expect(await read(await ann(other.replies).follow(question.conversationId, `${reply.runId}:2`))).toBe("three");
    await expect(ann().follow(question.conversationId, "nonsense")).rejects.toThrow(code("invalid_input"));
  });

  it("stops it from another process within a second, and what was said stays", async () => {
    const other = startOther();
    const { generate } = held(["One", "two"]);
    const question = ask("Count");
    const reply = await ann().ask(question, generate);
    await until(
      async () => (await eventsOf(reply)).length,
      (length) => length > 0,
    );
    const asked = performance.now();
    expect(await ann(other.replies).stop(question.conversationId)).toBe(true);
    expect(await reply.ended()).toMatchObject({ status: "stopped" });
    expect(performance.now() - asked).toBeLessThan(2_000);
    expect((await messagesIn(question.conversationId))[1]).toMatchObject({ content: "One", status: "stopped" });
    expect(await ann(other.replies).stop(question.conversationId)).toBe(false);
  });

  it("stops it though whoever makes it does not look at the signal", async () => {
    const question = ask("Count");
    const reply = await ann().ask(question, async function* () {
      yield "One";
      await new Promise(() => {});
    });
    await until(
      async () => (await eventsOf(reply)).length,
      (length) => length > 0,
    );
    expect(await ann().stop(question.conversationId)).toBe(true);
    expect(await reply.ended()).toMatchObject({ status: "stopped" });
    expect((await messagesIn(question.conversationId))[1]).toMatchObject({ content: "One", status: "stopped" });
  });

  it("is the one who asked: to others it is absent", async () => {
    const { generate, next } = held(["One"]);
    const question = ask("Secret");
    const reply = await ann().ask(question, generate);
    const bob = replies.forUser(ids.bob);
    expect(await bob.follow(question.conversationId)).toBeUndefined();
    expect(await bob.follow(question.conversationId, `${reply.runId}:0`)).toBeUndefined();
    await expect(bob.stop(question.conversationId)).rejects.toThrow(code("not_found"));
    await expect(bob.ask({ ...question, message: { role: "user", content: "Me too" } }, says("no"))).rejects.toThrow();
    next();
    expect(await reply.ended()).toMatchObject({ status: "completed" });
  });
});

describe("a process", () => {
  it("that died leaves what it had streamed, and its reply is interrupted by another one", async () => {
    const dead = createStore(database, models).forUser(ids.ann);
    const conversationId = randomUUID();
    const beginning = await dead.runs.begin({
      conversationId,
      question: { role: "user", content: "Hello" },
      server: "dead",
    });
    if (!("begun" in beginning)) throw new Error("it did not begin");
    const key = beginning.begun.run;
    await store.system.heartbeat([{ userId: ids.ann, key, chunks: [{ seq: 2, chunk: '"Hi, "\n"Ann"' }] }]);
    await database.db.execute(sql`update run set heartbeat_at = now() - interval '16 seconds'`);
    const reply = await ann().follow(conversationId);
    expect(await read(reply)).toBe("Hi, Ann");
    expect(await reply?.ended()).toMatchObject({ status: "interrupted" });
    expect((await messagesIn(conversationId))[1]).toMatchObject({ content: "Hi, Ann", status: "interrupted" });
  });

  it("that ends lets replies end for a while, interrupts the rest, and takes no new ones", async () => {
    const other = startOther();
    const { generate } = held(["One", "two"]);
    const question = ask("Count");
    const reply = await ann(other.replies).ask(question, generate);
    await until(
      async () => (await eventsOf(reply)).length,
      (length) => length > 0,
    );
    await other.replies.close(50);
    expect(await reply.ended()).toMatchObject({ status: "interrupted" });
    expect((await messagesIn(question.conversationId))[1]).toMatchObject({ content: "One", status: "interrupted" });
    await expect(ann(other.replies).ask(ask("Late"), says("no"))).rejects.toThrow(code("unavailable"));
  });

  it("says what happens as often as it also says that it lives", () => {
    expect(() => startProcess(database, { flushMs: 5_000 })).toThrow("from 10 to 500");
  });

  it.skipIf(!isServer)("with a notifier hears of another one's reply as it is written", async () => {
    const withNotifier = () => {
      const again = openAgain(database);
      const notifier = createNotifier({ connection: again, log: silent });
      const one = startProcess(again, { notifier });
      one.store.onChange(notifier.publish);
      open.push({ close: () => notifier.close().then(again.close) });
      return one;
    };
    const [one, two] = [withNotifier(), withNotifier()];
    const { generate, next } = held(["One ", "two"]);
    const question = ask("Count");
    const reply = await ann(one.replies).ask(question, generate);
    const followed = read(await ann(two.replies).follow(question.conversationId));
    await until(
      async () => (await eventsOf(reply)).length,
      (length) => length > 0,
    );
    next();
    await new Promise((resolve) => setTimeout(resolve, 200));
    next();
    expect(await followed).toBe("One two");
  });
});

/** What of it is there, without waiting for more. */
async function eventsOf(reply: {
  subscribe(onChange: () => void): { feed: { events: readonly string[] }; unsubscribe(): void };
}) {
  const { feed, unsubscribe } = reply.subscribe(() => {});
  unsubscribe();
  return feed.events;
}
