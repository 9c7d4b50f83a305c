/** What every connection promises, on all that chatkeep has drivers for: one suite, whatever is below. */
import { neon } from "@neondatabase/serverless";
import { InvalidInputError } from "chatkeep";
import { fromDrizzle } from "chatkeep/drizzle";
import { fromKysely } from "chatkeep/kysely";
import { fromNeon, openNeon } from "chatkeep/neon";
import { fromPg, openPg } from "chatkeep/pg";
import { fromPglite } from "chatkeep/pglite";
import { fromPostgresJs, openPostgresJs } from "chatkeep/postgres-js";
import { fromPrisma } from "chatkeep/prisma";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from "vitest";
import type { Connection, Value } from "../src/sql/connection.ts";
import { requireConnection } from "../src/sql/require-connection.ts";
import { sqlState } from "../src/sql/sqlstate.ts";
import { type Opened, openWay, waysOf } from "./helpers/connections.ts";

const engine = inject("engine");
const isServer = engine !== "pglite";

const one = async (connection: Connection, text: string, values?: Value[]) =>
  (await connection.query(text, values))[0]?.[0];
const insert = (connection: Connection, n: number) =>
  connection.query("insert into kept (n) values ($1::int)", [n], "chatkeep_insert_kept");
const state = (work: Promise<unknown>) => work.then(() => "done", sqlState);
const isTrue = (value: unknown) => value === true || value === "t" || value === "true";
/** As the store reads it: as text, or as what a driver has made of it. */
const json = (value: unknown) => (typeof value === "string" ? JSON.parse(value) : value);

