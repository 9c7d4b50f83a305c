/** P4: nobody reaches another's chats. */
import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import type { ConformanceCase, ConformanceStore } from "../subject.ts";
import { begin, listAll, message, readAll } from "../tools.ts";

type Verb = [name: string, (store: ConformanceStore, userId: string, id: string) => Promise<unknown>];

const verbs: Verb[] = [
  ["append", (store, userId, id) => store.append(userId, id, [message("mine now")])],
  ["the last page", (store, userId, id) => store.page(userId, id, { limit: 10 })],
  ["the page before", (store, userId, id) => store.page(userId, id, { limit: 10, before: 2 })],
  ["the page after", (store, userId, id) => store.page(userId, id, { limit: 10, after: 0 })],
  ["delete", (store, userId, id) => store.deleteConversation(userId, id)],
];

export const isolationCases: ConformanceCase[] = [
  ...verbs.map(([name, verb], index) => ({
    id: `P4.${index + 1}`,
    title: `${name}: another's conversation answers exactly like one that never was, and is unchanged`,
    needs: [],
    run: async ({ store }: { store: ConformanceStore }) => {
      const [ann, bob] = [await begin(store), await begin(store)];
      await store.append(ann.userId, ann.id, [message("Ann's words")]);
      const before = await readAll(store, ann.userId, ann.id);
      const never = randomUUID();
      const outcome = (id: string) =>
        verb(store, bob.userId, id).then(
          (value) => ({ value }),
          (error: unknown) => ({ code: store.codeOf(error), text: String(error).replaceAll(id, "<id>") }),
        );
      expect(await outcome(ann.id)).toEqual(await outcome(never));
      expect(await outcome(ann.id)).toMatchObject({ code: "not_found" });
      expect(await readAll(store, ann.userId, ann.id)).toEqual(before);
      expect(await listAll(store, ann.userId)).toEqual([ann.id]);
    },
  })),
  {
    id: "P4.6",
    title: "a list has only one's own conversations",
    needs: [],
    run: async ({ store }) => {
      const [ann, bob, cid] = [await begin(store), await begin(store), await store.createUser()];
      expect(await listAll(store, ann.userId)).toEqual([ann.id]);
      expect(await listAll(store, bob.userId)).toEqual([bob.id]);
      expect(await listAll(store, cid)).toEqual([]);
    },
  },
  {
    id: "P4.7",
    title: "a cursor of another's list shows nothing of it",
    needs: [],
    run: async ({ store }) => {
      const [ann, bob] = [await store.createUser(), await store.createUser()];
      for (let count = 0; count < 3; count += 1) await store.createConversation(ann);
      const mine = await store.createConversation(bob);
      const { cursor } = await store.list(ann, { limit: 1 });
      const page = await store.list(bob, { limit: 10, cursor: cursor ?? "" }).catch(() => ({ ids: [] as string[] }));
      expect([[], [mine.id]]).toContainEqual(page.ids);
    },
  },
];
