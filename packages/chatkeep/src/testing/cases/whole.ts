/** What comes in comes back, whole: ids, roles, metadata, times; and what is changed or taken away is that and nothing else. */
import { expect } from "vitest";
import type { ConformanceCase, ReadMessage, SentMessage, Subject } from "../subject.ts";
import { begin, message, readAll, refusal } from "../tools.ts";

function changesOf({ changes }: Subject) {
  if (!changes) throw new Error("this subject has no changes");
  return changes;
}

const names = [
  "a",
  "IbTuf2Jm9kLq0aZ1",
  "msg_68/..?&=#%2F",
  " kept ",
  "你好 😀",
  "💬".repeat(255),
  "e\u0301",
  "\u00e9",
  '"\\',
];
const odd = ["", "\u0000", "\ud800", "\u202e\u2066", "<b>&amp;", "10", "__proto__", "ä".repeat(300)];

/** Any JSON: what is odd in it is in texts and in keys. */
function jsonOf(random: () => number, depth = 0): unknown {
  const pick = Math.floor(random() * (depth > 4 ? 5 : 7));
  if (pick === 0) return null;
  if (pick === 1) return random() < 0.5;
  if (pick === 2) return Math.round((random() - 0.5) * 1e6) / 10 ** Math.floor(random() * 6);
  if (pick < 5) return odd[Math.floor(random() * odd.length)];
  const values = Array.from({ length: Math.floor(random() * 4) }, () => jsonOf(random, depth + 1));
  if (pick === 5) return values;
  return Object.fromEntries(
    values.map((value, index) => [`${odd[Math.floor(random() * odd.length)]}k${index}`, value]),
  );
}

function plain({ id, role, content, parts, metadata = null }: ReadMessage) {
  return JSON.stringify({ id, role, content, parts, metadata });
}

const partTypes = [
  "text",
  "reasoning",
  "tool-x",
  "dynamic-tool",
  "file",
  "source-url",
  "data-x",
  "step-start",
  "unknown",
];

