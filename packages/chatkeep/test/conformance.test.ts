import { type Connection, createStore, migrate, type NewMessage } from "chatkeep";
import { type Capability, runConformance, type Subject } from "chatkeep/testing";
import { sql } from "drizzle-orm";
import { changesOn, conformanceStore, openPlace, type StorePlace } from "./helpers/conformance-store.ts";
import { distributed, engine, isServer, isWalled, openTestDatabase } from "./helpers/database.ts";
import { isLong } from "./helpers/long.ts";
import { startLossyProxy } from "./helpers/lossy-proxy.ts";
import { startNeonProxy } from "./helpers/neon-proxy.ts";
import { models, ownMigrations } from "./helpers/people.ts";
import { installedPostgres15, startPostgres } from "./helpers/throwaway-postgres.ts";
import { asLimitedRole, createLimitedRole, wall } from "./helpers/walled.ts";
import { type Drizzle, openPg } from "./helpers/with-drizzle.ts";

const { CHATKEEP_CONFORMANCE_ROUNDS, CHATKEEP_CONFORMANCE_SEED } = process.env;
const options = {
  // The others run the same cases against the same SQL; the long form runs all of them long.
  rounds: Number(CHATKEEP_CONFORMANCE_ROUNDS ?? (engine === "pg18" ? 5 : 2)),
  ...(CHATKEEP_CONFORMANCE_SEED && { seed: Number(CHATKEEP_CONFORMANCE_SEED) }),
  timeoutMs: CHATKEEP_CONFORMANCE_ROUNDS ? 600_000 : 120_000,
};

/** One session, one process: there is no second connection, and no server that could be away. */
const beyondPglite: Capability[] = ["connections", "processes", "faults", "counters"];

/** Behind Neon's proxy is the same PostgreSQL 18, whose work is counted on pg18: here only in the long form. */
const isCounted = engine !== "neon" || isLong;

if (distributed)
  runConformance("chatkeep on Citus", openCluster, { ...options, without: ["counters", "faults", "globalIds"] });
else if (isServer)
  runConformance(`chatkeep on ${isWalled ? "PostgreSQL with row-level security" : engine}`, openServer, {
    ...options,
    without: isCounted ? [] : ["counters"],
  });
else runConformance("chatkeep on PGlite", openEmbedded, { ...options, without: beyondPglite });

async function openEmbedded(): Promise<Subject> {
  const database = await openTestDatabase();
  const { db, close } = database;
  return {
    store: conformanceStore(database),
    clock: clockOf(db),
    archive: archiveOf(database),
    whole: true,
    changes: changesOn(database),
    close,
  };
}

/** A store at a place, which other connections and processes find. */
function openAt(place: StorePlace) {
  return {
    store: openPlace(place),
    connect: async () => openPlace(place),
    worker: {
      module: new URL("./helpers/conformance-store.ts", import.meta.url).href,
      argument: JSON.stringify(place),
    },
  };
}

/** Its nodes are others' too, and are left alive. */
async function openCluster(): Promise<Subject> {
  const database = await openTestDatabase();
  const place = { url: database.url ?? "", distributed };
  const { store, ...elsewhere } = openAt(place);
  return {
    store,
    ...elsewhere,
    clock: clockOf(database.db),
    archive: archiveOf(database),
    whole: true,
    changes: changesOn(database, { distributed }),
    idsPerUser: true,
    close: async () => {
      await store.close();
      await database.close();
    },
  };
}

