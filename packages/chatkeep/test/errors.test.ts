import { inspect } from "node:util";
import { ChatkeepError, createStore, type Value } from "chatkeep";
import { inTransaction, translate } from "chatkeep/internal";
import { sql } from "drizzle-orm";
import { PgDialect } from "drizzle-orm/pg-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openTestDatabase, type TestDatabase } from "./helpers/database.ts";
import { ids, models, resetPeople } from "./helpers/people.ts";

let database: TestDatabase;

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());

const secret = "my-private-words";

it("no error of a statement carries what was in it, whatever went wrong", async () => {
  const { db } = database;
  const { ann } = await resetPeople(database);
  const { id } = await ann.conversations.create();
  await db.execute(sql`create table if not exists diary (words text primary key check (words <> 'forbidden'), n int)`);
  await db.execute(sql`
    create or replace function complain(words text) returns void language plpgsql as
    $$ begin raise exception 'no: %', words; end $$`);
  await db.execute(sql`
    create or replace function complain_as(words text, code text) returns void language plpgsql as
    $$ begin raise exception using errcode = code, message = words; end $$`);
  await db.execute(sql`insert into diary values (${secret}, 1)`);
  const statements = [
    sql`select ${secret}::uuid`,
    sql`select ${secret}::int`,
    sql`select ${`{"${secret}`}::json`,
    sql`select ${secret}::timestamptz`,
    sql`insert into diary values (${secret}, 1)`,
    sql`insert into diary values ('forbidden', ${secret.length}), (${secret}, null)`,
    sql`select complain(${secret})`,
    sql`select complain_as(${secret}, '57014')`,
    sql`select complain_as(${secret}, '42501')`,
    sql`select complain_as(${secret}, '23505')`,
    sql`insert into diary select ${secret}, 1 from nowhere`,
    sql`select nothing(${secret})`,
    sql`select ${secret} from generate_series(1, 0) having 1 / count(*) > 0`,
  ];
  for (const statement of statements) {
    const failed = inTransaction(database, (inside) => {
      const { sql: text, params } = new PgDialect().sqlToQuery(statement);
      return inside.query(text, params as Value[]);
    }).then(
      () => undefined,
      (error: unknown) => error,
    );
    const error = await failed;
    expect(error, inspect(statement)).toBeInstanceOf(ChatkeepError);
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain(secret);
    expect((error as ChatkeepError).message).toMatch(/^.+\.$/);
  }
  // The tables are not as the code knows them: no code of ours, and the words of the message in its statement.
  await inTransaction(database, async (tx) => {
    await tx.query("alter table message add constraint odd check (content not like '%private%')");
    const append = () =>
      createStore(tx, models)
        .forUser(ids.ann)
        .messages.append(id, [{ role: "user", content: secret }]);
    const error = await append().catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: "internal", cause: { code: "23514", constraint: "odd" } });
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain(secret);
    throw new RangeError("enough");
  }).catch((error: unknown) => expect(error).toBeInstanceOf(RangeError));
  await db.execute(sql`drop table diary`);
});

it("what a host throws in a transaction of its own stays what it is", async () => {
  const mine = Object.assign(new Error("mine"), { code: "EPERM" });
  await expect(inTransaction(database, () => Promise.reject(mine))).rejects.toBe(mine);
  expect(translate(mine)).toBe(mine);
  expect(translate("text")).toBe("text");
});
