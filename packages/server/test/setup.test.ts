import { randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { migrate, requireMigrated } from "chatkeep";
import { translate } from "chatkeep/internal";
import { sql } from "drizzle-orm";
import { describe, expect, it, vi } from "vitest";
import { isServer, openAgain, openTestDatabase } from "../../chatkeep/test/helpers/database.ts";
import { startSilentProxy } from "../../chatkeep/test/helpers/silent-proxy.ts";
import { openPg } from "../../chatkeep/test/helpers/with-drizzle.ts";
import { createAuth } from "../src/auth.ts";
import { examine } from "../src/commands/doctor.ts";
import { migrateDatabase } from "../src/commands/migrate.ts";
import { serve } from "../src/commands/serve.ts";
import { readConfig } from "../src/config.ts";
import { secretOf } from "../src/database.ts";
import { forgetLockedKeys } from "../src/jwt.ts";
import { createLog } from "../src/log.ts";
import { migrations } from "../src/migrations.generated.ts";
import { jwks } from "../src/models/index.ts";
import { openTestApp, testUrl } from "./helpers/app.ts";
import { until } from "./helpers/until.ts";

const url = (source: string, change: (url: URL) => void) => {
  const changed = new URL(source);
  change(changed);
  return changed.href;
};

describe.skipIf(isServer)("the secret beside the embedded database", () => {
  const withFile = (text: string | undefined, use: (folder: string, file: string) => void) => {
    const folder = mkdtempSync(join(tmpdir(), "chatkeep-secret-"));
    const file = join(folder, "secret");
    if (text !== undefined) writeFileSync(file, text, { mode: 0o644 });
    try {
      use(folder, file);
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
  const read = (folder: string) => secretOf(readConfig({ CHATKEEP_DATA: folder }, {}));

  it.each([[undefined], [""], ["\n"], ["  \n\t"]])("is made anew where there is none: %j", (text) => {
    withFile(text, (folder, file) => {
      const made = read(folder);
      expect(made).toMatch(/^[\w-]{43}$/);
      expect([readFileSync(file, "utf8"), read(folder), statSync(file).mode & 0o777]).toEqual([made, made, 0o600]);
    });
  });

  it.each([["short"], ["x".repeat(31)], ["\0".repeat(43)], ["a b ".repeat(20)], ["\ufffd".repeat(40)]])(
    "is refused in one sentence when it is damaged: %j",
    (text) => {
      withFile(text, (folder) =>
        expect(() => read(folder)).toThrow(
          expect.objectContaining({
            code: "invalid_input",
            message: expect.stringMatching(
              /secret, which signs sessions, is damaged: restore a backup of it, or remove it/,
            ),
          }),
        ),
      );
    },
  );

  it("is kept as it is when it is whole", () => {
    withFile(`${"k".repeat(43)}\n`, (folder, file) => {
      expect(read(folder)).toBe("k".repeat(43));
      expect(statSync(file).mode & 0o777).toBe(0o600);
    });
  });
});

it("sessions are signed with the secret that was given, whatever another application has in the environment", async () => {
  const foreign = {
    BETTER_AUTH_SECRETS: `7:${"f".repeat(40)}`,
    BETTER_AUTH_SECRET: "f".repeat(40),
    AUTH_SECRET: "f".repeat(40),
    BETTER_AUTH_URL: "https://foreign.example",
    BETTER_AUTH_TRUSTED_ORIGINS: "https://foreign.example",
  };
  const app = await openTestApp();
  await app.signUp("ann");
  Object.assign(process.env, foreign);
  try {
    for (const name of ["", " ", "f".repeat(31)]) {
      expect(() => createAuth({ db: app.db, secret: name, url: testUrl, log: createLog("silent") })).toThrow(
        /The secret must have at least 32 characters/,
      );
    }
    const auth = createAuth({ db: app.db, secret: "k".repeat(40), url: testUrl, log: createLog("silent") });
    const context = await (
      auth as unknown as { $context: Promise<{ secret: string; baseURL: string; trustedOrigins: string[] }> }
    ).$context;
    expect([context.secret, context.baseURL, context.trustedOrigins]).toEqual([
      "k".repeat(40),
      `${testUrl}/api/auth`,
      [testUrl],
    ]);
    const signIn = (origin: string, callbackURL: string) =>
      auth.handler(
        new Request(`${testUrl}/api/auth/sign-in/email`, {
          method: "POST",
          headers: { "content-type": "application/json", origin, cookie: "a=b" },
          body: JSON.stringify({ email: "ann@example.com", password: "correct horse", callbackURL }),
        }),
      );
    expect((await signIn(testUrl, testUrl)).status).toBe(200);
    for (const [origin, callbackURL] of [
      ["https://foreign.example", testUrl],
      [testUrl, "https://foreign.example"],
    ] as const) {
      const refused = await signIn(origin, callbackURL).catch((error: { statusCode: number }) => error);
      expect("status" in refused && refused.status === 200).toBe(false);
    }
  } finally {
    for (const name of Object.keys(foreign)) delete process.env[name];
  }
  await app.close();
});

it("a secret that was changed ends the sessions, and nothing else: people sign in again, and get tokens", async () => {
  const first = await openTestApp();
  const ann = await first.signUp("ann");
  expect((await ann.request("GET", "/api/auth/token")).status).toBe(200);
  const log = createLog("silent");
  for (const secret of ["n".repeat(40), "n".repeat(40), "m".repeat(40)]) {
    await forgetLockedKeys({ db: first.db, secret, log });
    const auth = createAuth({ db: first.db, secret, url: testUrl, log });
    const ask = (path: string, init: RequestInit) => auth.handler(new Request(`${testUrl}/api/auth/${path}`, init));
    const headers = { "content-type": "application/json", origin: testUrl };
    const body = JSON.stringify({ email: ann.email, password: "correct horse" });
    const signedIn = await ask("sign-in/email", { method: "POST", headers, body });
    const { token } = (await signedIn.json()) as { token: string };
    const answer = await ask("token", { headers: { authorization: `Bearer ${token}` } });
    expect([signedIn.status, answer.status]).toEqual([200, 200]);
    expect(await first.db.$count(jwks)).toBe(1);
  }
  await first.close();
});

describe.runIf(isServer)("a database with settings of its own", () => {
  it("has sessions that work as everywhere, on whichever driver", async () => {
    await using database = await openTestDatabase("server");
    const settings = {
      DateStyle: "German, DMY",
      IntervalStyle: "sql_standard",
      TimeZone: "Asia/Kathmandu",
      bytea_output: "escape",
      extra_float_digits: "-15",
      array_nulls: "off",
      transform_null_equals: "on",
      standard_conforming_strings: "off",
      default_transaction_isolation: "serializable",
      client_encoding: "LATIN1",
    };
    for (const [name, value] of Object.entries(settings)) {
      await database.db.execute(
        sql.raw(
          `do $$ begin execute format('alter database %I set ${name} = ''${value}''', current_database()); end $$`,
        ),
      );
    }
    const again = openAgain(database);
    const app = await openTestApp({ database: { ...database, ...again } });
    const ann = await app.signUp("ann");
    const created = await ann.call<{ id: string; createdAt: string }>("POST", "/api/conversations", {
      messages: [{ role: "user", content: "Ångström \\' \u{1F600} ж" }],
    });
    expect(Math.abs(Date.parse(created.createdAt) - Date.now())).toBeLessThan(600_000);
    const { items } = await ann.call<{ items: object[] }>("GET", `/api/conversations/${created.id}/messages`);
    expect(items).toMatchObject([{ content: "Ångström \\' \u{1F600} ж" }]);
    expect((await ann.request("GET", "/api/auth/get-session")).status).toBe(200);
    expect(await (await ann.request("GET", "/api/auth/get-session")).json()).toMatchObject({ user: { name: "ann" } });
    await app.close();
    await again.close();
  });

  it("that takes no writes is not ready, says so, and is used again at once when it does", async () => {
    await using database = await openTestDatabase("server");
    const app = await openTestApp({ database });
    const ann = await app.signUp("ann");
    const other = openAgain(database);
    const change = async (what: string) => {
      await other.db.execute(
        sql.raw(`do $$ begin execute format('alter database %I ${what}', current_database()); end $$`),
      );
    };
    const statusOf = async (method: string, path: string, body?: object) => {
      const response = await ann.request(method, path, body);
      return [response.status, ((await response.json()) as { error?: { code: string; message: string } }).error];
    };
    const create = () => statusOf("POST", "/api/conversations", { messages: [{ role: "user", content: "Hi" }] });
    expect((await create())[0]).toBe(201);
    await change("set default_transaction_read_only = on");
    await other.db.execute(sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid()`);
    const refusal = [503, { code: "unavailable", message: expect.stringMatching(/takes no writes just now/) }];
    await until(create, ([, error]) => /no writes/.test((error as { message: string } | undefined)?.message ?? ""));
    expect(await create()).toEqual(refusal);
    expect(await statusOf("GET", "/readyz")).toEqual(refusal);
    const signIn = { email: "ann@example.com", password: "correct horse" };
    expect((await statusOf("POST", "/api/auth/sign-in/email", signIn))[0]).toBe(503);
    expect((await statusOf("GET", "/api/conversations"))[0]).toBe(200);
    await change("reset default_transaction_read_only");
    // What answered so is not used again: of a pool of ten at most one more answer is such.
    await create();
    await until(create, ([status]) => status === 201);
    expect((await statusOf("GET", "/readyz"))[0]).toBe(200);
    await other.close();
    await app.close();
  });
});

describe.runIf(isServer)("a database that falls silent", () => {
  it("does not keep a server or a pool from ending", async () => {
    await using database = await openTestDatabase("server");
    const proxy = await startSilentProxy(Number(new URL(database.url ?? "").port));
    const silent = url(database.url ?? "", (each) => {
      each.port = String(proxy.port);
    });
    const config = readConfig({ DATABASE_URL: silent, CHATKEEP_SECRET: "k".repeat(40), PORT: "0" }, {});
    const serving = await serve(config, createLog("silent"));
    const pool = openPg({ url: silent });
    await pool.pool.query("select 1");
    proxy.fallSilent();
    const asked = fetch(`${serving.url}/readyz`).catch(() => {});
    // The question, and the housework that a server does each second.
    await until(proxy.unheard, (count) => count >= 2);
    const held = pool.pool.query("select 1").catch((error: unknown) => translate(error));
    await expect(serving.close(0)).rejects.toThrow(
      /did not end within 3 seconds, because the database does not answer/,
    );
    await pool.close();
    expect(await held).toMatchObject({ code: "unavailable" });
    await asked;
    await proxy.stop();
  });
});

it.runIf(isServer)(
  "a server that cannot listen leaves nothing behind that would keep its process from ending",
  async () => {
    await using database = await openTestDatabase("server");
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const { port } = taken.address() as AddressInfo;
    const environment = { DATABASE_URL: database.url ?? "", CHATKEEP_SECRET: "k".repeat(40), PORT: String(port) };
    // It has a timer of its own, which does nothing by itself.
    const log = createLog("silent");
    const [began, ended] = [vi.spyOn(globalThis, "setInterval"), vi.spyOn(globalThis, "clearInterval")];
    await expect(serve(readConfig(environment, {}), log)).rejects.toThrow(/is in use/);
    const cleared = new Set<unknown>(ended.mock.calls.map(([timer]) => timer));
    const timers = began.mock.results.map(({ value }) => value);
    for (const spy of [began, ended]) spy.mockRestore();
    taken.close();
    expect(timers.length).toBeGreaterThan(0);
    expect(timers.filter((timer) => !cleared.has(timer))).toEqual([]);
  },
);

describe.runIf(isServer)("what cannot be set up has one sentence", () => {
  const open = async (address: string, sentence: RegExp, code = "unavailable") => {
    const config = { engine: "pg", url: address } as const;
    const refusal = expect.objectContaining({ code, message: expect.stringMatching(sentence) });
    await expect(migrateDatabase(config).catch((error: unknown) => Promise.reject(translate(error)))).rejects.toThrow(
      refusal,
    );
    if (code !== "unavailable") return;
    await expect(examine(config).catch((error: unknown) => Promise.reject(translate(error)))).rejects.toThrow(refusal);
  };

  it("for an address that is wrong", async () => {
    await using database = await openTestDatabase("empty");
    const source = database.url ?? "";
    const server = createServer((_request, response) => response.end()).listen(0, "127.0.0.1");
    await until(() => server.listening, Boolean);
    const { port } = server.address() as AddressInfo;
    await open(
      url(source, (each) => (each.pathname = "no_such_database")),
      /no database of the name.*create it/,
    );
    await open(
      url(source, (each) => (each.username = "nobody_here")),
      /does not let this user in/,
    );
    await open(
      url(source, (each) => (each.hostname = "nowhere.invalid")),
      /host of the database is not known/,
    );
    await open(
      url(source, (each) => (each.port = "1")),
      /cannot be reached/,
    );
    await open(
      url(source, (each) => (each.port = String(port))),
      /no PostgreSQL|connection|reached/,
    );
    await open(
      url(source, (each) => (each.search = "?sslmode=verify-full")),
      /offers no TLS.*sslmode=disable/,
    );
    await open(`postgres://u@localhost/db?host=${tmpdir()}/no-socket`, /cannot be reached/);
    server.close();
  });

  it("for a role or a database that is not fit", async () => {
    await using database = await openTestDatabase("empty");
    const source = database.url ?? "";
    const role = `r${randomUUID().slice(0, 8)}`;
    const name = new URL(source).pathname.slice(1);
    const run = (text: string) => database.db.execute(sql.raw(text));
    await run(`create role ${role} login`);
    const asRole = url(source, (each) => (each.username = role));
    await open(
      asRole,
      new RegExp(`${role} may not make tables in the schema public.*grant create on schema public to ${role}`),
      "schema_mismatch",
    );
    await run(`alter role ${role} set search_path = nowhere`);
    await open(asRole, /search_path of .* names no schema that exists: set it/, "schema_mismatch");
    await run(`alter role ${role} reset search_path`);
    await run(`alter role ${role} connection limit 0`);
    await open(asRole, /no connection left.*max_connections/);
    await run(`alter role ${role} connection limit -1`);
    await run(`revoke connect on database ${name} from public`);
    await open(asRole, /grant that user the rights/, "schema_mismatch");
    for (const encoding of ["LATIN1", "SQL_ASCII"]) {
      const other = `${name.slice(0, 40)}_${encoding.toLowerCase()}`;
      await run(`create database ${other} encoding '${encoding}' locale 'C' template template0`);
      await open(
        url(source, (each) => (each.pathname = other)),
        new RegExp(`keeps text as ${encoding}.*encoding 'UTF8' template template0`),
        "schema_mismatch",
      );
    }
    await migrate(database, migrations);
    await run(`grant connect on database ${name} to ${role}`);
    await using limited = openPg({ url: asRole });
    await expect(requireMigrated(limited, migrations)).rejects.toThrow(/grant that user the rights on the tables/);
  });
});