/** A server of its own, which can be killed without harming other tests, behind a way that can lose answers. */
async function openServer(): Promise<Subject> {
  const preload = ["shared_preload_libraries=pg_stat_statements", "autovacuum=off"];
  const postgres = await startPostgres(engine === "pg15" ? installedPostgres15() : undefined, preload);
  const admin = openPg({ url: postgres.url, statementTimeoutMs: 120_000 });
  await migrate(admin, ownMigrations);
  await admin.db.execute(sql`create extension pg_stat_statements`);
  const lossy = await startLossyProxy(postgres.port);
  const neon = engine === "neon" ? await startNeonProxy(lossy.port) : undefined;
  if (isWalled) {
    await createLimitedRole(admin);
    await wall(admin);
  }
  const url = new URL(isWalled ? asLimitedRole(postgres.url) : postgres.url);
  if (!neon) url.port = String(lossy.port);
  const place = { url: url.href, neonProxyPort: neon?.port, rowLevelSecurity: isWalled };
  const { store, ...elsewhere } = openAt(place);
  return {
    store,
    ...elsewhere,
    faults: {
      dropConnections: async () => {
        await admin.db.execute(sql`
          select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend'`);
      },
      crash: postgres.crash,
      beAway: postgres.beAway,
      loseNextAnswer: lossy.loseNextAnswer,
    },
    clock: clockOf(admin.db),
    ...(isCounted && { counters: countersOf(admin.db) }),
    archive: archiveOf(admin),
    whole: true,
    changes: changesOn(admin),
    close: async () => {
      await store.close();
      await admin.close();
      await neon?.stop();
      await lossy.stop();
      await postgres.stop();
    },
  };
}

function clockOf(db: Drizzle): NonNullable<Subject["clock"]> {
  return {
    setTimes: async (id, moment) => {
      const time = moment.toISOString();
      await db.execute(sql`update message set created_at = ${time} where conversation_id = ${id}`);
      await db.execute(sql`update conversation set created_at = ${time}, updated_at = ${time} where id = ${id}`);
    },
  };
}

function archiveOf(connection: Connection): NonNullable<Subject["archive"]> {
  const store = createStore(connection, models, { distributed });
  return {
    archive: async (userId, id, archived) => void (await store.forUser(userId).conversations.archive(id, archived)),
    appendBelow: async (userId, id, parentId, message) =>
      void (await store.forUser(userId).messages.append(id, [{ ...message, parentId } as NewMessage])),
    show: (userId, id, messageId) => store.forUser(userId).conversations.showBranch(id, messageId),
    shown: async (userId, id) => (await store.forUser(userId).messages.branch(id)).items.map((message) => message.id),
  };
}

function countersOf(db: Drizzle): NonNullable<Subject["counters"]> {
  return {
    count: async (work) => {
      await db.execute(sql`select pg_stat_statements_reset()`);
      await work();
      const { rows } = (await db.execute(sql`
        select sum(calls)::int as statements, sum(shared_blks_hit + shared_blks_read)::int as blocks,
          sum(wal_bytes)::int as "walBytes"
        from pg_stat_statements where query not like '%pg_stat_statements%'`)) as unknown as {
        rows: { statements: number; blocks: number; walBytes: number }[];
      };
      return rows[0] ?? { statements: 0, blocks: 0, walBytes: 0 };
    },
    fillConversation: async (userId, id, total) => {
      await db.execute(sql`
        insert into message (conversation_id, user_id, seq, role, content)
        select ${id}::uuid, ${userId}::uuid, seq, 'user', 'filled' from generate_series(1, ${total}::int) seq`);
      await db.execute(sql`
        update conversation set message_count = ${total}, head_id = (select id from message where conversation_id = ${id} order by seq desc limit 1)
        where id = ${id}`);
      await db.execute(sql`vacuum (analyze) message`);
      await db.execute(sql`vacuum (analyze) conversation`);
    },
    fillUser: async (userId, total) => {
      await db.execute(sql`
        insert into conversation (user_id, title, updated_at)
        select ${userId}::uuid, 'filled', now() - make_interval(secs => n) from generate_series(1, ${total}::int) n`);
      await db.execute(sql`vacuum (analyze) conversation`);
    },
    withoutMessages: async (work) =>
      await db.transaction(async (tx) => {
        await tx.execute(sql`lock table message in access exclusive mode`);
        return await work();
      }),
  };
}
