/** P3: retrying never doubles. */
import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import type { ConformanceCase } from "../subject.ts";
import { begin, listAll, message, pair, readAll, refusal, times, withConnections } from "../tools.ts";

export const retryCases: ConformanceCase[] = [
  {
    id: "P3.1",
    title: "the same ids with the same payload are answered as the first time",
    needs: [],
    run: async ({ store }) => {
      const { userId, id } = await begin(store);
      const sent = pair("one");
      const first = await store.append(userId, id, sent);
      await store.append(userId, id, pair("between"));
      expect(await store.append(userId, id, sent)).toEqual(first);
      expect(await readAll(store, userId, id)).toHaveLength(4);
    },
  },
  {
    id: "P3.2",
    title: "the same id with another payload is a conflict, and nothing changes",
    needs: [],
    run: async ({ store }) => {
      const { userId, id } = await begin(store);
      const sent = message("one");
      await store.append(userId, id, [sent]);
      const before = await readAll(store, userId, id);
      for (const other of [
        { ...sent, content: "two" },
        { ...sent, role: "assistant" as const },
      ]) {
        expect(await refusal(store, () => store.append(userId, id, [other]))).toBe("conflict");
      }
      expect(await readAll(store, userId, id)).toEqual(before);
    },
  },
  {
    id: "P3.3",
    title: "an id of another conversation of the same user is a conflict, and moves nothing",
    needs: [],
    run: async ({ store }) => {
      const { userId, id } = await begin(store);
      const other = await store.createConversation(userId);
      const sent = message("one");
      await store.append(userId, id, [sent]);
      const before = await readAll(store, userId, id);
      expect(await refusal(store, () => store.append(userId, other.id, [sent]))).toBe("conflict");
      expect(await readAll(store, userId, id)).toEqual(before);
      expect(await readAll(store, userId, other.id)).toEqual([]);
    },
  },
  {
    id: "P3.4",
    title: "an id of another user's message is a conflict that moves, changes and tells nothing",
    needs: ["globalIds"],
    run: async ({ store }) => {
      const [ann, bob] = [await begin(store), await begin(store)];
      const sent = message("Ann's words");
      await store.append(ann.userId, ann.id, [sent]);
      const before = await readAll(store, ann.userId, ann.id);
      const tries = [[sent], [{ ...sent, content: "Bob's" }], [message("Bob's own"), sent]];
      for (const messages of tries) {
        const error = await store.append(bob.userId, bob.id, messages).catch((thrown: unknown) => thrown);
        expect(store.codeOf(error)).toBe("conflict");
        expect(String(error)).not.toMatch(/Ann/);
        expect(String(error)).not.toContain(ann.id);
      }
      expect(await readAll(store, ann.userId, ann.id)).toEqual(before);
      expect(await readAll(store, bob.userId, bob.id)).toEqual([]);
    },
  },
  {
    id: "P3.5",
    title: "twenty retries of one append at once store it once, and are all answered alike",
    needs: [],
    run: async ({ store, rounds }) => {
      for (let round = 0; round < rounds; round += 1) {
        const { userId, id } = await begin(store);
        const sent = pair(String(round));
        const answers = await Promise.all(times(20, () => store.append(userId, id, sent)));
        expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
        expect(await readAll(store, userId, id)).toHaveLength(2);
      }
    },
  },
  {
    id: "P3.6",
    title: "retries at once from several connections, among other writers, store each append once",
    needs: ["connections"],
    run: async (context) => {
      const { store } = context;
      const { userId, id } = await begin(store);
      const appends = times(20, (index) => pair(String(index)));
      await withConnections(context, 4, async (stores) => {
        await Promise.all(stores.flatMap((each) => appends.map((messages) => each.append(userId, id, messages))));
      });
      const all = await readAll(store, userId, id);
      expect(all.map((each) => each.id).sort()).toEqual(
        appends
          .flat()
          .map((each) => each.id)
          .sort(),
      );
    },
  },
  {
    id: "P3.7",
    title: "a conversation that is created again with its first message is there once",
    needs: [],
    run: async ({ store }) => {
      const userId = await store.createUser();
      const input = { id: randomUUID(), messages: pair("first") };
      await Promise.all(times(10, () => store.createConversation(userId, input)));
      await store.append(userId, input.id, pair("second"));
      await store.createConversation(userId, input);
      expect(await listAll(store, userId)).toEqual([input.id]);
      expect(await readAll(store, userId, input.id)).toHaveLength(4);
      const other = { id: input.id, messages: pair("other") };
      expect(await refusal(store, () => store.createConversation(userId, other))).toBe("conflict");
      expect(await readAll(store, userId, input.id)).toHaveLength(4);
    },
  },
  {
    id: "P3.8",
    title: "a conversation id that another user has is a conflict, and stays theirs",
    needs: ["globalIds"],
    run: async ({ store }) => {
      const ann = await begin(store);
      const bob = await store.createUser();
      expect(await refusal(store, () => store.createConversation(bob, { id: ann.id }))).toBe("conflict");
      expect(await listAll(store, bob)).toEqual([]);
      expect(await listAll(store, ann.userId)).toEqual([ann.id]);
    },
  },
  {
    id: "P3.9",
    title: "an id that stands twice in one append is refused, and nothing of it is stored",
    needs: [],
    run: async ({ store }) => {
      const { userId, id } = await begin(store);
      const twice = message("twice");
      const code = await refusal(store, () => store.append(userId, id, [message("x"), twice, twice]));
      expect(["invalid_input", "conflict"]).toContain(code);
      expect(await readAll(store, userId, id)).toEqual([]);
    },
  },
  {
    id: "P3.10",
    title: "an append with one id that is taken stores none of its messages",
    needs: [],
    run: async ({ store }) => {
      const { userId, id } = await begin(store);
      const other = await store.createConversation(userId);
      const taken = message("taken");
      await store.append(userId, other.id, [taken]);
      const messages = [message("before"), taken, message("after")];
      expect(await refusal(store, () => store.append(userId, id, messages))).toBe("conflict");
      expect(await readAll(store, userId, id)).toEqual([]);
    },
  },
];