describe.each(Object.entries(waysOf[engine]))("%s", (name, way) => {
  let opened: Opened;
  let connection: Connection;

  beforeAll(async () => {
    opened = await openWay(way);
    ({ connection } = opened);
    await connection.query("create table kept (n int primary key)");
  });
  afterAll(() => opened[Symbol.asyncDispose]());
  beforeEach(() => opened.other.query("delete from kept"));

  const kept = async () => {
    const rows = await opened.other.query("select n from kept order by n");
    return rows.map(([n]) => Number(n));
  };

  describe("values", () => {
    it.each([
      ["text", "plain"],
      ["text", ""],
      ["text", `it's "quoted" \\ and \\\\ $1 and :name? {a,b}\n\t`],
      ["text", "Grüße, 你好, 👩‍👩‍👧, \u202e"],
      ["text", "null"],
      ["text", '{"a":1}'],
      ["uuid", "0198f0de-0000-7000-8000-00000000abcd"],
      ["int", 0],
      ["int", -2147483648],
      ["bigint", 9007199254740991],
    ] as const)("%s %j comes back", async (type, value) => {
      expect(String(await one(connection, `select $1::${type} as value`, [value]))).toBe(String(value));
      expect(await one(connection, `select $1::${type} as value`, [null])).toBeNull();
    });

    it("a number with a fraction, and booleans", async () => {
      expect(Number(await one(connection, "select $1::float8 as value", [0.1]))).toBe(0.1);
      for (const value of [true, false]) {
        expect(isTrue(await one(connection, "select $1::boolean as value", [value]))).toBe(value);
        expect(await one(connection, "select ($1::boolean)::text as value", [value])).toBe(String(value));
      }
      expect(await one(connection, "select $1::boolean as value", [null])).toBeNull();
    });

    it("lists go as PostgreSQL writes them", async () => {
      const ids = ["0198f0de-0000-7000-8000-000000000001", "0198f0de-0000-7000-8000-000000000002"];
      const rows = await connection.query(
        "select u::text as id, i::int as place from unnest($1::text::uuid[]) with ordinality as l(u, i)",
        [`{${ids.join(",")}}`],
      );
      expect(rows.map(([id, place]) => [id, Number(place)])).toEqual(ids.map((id, i) => [id, i + 1]));
      const texts = await connection.query("select t as word from unnest($1::text::text[]) as l(t)", [
        String.raw`{"a,b","say \"x\"","back\\slash",NULL,"null","","{}"}`,
      ]);
      expect(texts.map(([word]) => word)).toEqual(["a,b", 'say "x"', "back\\slash", null, "null", "", "{}"]);
    });

    it("JSON is kept byte for byte", async () => {
      const text = `{"b": 1,  "a":[1.0, 1e3,"\\u0000 \\ud800"], "a":null, "ü":"\\\\"}`;
      await connection.query("create table if not exists parts (body json, same text)");
      await connection.query("insert into parts values ($1::text::json, $1::text)", [text]);
      const [row] = await connection.query(
        "select body::text as body, (body::text = same) as same, body as parsed from parts",
      );
      expect(row?.[0]).toBe(text);
      expect(isTrue(row?.[1])).toBe(true);
      expect(json(row?.[2])).toEqual(JSON.parse(text));
      for (const scalar of ['"text"', "1", "true", "null", "[]"]) {
        expect(await one(connection, "select ($1::text::json)::text as body", [scalar])).toBe(scalar);
      }
    });

    it("times are numbers where SQL makes them so", async () => {
      const ms = "select (extract(epoch from $1::text::timestamptz) * 1000)::float8 as ms";
      expect(Number(await one(connection, ms, ["2026-11-25T10:00:00.123Z"]))).toBe(1_795_600_800_123);
    });

    it("NUL is refused with a code", async () => {
      expect(await state(one(connection, "select $1::text as value", ["a\u0000b"]))).toBe("22021");
      expect(await one(connection, "select 1 as value").then(Number)).toBe(1);
    });

    it("columns come in their order, and a parameter may stand twice", async () => {
      const text = "select $2::int as b, $1::text as a, ($2 + 1)::int as c, $1 as d";
      const rows = await connection.query(text, ["x", 2]);
      expect(rows.map((row) => row.map(String))).toEqual([["2", "x", "3", "x"]]);
      expect(await connection.query("select 1 as n where false")).toEqual([]);
      expect(await insert(connection, 1)).toEqual([]);
      expect(
        (await connection.query("insert into kept values ($1::int) returning n", [2])).map(([n]) => Number(n)),
      ).toEqual([2]);
    });

    it("a name stands for one text, again and again, and on all connections at once", async () => {
      const text = "select $1::int + 1 as next";
      const values = await Promise.all(
        Array.from({ length: 20 }, (_, n) =>
          connection.query(text, [n], "chatkeep_next").then(([row]) => Number(row?.[0])),
        ),
      );
      expect(values).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
    });
  });

  describe("errors", () => {
    it("say their SQLSTATE, and the connection goes on", async () => {
      await insert(connection, 1);
      expect(await state(insert(connection, 1))).toBe("23505");
      expect(await state(connection.query("select from nowhere"))).toBe("42P01");
      expect(await state(connection.query("select $1::uuid as id", ["none"]))).toBe("22P02");
      expect(await kept()).toEqual([1]);
    });
  });

  describe("transactions", () => {
    it("commit when the work ends, and give its result", async () => {
      const result = await connection.transaction(async (inside) => {
        expect(inside.isTransaction).toBe(true);
        await insert(inside, 1);
        return "done";
      });
      expect(result).toBe("done");
      expect(await kept()).toEqual([1]);
    });

    it("roll back when it throws, and throw that", async () => {
      const failing = connection.transaction(async (inside) => {
        await insert(inside, 1);
        throw new Error("changed my mind");
      });
      await expect(failing).rejects.toThrow("changed my mind");
      expect(await kept()).toEqual([]);
      await insert(connection, 2);
      expect(await kept()).toEqual([2]);
    });

    it("a failed statement ends one, and its code comes out", async () => {
      const failing = connection.transaction(async (inside) => {
        await insert(inside, 1);
        await insert(inside, 1);
      });
      expect(await state(failing)).toBe("23505");
      expect(await kept()).toEqual([]);
    });

    it("an error that is swallowed inside is not taken for a commit", async () => {
      const swallowing = connection.transaction(async (inside) => {
        await insert(inside, 1);
        await insert(inside, 1).catch(() => {});
        return "done";
      });
      expect(await state(swallowing)).toMatch(/^(23505|25P02)$/);
      expect(await kept()).toEqual([]);
    });

    it("one inside another is undone by itself, and the outer goes on", async () => {
      await connection.transaction(async (outer) => {
        await insert(outer, 1);
        const nested = outer.transaction(async (inner) => {
          await insert(inner, 2);
          await insert(inner, 1);
        });
        expect(await state(nested)).toBe("23505");
        const swallowing = outer.transaction(async (inner) => {
          await insert(inner, 3);
          await insert(inner, 1).catch(() => {});
        });
        expect(await state(swallowing)).toMatch(/^(23505|25P02)$/);
        await outer.transaction(async (inner) => {
          await insert(inner, 4);
          await inner.transaction((innermost) => insert(innermost, 5));
        });
      });
      expect(await kept()).toEqual([1, 4, 5]);
    });

    it("two at once inside another do not undo each other", async () => {
      await connection.transaction(async (outer) => {
        const both = await Promise.allSettled([
          outer.transaction(async (inner) => {
            await insert(inner, 1);
            await insert(inner, 2);
          }),
          outer.transaction(async (inner) => {
            await insert(inner, 3);
            throw new Error("not this");
          }),
          outer.transaction((inner) => insert(inner, 4)),
        ]);
        expect(both.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
      });
      expect(await kept()).toEqual([1, 2, 4]);
    });

    it("go side by side, or one after another", async () => {
      const numbers = Array.from({ length: 8 }, (_, n) => n);
      await Promise.all(numbers.map((n) => connection.transaction((inside) => insert(inside, n))));
      expect(await kept()).toEqual(numbers);
    });

    it("may be isolated, and may be for reading only", async () => {
      const level = await connection.transaction(
        (inside) => one(inside, "select current_setting('transaction_isolation') as level"),
        {
          isolationLevel: "repeatable read",
          accessMode: "read only",
        },
      );
      expect(level).toBe("repeatable read");
      const writing = connection.transaction((inside) => insert(inside, 1), { accessMode: "read only" });
      expect(await state(writing)).toBe("25006");
      expect(await kept()).toEqual([]);
    });
  });

  describe("a transaction of the host's", () => {
    const writeAll = async (inside: Connection) => {
      await insert(inside, 1);
      await inside.transaction((nested) => insert(nested, 2));
      await expect(
        inside.transaction(async (nested) => {
          await insert(nested, 3);
          throw new Error("not this");
        }),
      ).rejects.toThrow("not this");
      expect(await state(inside.transaction((nested) => insert(nested, 1)))).toBe("23505");
      await Promise.all([4, 5].map((n) => inside.transaction((nested) => insert(nested, n))));
    };

    it("is the host's to roll back", async ({ skip }) => {
      if (!opened.inTransaction) return skip();
      const rolledBack = opened.inTransaction(async (inside) => {
        await writeAll(inside);
        if (isServer) expect(await kept()).toEqual([]);
        throw new Error("the host rolls back");
      });
      await expect(rolledBack).rejects.toThrow("the host rolls back");
      expect(await kept()).toEqual([]);
    });

    it("is the host's to commit, with what it has written itself", async ({ skip }) => {
      if (!opened.inTransaction) return skip();
      await opened.inTransaction(async (inside, run) => {
        expect(inside.isTransaction || engine === "pglite").toBe(true);
        await run("insert into kept values (9)");
        await writeAll(inside);
      });
      expect(await kept()).toEqual([1, 2, 4, 5, 9]);
      await connection.transaction((inside) => insert(inside, 6));
      expect(await kept()).toEqual([1, 2, 4, 5, 6, 9]);
    });
  });

  it("hears what others tell, until it is closed", async ({ skip }) => {
    if (!connection.listen) return skip();
    const heard: string[] = [];
    const first = await connection.listen("chatkeep_test", { onNotify: (text) => heard.push(text), onLost: () => {} });
    const notify = (text: string) => opened.other.query("select pg_notify('chatkeep_test', $1::text)", [text]);
    await notify("Grüße");
    await expect.poll(() => heard).toEqual(["Grüße"]);
    await first.close();
    await notify("later");
    await connection.query("select 1 as n");
    expect(heard).toEqual(["Grüße"]);
  });

  it("says that a listener was lost", async ({ skip }) => {
    if (!connection.listen || !isServer) return skip();
    let lost = 0;
    const listening = await connection.listen("chatkeep_test", {
      onNotify: () => {},
      onLost: () => {
        lost += 1;
      },
    });
    await dropOthers(opened.other);
    await expect.poll(() => lost, { timeout: 5_000 }).toBe(1);
    await listening.close();
    expect(lost).toBe(1);
  });

  it("tells what was lost with its connection, and is served again", async ({ skip }) => {
    // One client has nothing to be served by; what postgres.js does to the process when Drizzle rolls back is not ours.
    if (!isServer || /client|reserved|postgres.js by its documents/i.test(name)) return skip();
    const cut = connection.transaction(async (inside) => {
      await insert(inside, 1);
      await dropOthers(opened.other);
      await insert(inside, 2);
    });
    await expect(cut).rejects.toThrow();
    expect(await kept()).toEqual([]);
    await expect.poll(() => state(connection.query("select 1 as n")), { timeout: 5_000 }).toBe("done");
    await connection.transaction((inside) => insert(inside, 3));
    expect(await kept()).toEqual([3]);
  });
});

function dropOthers(other: Connection) {
  return other.query(`
    select count(pg_terminate_backend(pid)) as ended from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() and application_name <> 'test'`);
}

describe.runIf(engine === "pg18" || engine === "pg15").each(Object.entries({ openPg, openPostgresJs }))(
  "%s",
  (_name, open) => {
    it("behind a pooler names no statement, and hears nothing", async () => {
      const url = new URL(inject("source"));
      url.searchParams.set("pgbouncer", "true");
      await using pooled = open({ url: url.href });
      expect(pooled.listen).toBeUndefined();
      for (const n of [1, 2]) {
        await pooled.query(`select $1::int + ${n} as next`, [n], "chatkeep_one_name");
        expect(await pooled.query("select name from pg_prepared_statements where name <> ''")).toEqual([]);
      }
    });

    it("ends a statement that takes too long, except where it may", async () => {
      await using hurried = open({ url: inject("source"), statementTimeoutMs: 100 });
      expect(await state(hurried.query("select pg_sleep(1)::text as slept"))).toBe("57014");
      const unlimited = hurried.openUnlimited?.();
      await unlimited?.query("select pg_sleep(0.3)::text as slept");
      await unlimited?.close();
      expect(unlimited).toBeDefined();
    });

    it("keeps named statements prepared, and says what is not there", async () => {
      await using database = open({ url: inject("source"), maxConnections: 1 });
      for (const n of [1, 2]) await database.query("select $1::int + 1 as next", [n], "chatkeep_next");
      const count = "select count(*)::int as count from pg_prepared_statements where statement like '%+ 1 as next'";
      expect(Number(await one(database, count))).toBe(1);
      await using nowhere = open({ url: "postgres://postgres@127.0.0.1:1/none" });
      expect(await state(nowhere.query("select 1 as n"))).toBe("ECONNREFUSED");
    });
  },
);

describe.runIf(engine === "pglite")("what is no connection", () => {
  const makers: Record<string, (given: never) => unknown> = {
    fromPg,
    fromNeon,
    fromPglite,
    fromPostgresJs,
    fromDrizzle,
    fromKysely,
    fromPrisma,
  };

  it.each(Object.entries(makers))("%s says what it wants", (name, make) => {
    for (const given of [undefined, null, {}, [], "postgres://localhost/db", () => {}, { query: 1 }]) {
      expect(() => make(given as never), String(given)).toThrow(InvalidInputError);
      expect(() => make(given as never)).toThrow(new RegExp(`^${name} wants .*: pass `));
    }
  });

  it.each(Object.entries({ openPg, openNeon, openPostgresJs }))("%s wants an address", (name, open) => {
    for (const given of [undefined, {}, { url: "" }]) {
      expect(() => open(given as never)).toThrow(new RegExp(`^${name} wants the address`));
    }
  });

  it("a store needs transactions", () => {
    expect(() => requireConnection(undefined)).toThrow(/^chatkeep wants a connection: pass /);
    expect(() => requireConnection({ query() {} })).toThrow(/^This connection has no transactions/);
    const connection = { query() {}, transaction() {} };
    expect(requireConnection(connection)).toBe(connection);
  });

  it("Neon over HTTP has no transactions", () => {
    const http = neon("postgres://user:password@ep-x.neon.tech/db");
    expect(() => fromNeon(http as never)).toThrow(/has none|has transactions/);
    expect(() => fromPostgresJs(http as never)).toThrow(InvalidInputError);
    expect(() => fromDrizzle({ execute() {}, transaction() {}, $client: http } as never)).toThrow(/neon-serverless/);
  });
});
