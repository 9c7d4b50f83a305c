import { type Connection, createStore } from "chatkeep";
import { fromDrizzle } from "chatkeep/drizzle";
import { fromKysely } from "chatkeep/kysely";
import { fromPg } from "chatkeep/pg";
import { fromPostgresJs } from "chatkeep/postgres-js";
import { drizzle as drizzlePg } from "drizzle-orm/node-postgres";
import { drizzle as drizzlePostgresJs } from "drizzle-orm/postgres-js";
import { Kysely, PostgresDialect } from "kysely";
import { Client, Pool, type PoolClient } from "pg";
import postgres from "postgres";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { isServer, openTestDatabase, type TestDatabase } from "./helpers/database.ts";
import { ids, models, resetPeople } from "./helpers/people.ts";

const hello = { role: "user", content: "Hello" } as const;
const draft = { role: "assistant", status: "streaming" } as const;

/** Everything that begins a transaction, or a savepoint, by itself. */
async function writeAll(connection: Connection, conversationId: string): Promise<void> {
  const store = createStore(connection, models);
  const ann = store.forUser(ids.ann);
  const [question, reply] = await ann.messages.append(conversationId, [hello, draft]);
  await ann.runs.beginDraft({ conversationId, messageId: reply?.id ?? "", server: "one" });
  await store.transaction(async (tx) => {
    await tx.forUser(ids.ann).conversations.rename(conversationId, "Renamed");
  });
  await ann.transaction(conversationId, (mine) => mine.conversations.pin(conversationId, true));
  // What fails inside is undone by itself, and the transaction of the host goes on.
  const twice = [{ ...hello, id: question?.id ?? "", content: "Other words" }];
  await expect(ann.messages.append(conversationId, twice)).rejects.toThrow(/in use already/);
  const failing = store.transaction(async (tx) => {
    await tx.forUser(ids.ann).conversations.rename(conversationId, "Not this");
    throw new Error("changed my mind");
  });
  await expect(failing).rejects.toThrow("changed my mind");
  await Promise.all([1, 2, 3].map(() => ann.messages.append(conversationId, [hello])));
  const archive = (archived: boolean) =>
    store.transaction((tx) => tx.forUser(ids.ann).conversations.archive(conversationId, archived));
  await Promise.all([archive(true), archive(false)]);
}

let database: TestDatabase;
let id: string;

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  const { ann } = await resetPeople(database);
  ({ id } = await ann.conversations.create());
});

const read = () => createStore(database, models).forUser(ids.ann).conversations.get(id);

async function expectUndone() {
  expect(await read()).toMatchObject({ messageCount: 0, title: null, pinned: false });
}

async function expectDone() {
  expect(await read()).toMatchObject({ messageCount: 5, title: "Renamed", pinned: true });
}

type Opened = [client: Client | PoolClient, close: () => Promise<void>];

const ways: Record<string, (client: Client | PoolClient) => Connection> = {
  "by itself": (client) => fromPg(client),
  "through Drizzle": (client) => fromDrizzle(drizzlePg(client)),
};
const kinds = Object.entries(ways);

const connect: Record<string, () => Promise<Opened>> = {
  "on a client of pg": async () => {
    const client = new Client({ connectionString: database.url });
    await client.connect();
    return [client, () => client.end()];
  },
  "on a client of a pool of pg": async () => {
    const pool = new Pool({ connectionString: database.url });
    const client = await pool.connect();
    const close = async () => {
      client.release();
      await pool.end();
    };
    return [client, close];
  },
};

describe.runIf(isServer).each(Object.entries(connect))("%s", (_name, open) => {
  it.each(kinds)("%s a transaction that the host has opened is the host's to end", async (_way, through) => {
    const [client, close] = await open();
    await client.query("begin");
    await writeAll(through(client), id);
    await expectUndone();
    await client.query("rollback");
    await expectUndone();
    await client.query("begin");
    await writeAll(through(client), id);
    await client.query("commit");
    await expectDone();
    await close();
  });

  it.each(kinds)("%s each verb commits by itself when none is open", async (_way, through) => {
    const [client, close] = await open();
    await writeAll(through(client), id);
    await expectDone();
    await close();
  });
});

it.runIf(isServer)("a transaction of Drizzle on postgres.js is the host's to end", async () => {
  const client = postgres(database.url ?? "", { onnotice: () => {} });
  const db = drizzlePostgresJs(client);
  const rolledBack = db.transaction(async (tx) => {
    await writeAll(fromDrizzle(tx), id);
    throw new Error("the host rolls back");
  });
  await expect(rolledBack).rejects.toThrow("the host rolls back");
  await expectUndone();
  await db.transaction((tx) => writeAll(fromDrizzle(tx), id));
  await expectDone();
  await client.end();
});

it.runIf(isServer)("a transaction of postgres.js is the host's to end", async () => {
  const client = postgres(database.url ?? "", { onnotice: () => {} });
  const rolledBack = client.begin(async (tx) => {
    await writeAll(fromPostgresJs(tx), id);
    throw new Error("the host rolls back");
  });
  await expect(rolledBack).rejects.toThrow("the host rolls back");
  await expectUndone();
  await client.begin((tx) => writeAll(fromPostgresJs(tx), id));
  await expectDone();
  await client.end();
});

it.runIf(isServer)("a transaction of Kysely is the host's to end", async () => {
  const kysely = new Kysely({ dialect: new PostgresDialect({ pool: new Pool({ connectionString: database.url }) }) });
  const rolledBack = kysely.transaction().execute(async (tx) => {
    await writeAll(fromKysely(tx), id);
    throw new Error("the host rolls back");
  });
  await expect(rolledBack).rejects.toThrow("the host rolls back");
  await expectUndone();
  await kysely.transaction().execute((tx) => writeAll(fromKysely(tx), id));
  await expectDone();
  await kysely.destroy();
});
