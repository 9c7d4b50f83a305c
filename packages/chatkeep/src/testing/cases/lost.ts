/** P1: nothing acknowledged is lost, whatever dies. */
import { expect } from "vitest";
import type { CaseContext, ConformanceCase, ConformanceStore, SentMessage } from "../subject.ts";
import {
  appendUntilAcknowledged,
  begin,
  expectGapFree,
  expectPairs,
  message,
  pair,
  pause,
  readAll,
  refusal,
  times,
  withConnections,
  within,
} from "../tools.ts";
import { runWriters } from "../writers.ts";

export const lostCases: ConformanceCase[] = [
  {
    id: "P1.1",
    title: "what was acknowledged is there for every other connection",
    needs: ["connections"],
    run: async (context) => {
      const { userId, id } = await begin(context.store);
      await withConnections(context, 2, async ([one, two]) => {
        for (let turn = 0; turn < 20; turn += 1) {
          const sent = pair(String(turn));
          await one?.append(userId, id, sent);
          const last = await two?.page(userId, id, { limit: 2 });
          expect(last?.map((each) => each.id)).toEqual(sent.map((each) => each.id));
        }
      });
    },
  },
  {
    id: "P1.2",
    title: "a writer that is killed in the middle of an append leaves no half of it, and loses nothing acknowledged",
    needs: ["processes"],
    run: async (context) => {
      for (let round = 0; round < Math.ceil(context.rounds / 5); round += 1) {
        const { userId, id } = await begin(context.store);
        const writers = await runWriters(context, 3, userId, id);
        const acknowledged = await writers.kill(() => 20 + context.random() * 300);
        await expectWhole(context.store, userId, id, acknowledged);
        await context.store.append(userId, id, pair("afterwards"));
      }
    },
  },
  {
    id: "P1.3",
    title:
      "connections that are dropped at random moments lose nothing acknowledged, and a retry stores each append once",
    needs: ["faults"],
    run: (context) =>
      writeThrough(context, async (faults) => {
        for (let count = 0; count < context.rounds; count += 1) {
          await pause(context.random() * 60);
          await faults.dropConnections();
        }
      }),
  },
  {
    id: "P1.4",
    title:
      "a database that is killed during appends loses nothing acknowledged, and the store goes on without being opened anew",
    needs: ["faults"],
    run: (context) =>
      writeThrough(context, async (faults) => {
        for (let count = 0; count < Math.ceil(context.rounds / 10); count += 1) {
          await pause(50 + context.random() * 200);
          await faults.crash();
        }
      }),
  },
  {
    id: "P1.5",
    title: "an append whose answer is lost after it was committed is answered by its retry, and stored once",
    needs: ["faults"],
    run: async ({ subject, store, rounds }) => {
      const { userId, id } = await begin(store);
      let committed = 0;
      for (let round = 0; round < rounds; round += 1) {
        await store.append(userId, id, [message("warm")]);
        const sent = pair(String(round));
        subject.faults?.loseNextAnswer();
        expect(await refusal(store, () => store.append(userId, id, sent))).toBe("unavailable");
        // Now and then it is the answer to a new connection that is lost, and the append has not begun.
        const isThere = (await readAll(store, userId, id)).at(-1)?.id === sent[1]?.id;
        committed += Number(isThere);
        const answer = await appendUntilAcknowledged(store, userId, id, sent);
        const all = await readAll(store, userId, id);
        expect(all).toHaveLength((round + 1) * 3);
        expect(answer).toEqual(all.slice(-2));
      }
      expect(committed).toBeGreaterThan(0);
    },
  },
  {
    id: "P1.6",
    title:
      "a database that is away: callers are told that it is unavailable, nobody hangs, and all is well when it is back",
    needs: ["faults"],
    run: async (context) => {
      const awayMs = context.rounds > 20 ? 10_000 : 2_000;
      await writeThrough(context, (faults) => faults.beAway(awayMs));
      const { faults } = context.subject;
      const { userId, id } = await begin(context.store);
      const away = faults?.beAway(1_500);
      await pause(500);
      const read = () => context.store.page(userId, id, { limit: 1 });
      expect(await within(60_000, "a read of a database that is away", refusal(context.store, read))).toBe(
        "unavailable",
      );
      await away;
    },
  },
  {
    id: "P1.7",
    title: "two hundred callers at once, more than there are connections, are all served",
    needs: [],
    run: async ({ store }) => {
      const { userId, id } = await begin(store);
      const calls = times(200, (index) =>
        index % 2 ? store.append(userId, id, pair(String(index))) : store.page(userId, id, { limit: 5 }),
      );
      await within(60_000, "two hundred calls", Promise.all(calls));
      const all = await readAll(store, userId, id);
      expect(all).toHaveLength(200);
      expectPairs(all);
    },
  },
];

type Faults = NonNullable<CaseContext["subject"]["faults"]>;

/** Eight writers that retry until they are acknowledged, while `harm` happens. */
async function writeThrough(context: CaseContext, harm: (faults: Faults) => Promise<void>): Promise<void> {
  const { store, subject } = context;
  if (!subject.faults) throw new Error("the subject has no faults");
  const { userId, id } = await begin(store);
  let isHarmed = true;
  const acknowledged: string[] = [];
  const sent: SentMessage[] = [];
  const write = async (writer: number) => {
    for (let turn = 0; isHarmed || turn < 3; turn += 1) {
      const messages = pair(`${writer}.${turn}`);
      sent.push(...messages);
      await appendUntilAcknowledged(store, userId, id, messages);
      acknowledged.push(...messages.map((each) => each.id));
      await pause(5);
    }
  };
  const writing = Promise.all(times(8, write));
  await harm(subject.faults).finally(() => {
    isHarmed = false;
  });
  await within(90_000, "writing through it", writing);
  const all = await expectWhole(store, userId, id, acknowledged);
  expect(all.map((each) => each.id).sort()).toEqual(sent.map((each) => each.id).sort());
}

/** Everything acknowledged is there once, in pairs, without a gap. */
async function expectWhole(store: ConformanceStore, userId: string, id: string, acknowledged: string[]) {
  const all = await readAll(store, userId, id);
  const there = new Set(all.map((each) => each.id));
  expect(acknowledged.filter((each) => !there.has(each))).toEqual([]);
  expect(there.size).toBe(all.length);
  expectGapFree(all);
  expectPairs(all);
  return all;
}
