/** What comes back equals what went in, byte for byte. */
import fc from "fast-check";
import { expect } from "vitest";
import type { ConformanceCase, SentMessage } from "../subject.ts";
import { begin, message, readAll, refusal } from "../tools.ts";

const megabytes = 16;
const largest = megabytes * 1024 * 1024;

const odd: [id: string, name: string, content: () => string][] = [
  ["C.1", "NUL", () => "before\0after"],
  ["C.2", "lone surrogates", () => "\ud800 and \udfff and \ud83d"],
  ["C.3", "right-to-left text and marks", () => "שלום \u202eabc\u202c مرحبا"],
  ["C.4", "emoji with joiners, flags and skin tones", () => "👩‍👩‍👧‍👦 🇩🇪 👍🏽 e\u0301"],
  ["C.5", "100,000 lines", () => "line\r\n".repeat(100_000)],
  ["C.6", "quotes, backslashes, braces and SQL", () => `'"\\{}[]$1%s\t; drop table message; --`],
  ["C.7", "white space alone", () => " \n\t\u00a0\u2003"],
  ["C.8", "the replacement character and noncharacters", () => "\ufffd\ufffe\uffff\ufeff"],
  ["C.9", `${megabytes} MiB`, () => "x".repeat(largest)],
];

export const contentCases: ConformanceCase[] = [
  ...odd.map(([id, name, content]) => ({
    id,
    title: `content: ${name}`,
    needs: [],
    run: async ({ store }: Parameters<ConformanceCase["run"]>[0]) => {
      const chat = await begin(store);
      const sent = message(content());
      await store.append(chat.userId, chat.id, [sent]);
      const [read] = await readAll(store, chat.userId, chat.id, 1);
      expect(read?.content === sent.content).toBe(true);
      const [again] = await store.append(chat.userId, chat.id, [sent]);
      expect(again?.seq).toBe(1);
    },
  })),
  {
    id: "C.10",
    title: `content: one byte more than ${megabytes} MiB is too large, also in characters of several bytes`,
    needs: [],
    run: async ({ store }) => {
      const { userId, id } = await begin(store);
      for (const content of ["x".repeat(largest + 1), "é".repeat(largest / 2 + 1)]) {
        expect(await refusal(store, () => store.append(userId, id, [message(content)]))).toBe("too_large");
      }
      expect(await readAll(store, userId, id)).toEqual([]);
    },
  },
  {
    id: "C.11",
    title: "content: an empty message is refused, and nothing of its append is stored",
    needs: [],
    run: async ({ store }) => {
      const { userId, id } = await begin(store);
      const messages = [message("full"), message("")];
      expect(await refusal(store, () => store.append(userId, id, messages))).toBe("invalid_input");
      expect(await readAll(store, userId, id)).toEqual([]);
    },
  },
  {
    id: "C.12",
    title: "parts: nested 100 deep, odd text and odd keys, in the order they had",
    needs: [],
    run: async ({ store }) => {
      let deep: unknown = "\0\ud800";
      for (let depth = 0; depth < 100; depth += 1) deep = depth % 2 ? [deep] : { z: deep, a: null };
      const parts: NonNullable<SentMessage["parts"]> = [
        { type: "data-deep", deep },
        { type: "data-keys", "": 1, "\0": 2, ключ: 3, constructor: 4 },
        { type: "data-numbers", numbers: [0, -1.5, 1e21, 5e-324, true, null] },
        { type: "text", text: "words" },
      ];
      await expectParts(store, parts);
    },
  },
  {
    id: "C.13",
    title: "content: any text at all",
    needs: [],
    run: async ({ store, rounds, seed }) => {
      const property = fc.asyncProperty(
        fc.string({ unit: "binary", minLength: 1, maxLength: 200 }),
        async (content) => {
          const { userId, id } = await begin(store);
          await store.append(userId, id, [message(content)]);
          expect((await readAll(store, userId, id))[0]?.content).toBe(content);
        },
      );
      await fc.assert(property, { seed, numRuns: rounds });
    },
  },
  {
    id: "C.14",
    title: "parts: any JSON at all",
    needs: [],
    run: async ({ store, rounds, seed }) => {
      const property = fc.asyncProperty(fc.jsonValue({ stringUnit: "binary" }), async (value) => {
        // What JSON itself does not keep, such as -0, cannot come back.
        await expectParts(store, [{ type: "data-any", value: JSON.parse(JSON.stringify(value)) as unknown }]);
      });
      await fc.assert(property, { seed, numRuns: rounds });
    },
  },
];

async function expectParts(
  store: Parameters<ConformanceCase["run"]>[0]["store"],
  parts: NonNullable<SentMessage["parts"]>,
): Promise<void> {
  const { userId, id } = await begin(store);
  const { content: _, ...sent } = { ...message(""), parts };
  await store.append(userId, id, [sent]);
  const [read] = await readAll(store, userId, id);
  expect(JSON.stringify(read?.parts)).toBe(JSON.stringify(parts));
}
