/** The functions of the package `resumable-stream`, over a store: what its users rely on, without Redis. */
import { randomUUID } from "node:crypto";
import { createStore, type Store } from "chatkeep";
import { createResumableStreamContext } from "chatkeep/ai-sdk";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { openAgain, openTestDatabase, type TestDatabase } from "./helpers/database.ts";
import { ids, models, resetPeople } from "./helpers/people.ts";

let database: TestDatabase;
let store: Store;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await resetPeople(database);
  store = createStore(database, models);
});

const contextOf = (userId: string = ids.ann, waitUntil: ((work: Promise<unknown>) => void) | null = null) =>
  createResumableStreamContext({ store, userId, waitUntil });

/** A stream that says what it is told to say. */
function openStream() {
  let controller!: ReadableStreamDefaultController<string>;
  let opened = 0;
  const make = () => {
    opened += 1;
    return new ReadableStream<string>({
      start: (given) => {
        controller = given;
      },
    });
  };
  return {
    make,
    opened: () => opened,
    say: (text: string) => controller.enqueue(text),
    close: () => controller.close(),
    fail: () => controller.error(new Error("broken")),
  };
}

async function textOf(stream: ReadableStream<string> | null | undefined): Promise<string> {
  let text = "";
  for await (const piece of stream ?? []) text += piece;
  return text;
}

it("one id is one stream, for whoever comes to it, from its beginning or after some characters", async () => {
  const source = openStream();
  const works: Promise<unknown>[] = [];
  const first = await contextOf(ids.ann, (work) => void works.push(work)).resumableStream("s", source.make);
  source.say("Häl");
  const second = await contextOf().resumableStream("s", source.make);
  const third = await contextOf().resumeExistingStream("s", 4);
  expect(await contextOf().hasExistingStream("s")).toBe(true);
  source.say("lo 😀!");
  source.close();
  const texts = await Promise.all([textOf(first), textOf(second), textOf(third)]);
  expect(texts).toEqual(["Hällo 😀!", "Hällo 😀!", "o 😀!"]);
  expect(source.opened()).toBe(1);
  await Promise.all(works);
  expect(works).toHaveLength(1);
  expect(await contextOf().hasExistingStream("s")).toBe("DONE");
  expect(await contextOf().resumeExistingStream("s")).toBeNull();
  expect(await contextOf().resumableStream("s", source.make)).toBeNull();
  expect(source.opened()).toBe(1);
});

it("what is not there is null and undefined, also when it is another user's, or under another prefix", async () => {
  expect(await contextOf().hasExistingStream("s")).toBeNull();
  expect(await contextOf().resumeExistingStream("s")).toBeUndefined();
  const source = openStream();
  const works: Promise<unknown>[] = [];
  await contextOf(ids.ann, (work) => void works.push(work)).createNewResumableStream("s", source.make);
  expect(await contextOf(ids.bob).hasExistingStream("s")).toBeNull();
  expect(await contextOf(ids.bob).resumeExistingStream("s")).toBeUndefined();
  const elsewhere = createResumableStreamContext({ store, userId: ids.ann, waitUntil: null, keyPrefix: "other" });
  expect(await elsewhere.hasExistingStream("s")).toBeNull();
  source.close();
  // The tables are emptied after it, which must not meet the end of a reply.
  await Promise.all(works);
});

it("goes on to its end when nobody reads it any more, and is in no list", async () => {
  const source = openStream();
  const works: Promise<unknown>[] = [];
  const id = `${"long ".repeat(100)}${randomUUID()}`;
  const stream = await contextOf(ids.ann, (work) => void works.push(work)).createNewResumableStream(id, source.make);
  await stream?.cancel();
  source.say("said to nobody");
  const later = await contextOf().resumeExistingStream(id);
  source.close();
  expect(await textOf(later)).toBe("said to nobody");
  await Promise.all(works);
  expect((await store.forUser(ids.ann).conversations.list()).items).toEqual([]);
  expect((await store.forUser(ids.ann).conversations.list({ archived: true })).items).toEqual([]);
  expect((await store.forUser(ids.ann).conversations.ids()).items).toEqual([]);
});

it("another process reads it too, and one that failed is over", async () => {
  const other = openAgain(database);
  try {
    const source = openStream();
    const mine = await contextOf().resumableStream("s", source.make);
    const theirs = createResumableStreamContext({
      store: createStore(other, models),
      userId: ids.ann,
      waitUntil: null,
    });
    source.say("seen from afar");
    const read = await theirs.resumeExistingStream("s");
    source.fail();
    expect(await textOf(read)).toBe("seen from afar");
    expect(await textOf(mine)).toBe("seen from afar");
    await expect.poll(() => theirs.hasExistingStream("s")).toBe("DONE");
  } finally {
    await other.close();
  }
});
