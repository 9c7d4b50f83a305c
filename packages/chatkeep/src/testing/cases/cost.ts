/** P5: a turn costs the same, however long the chat and however many chats: counted by the database, never timed. */
import { expect } from "vitest";
import type { CaseContext, ConformanceCase, ConformanceStore, Counted } from "../subject.ts";
import { begin, message, times } from "../tools.ts";

const small = 10;
const manyMessages = 10_000;
const manyConversations = 100_000;
const repeats = 20;
/** A B-tree of more rows is some levels higher; each level is a block for each look-up. */
const blocksForLevels = 16;
/** A leaf that splits now and then writes more. */
const walFactor = 1.5;

export const costCases: ConformanceCase[] = [
  ...(
    [
      [
        "P5.1",
        "appending a pair",
        (store, userId, id) => store.append(userId, id, [message("q"), message("a", "assistant")]),
      ],
      ["P5.2", "the last page", (store, userId, id) => store.page(userId, id, { limit: 50 })],
      ["P5.3", "a page before a message", (store, userId, id) => store.page(userId, id, { limit: 50, before: small })],
      ["P5.4", "a page after a message", (store, userId, id) => store.page(userId, id, { limit: 5, after: 2 })],
    ] as [string, string, (store: ConformanceStore, userId: string, id: string) => Promise<unknown>][]
  ).map(([id, what, work]) => ({
    id,
    title: `${what} costs the same at ${small} and at ${manyMessages.toLocaleString("en")} messages`,
    needs: ["counters" as const],
    run: async (context: CaseContext) => {
      const { store } = context;
      // Chats of ordinary length around it: their average is what a planner expects of a long one.
      for (const other of times(200, (index) => index)) {
        const neighbour = await begin(store);
        await store.append(neighbour.userId, neighbour.id, [message(`${other}`), message("a", "assistant")]);
      }
      const cost = async (total: number) => {
        const { userId, id: conversationId } = await begin(store);
        await counters(context).fillConversation(userId, conversationId, total);
        return await counted(context, () => work(store, userId, conversationId));
      };
      expectAlike(await cost(small), await cost(manyMessages));
    },
  })),
  {
    id: "P5.5",
    title: `listing costs the same at ${small} and at ${manyConversations.toLocaleString("en")} conversations`,
    needs: ["counters"],
    run: async (context) => {
      const cost = async (total: number) => {
        const userId = await context.store.createUser();
        await counters(context).fillUser(userId, total);
        return await counted(context, async () => {
          const { ids, cursor } = await context.store.list(userId, { limit: 5 });
          expect(ids).toHaveLength(5);
          await context.store.list(userId, { limit: 5, ...(cursor && { cursor }) });
        });
      };
      expectAlike(await cost(small), await cost(manyConversations));
    },
  },
  {
    id: "P5.6",
    title: "listing reads no message",
    needs: ["counters"],
    run: async (context) => {
      const { userId, id } = await begin(context.store);
      await context.store.append(userId, id, [message("x".repeat(100_000))]);
      const { ids } = await counters(context).withoutMessages(() => context.store.list(userId, { limit: 10 }));
      expect(ids).toEqual([id]);
    },
  },
];

function counters({ subject }: CaseContext) {
  if (!subject.counters) throw new Error("the subject has no counters");
  return subject.counters;
}

/** Warmed up first, so that prepared statements have the plans that they keep. */
async function counted(context: CaseContext, work: () => Promise<unknown>): Promise<Counted> {
  for (let count = 0; count < repeats; count += 1) await work();
  return await counters(context).count(async () => {
    for (let count = 0; count < repeats; count += 1) await work();
  });
}

function expectAlike(few: Counted, many: Counted): void {
  expect(many.statements).toBe(few.statements);
  expect(many.blocks).toBeLessThanOrEqual(few.blocks + blocksForLevels * repeats);
  expect(many.walBytes).toBeLessThanOrEqual(few.walBytes * walFactor + 1_000 * repeats);
}
