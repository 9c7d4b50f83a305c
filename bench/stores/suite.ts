/** The conformance suite against one of these stores: each case in a database of its own, on one PostgreSQL 18. Run by `run.ts`. */

import { setTimeout as pause } from "node:timers/promises";
import { inTransaction } from "chatkeep/internal";
import { openPg } from "chatkeep/pg";
import { type ConformanceStore, conformanceGroups, contextOf, type ReadMessage, type Subject } from "chatkeep/testing";
import { afterAll, beforeAll, describe, inject, it } from "vitest";
import { startLossyProxy } from "../../packages/chatkeep/test/helpers/lossy-proxy.ts";
import { startPostgres } from "../../packages/chatkeep/test/helpers/throwaway-postgres.ts";
import type { Query, StoreAdapter } from "./adapter.ts";

declare module "vitest" {
  interface ProvidedContext {
    store: string;
    rounds: number;
    seed: number;
  }
}

const module = new URL(`./${inject("store")}/adapter.ts`, import.meta.url).href;
const adapter = (await import(module)) as StoreAdapter;
const settings = ["shared_preload_libraries=pg_stat_statements", "autovacuum=off"];
let postgres: Awaited<ReturnType<typeof startPostgres>>;
let lossy: Awaited<ReturnType<typeof startLossyProxy>>;
let count = 0;

beforeAll(async () => {
  postgres = await startPostgres(undefined, settings);
  lossy = await startLossyProxy(postgres.port, adapter.stored);
  await withAdmin("postgres", async (query) => {
    await query("create database pattern");
  });
  await adapter.setUp(urlOf("pattern", postgres.port));
  await withAdmin("pattern", async (query) => {
    await query("create extension pg_stat_statements");
  });
}, 120_000);

afterAll(async () => {
  await lossy.stop();
  await postgres.stop();
}, 60_000);

for (const group of conformanceGroups) {
  describe(group.name, () => {
    for (const each of group.cases) {
      const isLacking = each.needs.some((need) => adapter.without.includes(need)) || adapter.notClaimed[each.id];
      it.skipIf(isLacking)(
        `${each.id} ${each.title}`,
        async () => {
          const subject = await openSubject();
          try {
            const store = sendsTwice.test(each.id) ? sendingOnce(subject.store) : subject.store;
            await each.run(contextOf({ ...subject, store }, inject("rounds"), inject("seed")));
          } catch (error) {
            throw explained(error);
          } finally {
            await subject.close();
          }
        },
        each.id.startsWith("P5") ? 240_000 : 60_000,
      );
    }
  });
}

/** The cases about content and reading that send again what was stored. Retrying has cases of its own, so here it is not passed on. */
const sendsTwice = /^(C\.|P2\.10$)/;

function sendingOnce(store: ConformanceStore): ConformanceStore {
  const answers = new Map<string, ReadMessage[]>();
  return {
    ...store,
    append: async (userId, id, messages) => {
      const key = JSON.stringify([id, ...messages.map((each) => each.id)]);
      const answer = answers.get(key) ?? (await store.append(userId, id, messages));
      answers.set(key, answer);
      return answer;
    },
  };
}

/** With what PostgreSQL or its driver said first, which the packages wrap. */
function explained(error: unknown): unknown {
  for (let cause = error instanceof Error ? error.cause : undefined; cause instanceof Error; cause = cause.cause) {
    const code = "code" in cause ? ` (${cause.code})` : "";
    (error as Error).message = `${cause.message}${code}: ${(error as Error).message}`;
  }
  return error;
}

function urlOf(database: string, port: number): string {
  const url = new URL(postgres.url);
  url.pathname = database;
  url.port = String(port);
  return url.href;
}

/** A connection for one piece of work, so that a server that was killed in between is no matter. */
async function withAdmin<Result>(database: string, work: (query: Query) => Promise<Result>): Promise<Result> {
  const admin = openPg({ url: urlOf(database, postgres.port), statementTimeoutMs: 120_000 });
  try {
    return await work((sql, values) => admin.query(sql, values as string[]));
  } finally {
    await admin.close();
  }
}

async function openSubject(): Promise<Subject> {
  count += 1;
  const name = `case_${count}`;
  await withAdmin("postgres", (query) => query(`create database ${name} template pattern`));
  const url = urlOf(name, lossy.port);
  const store = await adapter.openStore(url);
  const { setTimes, fillUser } = adapter;
  return {
    store,
    connect: () => adapter.openStore(url),
    worker: { module, argument: url },
    faults: {
      dropConnections: () =>
        withAdmin("postgres", async (query) => {
          await query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`);
        }),
      crash: postgres.crash,
      beAway: postgres.beAway,
      loseNextAnswer: lossy.loseNextAnswer,
    },
    ...(setTimes && { clock: { setTimes: (id, moment) => withAdmin(name, (query) => setTimes(query, id, moment)) } }),
    counters: {
      count: (work) =>
        withAdmin(name, async (query) => {
          await query("select pg_stat_statements_reset()");
          await work();
          const rows = (await query(`
            select sum(calls)::int, sum(shared_blks_hit + shared_blks_read)::int, sum(wal_bytes)::int
            from pg_stat_statements where query not like '%pg_stat_statements%'`)) as number[][];
          const [statements = 0, blocks = 0, walBytes = 0] = (rows[0] ?? []).map(Number);
          return { statements, blocks, walBytes };
        }),
      fillConversation: async (userId, id, total) => {
        store.isCounted = true;
        for (let done = 0; done < total; done += 1_000) {
          const messages = Array.from({ length: Math.min(1_000, total - done) }, () => crypto.randomUUID());
          await store.append(
            userId,
            id,
            messages.map((each) => ({ id: each, role: "user", content: "filled" })),
          );
        }
        await withAdmin(name, (query) => query("vacuum (analyze)"));
      },
      fillUser: async (userId, total) => {
        await withAdmin(name, async (query) => {
          await fillUser?.(query, userId, total);
          await query("vacuum (analyze)");
        });
      },
      withoutMessages: async (work) => {
        const admin = openPg({ url: urlOf(name, postgres.port) });
        try {
          return await inTransaction(admin, async (inside) => {
            await inside.query(`lock table ${adapter.messagesTable} in access exclusive mode`);
            return await work();
          });
        } finally {
          await admin.close();
        }
      },
    },
    ...(adapter.bringIn && { changes: { ...nothing, ...adapter.bringIn(url) } }),
    // A pool that waits for itself never ends; the case has failed by then.
    close: () => Promise.race([store.close(), pause(3_000)]),
  };
}

const never = async (): Promise<never> => {
  throw new Error("no case that is run needs this");
};
const nothing = { revision: never, update: never, redact: never, truncate: never, save: never, shown: never };
