import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { childEnvironment } from "../../chatkeep/test/helpers/child-environment.ts";
import { freePort, startPostgres, type ThrowawayPostgres } from "../../chatkeep/test/helpers/throwaway-postgres.ts";
import { migrations } from "../src/migrations.generated.ts";
import { textIn } from "./helpers/models.ts";
import { call, question, signUp } from "./helpers/servers.ts";

const cli = fileURLToPath(new URL("../src/cli.ts", import.meta.url));
const secret = "x".repeat(40);
let folder: string;
let postgres: ThrowawayPostgres;
const running: ChildProcess[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "chatkeep-cli-"));
  postgres = await startPostgres();
});
afterEach(async () => {
  for (const child of running.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill("SIGKILL");
    await once(child, "exit");
  }
});
afterAll(async () => {
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
});

type Environment = Record<string, string>;

function chatkeep(args: string[], environment: Environment = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["-C", "chatkeep-source", cli, ...args], {
    cwd: folder,
    encoding: "utf8",
    env: { ...childEnvironment, ...environment },
  });
  return { status, stdout, stderr };
}

async function serve(environment: Environment) {
  const port = environment["PORT"] ?? String(await freePort());
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(process.execPath, ["-C", "chatkeep-source", cli, "serve"], {
    cwd: folder,
    env: { ...childEnvironment, CHATKEEP_LOG: "warn", CHATKEEP_URL: url, ...environment, PORT: port },
  });
  running.push(child);
  for (let tries = 0; tries < 900; tries += 1) {
    if (child.exitCode !== null) throw new Error(`serve ended with ${child.exitCode}`);
    if ((await fetch(`${url}/readyz`).catch(() => undefined))?.ok) return { url, port, child };
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("serve was not ready in 90 seconds");
}

async function databaseNamed(name: string): Promise<Environment> {
  const { openPg } = await import("chatkeep/pg");
  await using admin = openPg({ url: postgres.url });
  await admin.pool.query(`create database ${name}`);
  const url = new URL(postgres.url);
  url.pathname = name;
  return { DATABASE_URL: url.href, CHATKEEP_SECRET: secret };
}

describe("every command", () => {
  it.each([[], ["serve"], ["migrate"], ["sql"], ["doctor"], ["import"], ["export"], ["keys"], ["keys", "create"]])(
    "%s has help",
    (...args) => {
      const { status, stdout } = chatkeep([...args, "--help"]);
      expect(status).toBe(0);
      expect(stdout).toMatch(/^Usage: chatkeep/);
    },
  );

  it.each([
    [["nonsense"], {}, 1, /unknown command 'nonsense'/],
    [["serve"], { PORT: "x" }, 2, /^chatkeep: PORT must be a whole number from 0 to 65535\.\n$/],
    [
      ["migrate"],
      { DATABASE_URL: "postgres://postgres@127.0.0.1:1/none" },
      1,
      /^chatkeep: The database cannot be reached; /,
    ],
    [
      ["serve"],
      { DATABASE_URL: "postgres://postgres@127.0.0.1:1/none", CHATKEEP_SECRET: secret },
      1,
      /^chatkeep: The database cannot be reached; /,
    ],
    [
      ["import", "--format", "csv", "--user", "a@b.c", "x.csv"],
      {},
      2,
      /There is no format csv: the format is one of oasst/,
    ],
    [["import", "--format", "oasst", "--user", "a@b.c", "missing.jsonl"], {}, 2, /There is no file missing\.jsonl/],
    [["doctor"], { CHATKEEP_DATA: "nowhere" }, 2, /^chatkeep: There is no database in .*nowhere: set CHATKEEP_DATA/],
    [["export", "--user", "a@b.c"], { CHATKEEP_DATA: "nowhere" }, 2, /There is no database in/],
    [
      ["keys", "create", "--user", "a@b.c", "--name", "x", "--expires-in", "0d"],
      {},
      2,
      /--expires-in must be a number/,
    ],
    [["sql", "--from", "0009_x"], {}, 2, /There is no migration 0009_x: it is one of 0000_users_and_tasks, /],
    [["sql", "--schema", "chat"], {}, 2, /--schema belongs to --chat/],
    [
      ["sql", "--chat", "--user-table", "users", "--user-type", "json"],
      {},
      2,
      /user id of type uuid, text,.* not json/,
    ],
    [["import", "x"], {}, 1, /required option '--user <email>' not specified/],
  ] as [string[], Environment, number, RegExp][])("%o says what is wrong", (args, environment, code, sentence) => {
    const { status, stderr } = chatkeep(args, environment);
    expect([status, stderr]).toEqual([code, expect.stringMatching(sentence)]);
    expect(stderr).not.toMatch(/ at .*\.ts:/);
  });
});

describe("the embedded database", () => {
  it("survives the death of the server, is one process's at a time, and can be examined, filled and exported", async () => {
    const environment = { CHATKEEP_DATA: join(folder, "embedded") };
    const first = await serve(environment);
    const token = await signUp(first.url, "ann");
    const id = randomUUID();
    const chat = await call(first.url, "/api/chat", { id, message: question("add buy milk") }, token);
    expect(textIn(await chat.text())).toBe("Added **buy milk** to your list.");

    const second = chatkeep(["serve"], { ...environment, PORT: String(await freePort()) });
    expect(second.status).toBe(1);
    expect(second.stderr).toMatch(/^chatkeep: The embedded database in .* is in use by another process: stop that one/);
    expect(chatkeep(["doctor"], environment).stderr).toMatch(/in use by another process/);
    const keys = chatkeep(["keys", "list", "--user", "ann@example.com"], environment);
    expect([keys.status, keys.stderr]).toEqual([1, expect.stringMatching(/^chatkeep: A server is using .* web app/)]);

    first.child.kill("SIGKILL");
    await once(first.child, "exit");
    const again = await serve({ ...environment, PORT: first.port });
    const kept = (await (await call(again.url, `/api/conversations/${id}/messages`, undefined, token)).json()) as {
      items: object[];
    };
    expect(kept.items).toMatchObject([
      { content: "add buy milk" },
      { content: "Added **buy milk** to your list.", status: "complete" },
    ]);
    again.child.kill("SIGTERM");
    const [code] = (await once(again.child, "exit")) as [number];
    expect(code).toBe(0);

    const file = join(folder, "tree.jsonl");
    const prompt = {
      message_id: "p",
      role: "prompter",
      text: "Hi",
      replies: [{ message_id: "r", role: "assistant", text: "Ho", replies: [] }],
    };
    writeFileSync(file, JSON.stringify({ message_tree_id: "t", prompt }));
    const load = ["import", "--format", "oasst", "--user", "ann@example.com", "--json", file];
    expect(JSON.parse(chatkeep(load, environment).stdout)).toMatchObject({ imported: 1, messages: 2 });
    expect(JSON.parse(chatkeep(load, environment).stdout)).toMatchObject({ imported: 0, alreadyThere: 1 });
    const nobody = chatkeep(["export", "--user", "nobody@example.com"], environment);
    expect([nobody.status, nobody.stderr]).toEqual([
      2,
      expect.stringMatching(/Nobody has signed up as nobody@example\.com/),
    ]);
    const lines = chatkeep(["export", "--user", "ann@example.com"], environment).stdout.trim().split("\n");
    expect(lines.map((line) => (JSON.parse(line) as { type: string }).type)).toEqual([
      "user",
      "task",
      "conversation",
      "message",
      "message",
      "conversation",
      "message",
      "message",
    ]);
    const doctor = chatkeep(["doctor", "--json"], environment);
    expect(doctor.status).toBe(0);
    expect(JSON.parse(doctor.stdout)).toMatchObject({
      engine: "pglite",
      rows: { conversation: 2, message: 4, task: 1 },
    });
  }, 240_000);

  // On the database of the test before, since the first start of one takes seconds.
  it("says so when the port is taken", async () => {
    const taken = createServer();
    const port = await freePort();
    await new Promise<void>((resolve) => taken.listen(port, "127.0.0.1", resolve));
    const { status, stderr } = chatkeep(["serve"], { CHATKEEP_DATA: join(folder, "embedded"), PORT: String(port) });
    expect([status, stderr]).toEqual([
      2,
      `chatkeep: Port ${port} on 127.0.0.1 is in use: stop what uses it, or set PORT to another.\n`,
    ]);
    taken.close();
  });
});

describe("a shared PostgreSQL", () => {
  it("is migrated by its own command, and refused before that", async () => {
    const environment = await databaseNamed("unmigrated");
    expect(chatkeep(["serve"], environment).stderr).toMatch(
      /^chatkeep: The database is older than this version of chatkeep: run "chatkeep migrate"/,
    );
    const doctor = chatkeep(["doctor"], environment);
    expect([doctor.status, doctor.stdout]).toEqual([
      1,
      expect.stringMatching(/WRONG {2}migrations: not applied: 0000/),
    ]);
    const plan = chatkeep(["migrate", "--dry-run"], environment);
    expect([plan.status, plan.stdout]).toEqual([
      3,
      expect.stringMatching(/^Nothing was changed.*\n.*0000_.*\n.*0001_chat/),
    ]);
    const script = chatkeep(["sql"], environment).stdout;
    expect(chatkeep(["sql"]).stdout).toBe(script);
    const names = migrations.map(({ name }) => name).join(", ");
    expect(chatkeep(["migrate"], environment).stdout).toBe(`Applied ${names}.\n`);
    expect(chatkeep(["sql"], environment).stdout).toBe("-- Nothing is pending.\n");
    const again = chatkeep(["migrate", "--dry-run", "--row-level-security", "off", "--json"], environment);
    expect([again.status, JSON.parse(again.stdout)]).toEqual([0, { pending: [] }]);
    const switched = chatkeep(["migrate", "--dry-run", "--row-level-security", "on"], environment);
    expect([switched.status, switched.stdout]).toEqual([3, expect.stringMatching(/row-level security is switched on/)]);
    expect(chatkeep(["migrate"], environment).stdout).toBe("The database is up to date.\n");
    expect(chatkeep(["doctor"], environment).status).toBe(0);
  }, 240_000);

  it("serves two: a chat begun on one goes on with the other, and SIGTERM lets a reply end", async () => {
    const environment = await databaseNamed("shared");
    chatkeep(["migrate"], environment);
    const [one, two] = await Promise.all([serve(environment), serve(environment)]);
    const token = await signUp(one.url, "ann");
    const id = randomUUID();
    await (await call(one.url, "/api/chat", { id, message: question("My name is Ann.") }, token)).text();
    const answer = await call(two.url, "/api/chat", { id, message: question("What is my name?") }, token);
    expect(textIn(await answer.text())).toMatch(/^You are Ann/);

    const whose = ["--user", "Ann@example.com"];
    const unknown = chatkeep(["keys", "list", "--user", "nobody@example.com"], environment);
    expect([unknown.status, unknown.stderr]).toEqual([2, expect.stringMatching(/Nobody has signed up as nobody@/)]);
    const made = chatkeep(
      ["keys", "create", ...whose, "--name", "cron", "--read-only", "--expires-in", "90d"],
      environment,
    );
    const key = made.stdout.trim();
    const asked = async () => (await call(two.url, "/api/conversations", undefined, key)).status;
    expect([made.status, await asked()]).toEqual([0, 200]);
    const listed = chatkeep(["keys", "list", ...whose], environment).stdout;
    expect(listed).toMatch(new RegExp(`^[-0-9a-f]{36}  ${key.slice(0, 8)}…  read only  until .*  used .*  cron\n$`));
    expect(chatkeep(["keys", "revoke", listed.slice(0, 36), ...whose], environment).status).toBe(0);
    expect(chatkeep(["keys", "revoke", listed.slice(0, 36), ...whose], environment).stderr).toMatch(/There is no key/);
    await expect.poll(asked).toBe(401);

    const long = await call(one.url, "/api/chat", { id, message: question("help") }, token);
    const exit = once(one.child, "exit");
    one.child.kill("SIGTERM");
    const text = textIn(await long.text());
    expect(await exit).toEqual([0, null]);
    const kept = (await (await call(two.url, `/api/conversations/${id}/messages`, undefined, token)).json()) as {
      items: { content: string; status: string; seq: number }[];
    };
    expect(kept.items.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(kept.items.at(-1)).toMatchObject({ status: "complete", content: text });
    expect(text).toMatch(/start again\.$/);
  }, 240_000);

  it("may be away: the server lives, says so, and is well again by itself", async () => {
    const environment = await databaseNamed("away");
    chatkeep(["migrate"], environment);
    const { url } = await serve(environment);
    const token = await signUp(url, "ann");
    const status = async (path: string, body?: object) => (await call(url, path, body, token)).status;
    expect(await status("/api/conversations")).toBe(200);
    const back = postgres.beAway(3_000);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(await status("/healthz")).toBe(200);
    const ready = await call(url, "/readyz");
    expect([ready.status, await ready.json()]).toMatchObject([503, { error: { code: "unavailable" } }]);
    expect(ready.headers.get("retry-after")).toBe("1");
    expect(await status("/api/conversations")).toBe(503);
    expect(await status("/api/chat", { id: randomUUID(), message: question("Hello") })).toBe(503);
    const signIn = { email: "ann@example.com", password: "correct horse" };
    expect(await status("/api/auth/sign-in/email", signIn)).toBe(503);
    await back;
    expect(await status("/readyz")).toBe(200);
    expect(await status("/api/conversations")).toBe(200);
    expect(await status("/api/auth/sign-in/email", signIn)).toBe(200);
  });

  it("can refuse statements without an owner itself, and serves all the same", async () => {
    const environment = await databaseNamed("walled");
    expect(chatkeep(["migrate", "--row-level-security", "on"], environment).status).toBe(0);
    const { openPg } = await import("chatkeep/pg");
    await using admin = openPg({ url: environment["DATABASE_URL"] ?? "" });
    await admin.pool.query("create role walled login; grant all on all tables in schema public to walled");
    const limited = new URL(environment["DATABASE_URL"] ?? "");
    limited.username = "walled";
    const { url } = await serve({ ...environment, DATABASE_URL: limited.href });
    const token = await signUp(url, "ann");
    const id = randomUUID();
    const chat = await call(url, "/api/chat", { id, message: question("add buy milk") }, token);
    expect(textIn(await chat.text())).toBe("Added **buy milk** to your list.");
    const kept = (await (await call(url, `/api/conversations/${id}/messages`, undefined, token)).json()) as {
      items: object[];
    };
    expect(kept.items).toHaveLength(2);
    const doctor = chatkeep(["doctor"], { ...environment, DATABASE_URL: limited.href });
    expect(doctor.stdout).toMatch(/ok {5}row-level security: on[\s\S]*conversation 1, .*message 2/);
    expect((await admin.pool.query("select from message")).rowCount).toBe(2);
  });
});
