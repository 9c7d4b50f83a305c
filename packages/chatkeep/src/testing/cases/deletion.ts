/** Deleting wins: nothing comes back, and nobody hangs. */
import { expect } from "vitest";
import type { CaseContext, ConformanceCase } from "../subject.ts";
import { begin, listAll, pair, pause, readAll, refusal, times, within } from "../tools.ts";

export const deletionCases: ConformanceCase[] = [
  {
    id: "D.1",
    title: "a conversation that is deleted while others append, page and list is gone for good",
    needs: [],
    run: (context) => deleteDuringUse(context, ({ store }, userId, id) => store.deleteConversation(userId, id)),
  },
  {
    id: "D.2",
    title: "a user who is deleted while they append, page and list is gone for good, with everything",
    needs: [],
    run: (context) => deleteDuringUse(context, ({ store }, userId) => store.deleteUser(userId)),
  },
  {
    id: "D.3",
    title: "deleting a user takes 1,000 conversations of 20 messages with it, and nothing of anybody else",
    needs: [],
    run: async ({ store }) => {
      const [gone, stays] = [await store.createUser(), await begin(store)];
      await store.append(stays.userId, stays.id, pair("stays"));
      for (let batch = 0; batch < 20; batch += 1) {
        await Promise.all(
          times(50, () => store.createConversation(gone, { messages: times(10, () => pair("gone")).flat() })),
        );
      }
      expect(await listAll(store, gone)).toHaveLength(1_000);
      await within(30_000, "deleting the user", store.deleteUser(gone));
      expect(await listAll(store, gone).catch(() => [])).toEqual([]);
      expect(await readAll(store, stays.userId, stays.id)).toHaveLength(2);
    },
  },
  {
    id: "D.4",
    title: "a conversation is deleted once: the second time it is as if it never was",
    needs: [],
    run: async ({ store }) => {
      const { userId, id } = await begin(store);
      await store.deleteConversation(userId, id);
      expect(await refusal(store, () => store.deleteConversation(userId, id))).toBe("not_found");
      expect(await refusal(store, () => store.append(userId, id, pair("late")))).toBe("not_found");
      expect(await refusal(store, () => store.page(userId, id, { limit: 1 }))).toBe("not_found");
    },
  },
];

async function deleteDuringUse(
  context: CaseContext,
  remove: (context: CaseContext, userId: string, id: string) => Promise<void>,
): Promise<void> {
  const { store } = context;
  for (let round = 0; round < Math.ceil(context.rounds / 5); round += 1) {
    const { userId, id } = await begin(store);
    const allowed = new Set(["not_found", "conflict", undefined]);
    const use = async (name: number) => {
      for (let turn = 0; turn < 20; turn += 1) {
        const calls = [
          () => store.append(userId, id, pair(`${name}.${turn}`)),
          () => store.page(userId, id, { limit: 5 }),
          () => store.list(userId, { limit: 5 }),
        ];
        await calls[turn % 3]?.().catch((error: unknown) => {
          if (!allowed.has(store.codeOf(error) ?? "unknown")) throw error;
        });
      }
    };
    const using = Promise.all(times(6, use));
    await pause(context.random() * 30);
    await within(30_000, "deleting", remove(context, userId, id));
    await within(30_000, "using what was deleted", using);
    expect(await refusal(store, () => store.page(userId, id, { limit: 1 }))).toBe("not_found");
    expect(await listAll(store, userId).catch(() => [])).toEqual([]);
  }
}