export const wholeCases: ConformanceCase[] = [
  {
    id: "P6.1",
    title: "ids of any text come back as they were, name the same rows again, and differ where they differ",
    needs: ["whole"],
    run: async ({ store }) => {
      const userId = await store.createUser();
      for (const id of names) {
        expect(await store.createConversation(userId, { id })).toMatchObject({ id });
        const sent = names.map((name) => ({ ...message(`of ${name}`), id: name }));
        await store.append(userId, id, sent);
        expect((await store.append(userId, id, sent)).map((each) => each.id)).toEqual(names);
        expect((await readAll(store, userId, id)).map((each) => [each.id, each.content])).toEqual(
          sent.map((each) => [each.id, each.content]),
        );
      }
      for (const id of ["", " ", "x".repeat(256), "a\u0000b"]) {
        const made = () => store.createConversation(userId, { id });
        expect([id, await refusal(store, made)]).toEqual([id, "invalid_input"]);
      }
    },
  },
  {
    id: "P6.2",
    title: "one name in two chats, and of two users, is four things",
    needs: ["whole"],
    run: async ({ store }) => {
      const users = [await store.createUser(), await store.createUser()];
      for (const userId of users) {
        for (const id of ["one", "two"]) {
          await store.createConversation(userId, { id, messages: [{ ...message(`${userId} ${id}`), id: "m" }] });
        }
      }
      for (const userId of users) {
        for (const id of ["one", "two"]) {
          expect((await readAll(store, userId, id)).map(({ content }) => content)).toEqual([`${userId} ${id}`]);
        }
      }
    },
  },
  {
    id: "P6.3",
    title: "messages of every role, with parts of every type and any metadata, come back byte for byte",
    needs: ["whole"],
    run: async ({ store, rounds, random }) => {
      const { userId, id } = await begin(store);
      const roles = ["user", "assistant", "system", "tool"] as const;
      for (let round = 0; round < rounds; round += 1) {
        const sent = roles.map((role, index): SentMessage => {
          const parts = partTypes.map((type) => ({ type, text: "words", value: jsonOf(random) }));
          const { id: name } = message("", role);
          return { id: name, role, parts, metadata: index === 0 ? null : jsonOf(random) };
        });
        const stored = await store.append(userId, id, sent);
        const read = (await readAll(store, userId, id)).slice(-roles.length);
        expect(read.map(plain)).toEqual(stored.map(plain));
        const kept = (each: SentMessage | ReadMessage) =>
          JSON.stringify([each.role, each.parts, each.metadata ?? null]);
        expect(read.map(kept)).toEqual(sent.map(kept));
      }
    },
  },
  {
    id: "P6.4",
    title: "a message is changed as it was read, once, and keeps its place",
    needs: ["changes"],
    run: async ({ subject, store }) => {
      const { userId, id } = await begin(store);
      const [first, second] = [message("first"), message("second")];
      for (const each of [first, second]) await store.append(userId, id, [each]);
      const { revision, update } = changesOf(subject);
      const seen = await revision(userId, id, first.id);
      const all = ["a", "b", "c", "d"].map((content) => update(userId, id, first.id, content, seen));
      const won = (await Promise.allSettled(all)).flatMap(({ status }, index) => (status === "fulfilled" ? index : []));
      expect(won).toHaveLength(1);
      const read = await readAll(store, userId, id);
      expect(read.map(({ content, seq }) => [content, seq])).toEqual([
        ["abcd"[won[0] ?? 0], 1],
        ["second", 2],
      ]);
      const other = await store.createUser();
      const now = await revision(userId, id, first.id);
      expect(await refusal(store, () => update(other, id, first.id, "theirs", now))).toBe("not_found");
      expect(await refusal(store, () => update(userId, id, first.id, "late", seen))).toBe("conflict");
      expect(await readAll(store, userId, id)).toEqual(read);
    },
  },
  {
    id: "P6.5",
    title: "of a redacted message nothing is left but its place",
    needs: ["changes"],
    run: async ({ subject, store }) => {
      const { userId, id } = await begin(store);
      const sent = [message("before"), { ...message("a secret"), metadata: { secret: 1 } }, message("after")];
      for (const each of sent) await store.append(userId, id, [each]);
      await changesOf(subject).redact(userId, id, sent[1]?.id ?? "");
      const read = await readAll(store, userId, id);
      expect(read.map(({ id: each, seq }) => [each, seq])).toEqual(sent.map((each, index) => [each.id, index + 1]));
      expect(JSON.stringify(read)).not.toContain("secret");
      expect(read[1]).toMatchObject({ content: "" });
    },
  },
  {
    id: "P6.6",
    title: "what is below the end of a truncated chat is not shown, and what is appended follows that end",
    needs: ["changes"],
    run: async ({ subject, store }) => {
      const { userId, id } = await begin(store);
      const line = [message("1"), message("2"), message("3")];
      for (const each of line) await store.append(userId, id, [each]);
      const { truncate, shown } = changesOf(subject);
      await truncate(userId, id, line[0]?.id ?? "");
      expect(await shown(userId, id)).toEqual([line[0]?.id]);
      const next = message("4");
      await store.append(userId, id, [next]);
      expect(await shown(userId, id)).toEqual([line[0]?.id, next.id]);
      expect((await readAll(store, userId, id)).map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
    },
  },
  {
    id: "P6.7",
    title: "a transcript is saved by its difference: what is the same stays, the rest is as it was given",
    needs: ["changes"],
    run: async ({ subject, store }) => {
      const { userId, id } = await begin(store);
      const [one, two, three] = [message("1"), message("2", "assistant"), message("3")];
      const { save, shown, revision } = changesOf(subject);
      await save(userId, id, [one, two]);
      const before = await revision(userId, id, one.id);
      await save(userId, id, [one, { ...two, content: "2, changed" }, three]);
      expect(await shown(userId, id)).toEqual([one.id, two.id, three.id]);
      const words = new Map((await readAll(store, userId, id)).map((each) => [each.id, each.content]));
      expect([one, two, three].map((each) => words.get(each.id))).toEqual(["1", "2, changed", "3"]);
      expect(await revision(userId, id, one.id)).toEqual(before);
      await save(userId, id, [one]);
      expect(await shown(userId, id)).toEqual([one.id]);
      expect(await readAll(store, userId, id)).toHaveLength(3);
    },
  },
  {
    id: "P6.8",
    title: "what is brought in keeps its times, and again changes nothing",
    needs: ["changes"],
    run: async ({ subject, store }) => {
      const userId = await store.createUser();
      const { bringIn, timeOf } = changesOf(subject);
      const moment = (index: number) => new Date(Date.UTC(2023, 1, 3, 4, 5, 6, index));
      const messages = Array.from({ length: 250 }, (_, index) => ({
        ...message(`old ${index}`, index % 2 === 0 ? "user" : "assistant"),
        createdAt: moment(index),
      }));
      await bringIn(userId, "old", messages);
      const before = await readAll(store, userId, "old");
      expect(before.map(({ id, content }) => [id, content])).toEqual(messages.map(({ id, content }) => [id, content]));
      for (const index of [0, 1, 249]) {
        expect(await timeOf(userId, "old", messages[index]?.id ?? "")).toEqual(moment(index));
      }
      await bringIn(userId, "old", messages);
      expect(await readAll(store, userId, "old")).toEqual(before);
    },
  },
];
