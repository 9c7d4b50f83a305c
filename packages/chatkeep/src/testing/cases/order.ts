/** P2: one order, for ever. */
import fc from "fast-check";
import { expect } from "vitest";
import type { ConformanceCase, ConformanceStore, SentMessage } from "../subject.ts";
import {
  begin,
  expectGapFree,
  expectPairs,
  listAll,
  message,
  pair,
  readAll,
  readBackward,
  times,
  withConnections,
} from "../tools.ts";
import { runWriters } from "../writers.ts";

export const orderCases: ConformanceCase[] = [
  {
    id: "P2.1",
    title: "fifty writers at once from one store: no gap, no pair torn apart, two reads are equal",
    needs: [],
    run: async ({ store }) => {
      const { userId, id } = await begin(store);
      await writeFrom([store], userId, id, 50);
    },
  },
  {
    id: "P2.2",
    title: "fifty writers from ten connections: no gap, no pair torn apart, two reads are equal",
    needs: ["connections"],
    run: async (context) => {
      const { userId, id } = await begin(context.store);
      await withConnections(context, 10, (stores) => writeFrom(stores, userId, id, 50));
    },
  },
  {
    id: "P2.3",
    title: "four processes that write one conversation: no gap, no pair torn apart",
    needs: ["processes"],
    run: async (context) => {
      const { userId, id } = await begin(context.store);
      const writers = await runWriters(context, 4, userId, id);
      const acknowledged = await writers.finish(25);
      const all = await readAll(context.store, userId, id);
      expect(all).toHaveLength(4 * 25 * 2);
      expectGapFree(all);
      expectPairs(all);
      expect(new Set(all.map((each) => each.id))).toEqual(new Set(acknowledged));
    },
  },
  {
    id: "P2.4",
    title: "each append is in one piece, and answered in the order it was sent in",
    needs: [],
    run: async ({ store }) => {
      const { userId, id } = await begin(store);
      const sent = times(7, (index) => times(index + 1, (part) => message(`${index}.${part}`)));
      const answers = await Promise.all(sent.map((messages) => store.append(userId, id, messages)));
      for (const [index, answer] of answers.entries()) {
        const first = answer[0]?.seq ?? 0;
        expect(answer.map(({ seq }) => seq)).toEqual(answer.map((_, offset) => first + offset));
        expect(answer.map((each) => each.id)).toEqual(sent[index]?.map((each) => each.id));
      }
      expectGapFree(await readAll(store, userId, id));
    },
  },
  {
    id: "P2.5",
    title: "any page size gives the same sequence, forward and backward",
    needs: [],
    run: async ({ store, rounds, seed }) => {
      const { userId, id } = await begin(store);
      for (let batch = 0; batch < 4; batch += 1) {
        await store.append(
          userId,
          id,
          times(31, (index) => message(`${batch}.${index}`)),
        );
      }
      const all = await readAll(store, userId, id);
      const property = fc.asyncProperty(fc.integer({ min: 1, max: 100 }), async (limit) => {
        expect(await readAll(store, userId, id, limit)).toEqual(all);
        expect(await readBackward(store, userId, id, limit)).toEqual(all);
      });
      await fc.assert(property, { seed, numRuns: rounds, examples: [[1], [2], [31], [99], [100]] });
    },
  },
  {
    id: "P2.6",
    title: "pages read while others write miss nothing and double nothing",
    needs: [],
    run: async ({ store, rounds }) => {
      const { userId, id } = await begin(store);
      const writing = (async () => {
        for (let turn = 0; turn < rounds * 4; turn += 1) await store.append(userId, id, pair(String(turn)));
      })();
      const seen = [];
      let isWriting = true;
      void writing.finally(() => {
        isWriting = false;
      });
      for (let last = false; !last; ) {
        last = !isWriting;
        for (;;) {
          const items = await store.page(userId, id, { limit: 3, after: seen.at(-1)?.seq ?? 0 });
          seen.push(...items);
          if (items.length < 3) break;
        }
      }
      await writing;
      expectGapFree(seen);
      expectPairs(seen);
      expect(seen).toEqual(await readAll(store, userId, id));
    },
  },
  {
    id: "P2.7",
    title: "messages of one and the same time keep their order, whatever the page size",
    needs: ["clock"],
    run: async ({ subject, store }) => {
      const { userId, id } = await begin(store);
      const sent = times(60, (index) => message(String(index)));
      for (const each of sent) await store.append(userId, id, [each]);
      await subject.clock?.setTimes(id, new Date("2026-01-01T00:00:00Z"));
      for (const limit of [1, 7, 50]) {
        const contents = (messages: { content: string }[]) => messages.map(({ content }) => content);
        expect(contents(await readAll(store, userId, id, limit))).toEqual(contents(sent as { content: string }[]));
        expect(contents(await readBackward(store, userId, id, limit))).toEqual(contents(sent as { content: string }[]));
      }
    },
  },
  {
    id: "P2.8",
    title: "a clock that jumps to the future and back changes no order",
    needs: ["clock"],
    run: async ({ subject, store }) => {
      const { userId, id } = await begin(store);
      const sent: SentMessage[] = [];
      for (const moment of ["2099-01-01", "1999-01-01", "2050-06-01"]) {
        const messages = pair(moment);
        sent.push(...messages);
        await store.append(userId, id, messages);
        await subject.clock?.setTimes(id, new Date(moment));
      }
      const last = pair("now");
      await store.append(userId, id, last);
      const all = await readAll(store, userId, id);
      expect(all.map((each) => each.id)).toEqual([...sent, ...last].map((each) => each.id));
    },
  },
  {
    id: "P2.9",
    title: "conversations of one and the same time are listed each once, whatever the page size",
    needs: ["clock"],
    run: async ({ subject, store }) => {
      const userId = await store.createUser();
      const ids = await Promise.all(times(45, async () => (await store.createConversation(userId)).id));
      for (const id of ids) await subject.clock?.setTimes(id, new Date("2026-01-01T00:00:00Z"));
      for (const limit of [1, 4, 44, 45, 100]) {
        const listed = await listAll(store, userId, limit);
        expect(listed).toHaveLength(45);
        expect(new Set(listed)).toEqual(new Set(ids));
      }
    },
  },
  {
    id: "P2.10",
    title: "whatever is appended to whichever conversation, reading gives exactly that, in that order",
    needs: [],
    run: async ({ store, rounds, seed }) => {
      const step = fc.record({ conversation: fc.nat(2), count: fc.integer({ min: 1, max: 5 }), retry: fc.boolean() });
      const property = fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const userId = await store.createUser();
        const ids = await Promise.all(times(3, async () => (await store.createConversation(userId)).id));
        const model = ids.map(() => [] as SentMessage[]);
        for (const { conversation, count, retry } of steps) {
          const id = ids[conversation] ?? "";
          const messages = times(count, (index) => message(`${index}`));
          const answer = await store.append(userId, id, messages);
          if (retry) expect(await store.append(userId, id, messages)).toEqual(answer);
          model[conversation]?.push(...messages);
        }
        for (const [index, id] of ids.entries()) {
          const all = await readAll(store, userId, id);
          expectGapFree(all);
          expect(all.map((each) => each.id)).toEqual(model[index]?.map((each) => each.id));
        }
      });
      await fc.assert(property, { seed, numRuns: rounds });
    },
  },
];

async function writeFrom(stores: ConformanceStore[], userId: string, id: string, writers: number): Promise<void> {
  const [store] = stores as [ConformanceStore];
  await Promise.all(
    times(writers, async (writer) => {
      const mine = stores[writer % stores.length] ?? store;
      for (let turn = 0; turn < 3; turn += 1) await mine.append(userId, id, pair(`${writer}.${turn}`));
    }),
  );
  const all = await readAll(store, userId, id);
  expect(all).toHaveLength(writers * 3 * 2);
  expectGapFree(all);
  expectPairs(all);
  expect(await readAll(store, userId, id, 7)).toEqual(all);
}
