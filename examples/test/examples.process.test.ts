/** Each example lives its life: it starts, answers, is followed, stopped and started again, on PGlite and on PostgreSQL. */
import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { openPg } from "chatkeep/pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isLong } from "../../packages/chatkeep/test/helpers/long.ts";
import { startPostgres, type ThrowawayPostgres } from "../../packages/chatkeep/test/helpers/throwaway-postgres.ts";
import { startSpeakingEndpoint } from "../../packages/server/test/helpers/speaking-endpoint.ts";
import { aiSdk, as, end, plainText, type Running, readUntil, signIn, start } from "./running.ts";

const examples = fileURLToPath(new URL("..", import.meta.url));
const withAiSdk = ["express", "hono", "kysely", "own-user-table"];
const all = [...withAiSdk, "plain-pg"];
const speechOf = (example: string) => (example === "plain-pg" ? plainText : aiSdk);
const manyWords = Array.from({ length: 200 }, (_, index) => `word${index}`).join(" ");

let postgres: ThrowawayPostgres;

beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.stop());

/** A folder in which examples run; with it end those that were started. */
function openPlace() {
  const folder = mkdtempSync(join(tmpdir(), "chatkeep-example-"));
  const running: Running[] = [];
  return {
    start: async (example: string, environment?: Record<string, string>) => {
      const started = await start(example, folder, environment);
      running.push(started);
      return started;
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(running.map((each) => end(each, "SIGKILL")));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A database of its own on the PostgreSQL of these tests. */
async function onPostgres(): Promise<Record<string, string>> {
  const name = `example_${randomUUID().replaceAll("-", "")}`;
  await using admin = openPg({ url: postgres.url });
  await admin.query(`create database ${name}`);
  return { DATABASE_URL: Object.assign(new URL(postgres.url), { pathname: name }).href };
}

// PGlite is work for the processor; on a server most of the time is waiting for words. Two open it in ways of their own.
describe("on PGlite", () => lives(isLong ? all : ["kysely", "own-user-table"], async () => ({})));
describe.concurrent("on PostgreSQL", () => lives(all, onPostgres));

function lives(names: string[], database: () => Promise<Record<string, string>>): void {
  it.each(names)(
    "%s answers, is followed and stopped, and remembers after a restart",
    async (example) => {
      await using place = openPlace();
      const environment = await database();
      const { chat, ask, wordsIn, history } = speechOf(example);
      const first = await place.start(example, environment);
      const [ann, bob] = [await signIn(first, "ann"), await signIn(first, "bob")];
      const id = randomUUID();

      const question = randomUUID();
      const answer = "You have asked 1. The last was: How do I bake bread?";
      const streamed = await (await ask(ann, id, "How do I bake bread?", question)).text();
      expect(wordsIn(streamed)).toBe(answer);
      expect(await history(ann, id)).toEqual(["How do I bake bread?", answer]);
      // The same question again gets the answer that it has.
      expect(wordsIn(await (await ask(ann, id, "How do I bake bread?", question)).text())).toBe(answer);

      const forged = as(first, "user=ann.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
      expect((await forged("GET", chat(id))).status).toBe(401);
      expect((await bob("GET", chat(id))).status).toBe(404);
      expect((await ask(bob, id, "And mine?")).status).toBe(409); // An id that is taken, by whomever.
      expect(await (await bob("GET", chat(randomUUID()))).json()).toMatchObject({ error: { code: "not_found" } });

      // Who closes the page in the middle of a reply follows it from its beginning.
      await readUntil(await ask(ann, id, "And cake, in a few more words?"), (stream) => wordsIn(stream) !== "");
      expect((await bob("GET", `${chat(id)}/stream`)).status).toBe(204);
      const followed = await (await ann("GET", `${chat(id)}/stream`)).text();
      expect(wordsIn(followed)).toBe("You have asked 2. The last was: And cake, in a few more words?");
      expect((await ann("GET", `${chat(id)}/stream`)).status).toBe(204);

      const long = await ask(ann, id, manyWords);
      let stopped: Promise<Response> | undefined;
      const cut = await readUntil(long, (stream) => {
        if (wordsIn(stream).includes("word2")) stopped ??= ann("POST", `${chat(id)}/stop`);
        return false;
      });
      expect((await stopped)?.status).toBe(204);
      const kept = (await history(ann, id)).at(-1);
      expect(kept).toMatch(/^You have asked 3\. .* word2/);
      expect(kept?.includes("word199")).toBe(false);
      expect(kept?.startsWith(wordsIn(cut))).toBe(true);

      expect(await end(first)).toBe(0);
      const second = await place.start(example, environment);
      const again = await signIn(second, "ann");
      expect(await history(again, id)).toHaveLength(6);
      expect(wordsIn(await (await ask(again, id, "Who am I?")).text())).toBe(
        "You have asked 4. The last was: Who am I?",
      );
    },
    60_000,
  );
}

it("express and hono list a user's chats, and delete them", async () => {
  await using place = openPlace();
  await Promise.all(
    ["express", "hono"].map(async (example) => {
      const each = await place.start(example, await onPostgres());
      const [ann, bob] = [await signIn(each, "ann"), await signIn(each, "bob")];
      const id = randomUUID();
      await (await aiSdk.ask(ann, id, "Bread?")).text();
      expect(await (await ann("GET", "/api/chats")).json()).toMatchObject({ items: [{ id, title: "Bread?" }] });
      expect(await (await bob("GET", "/api/chats")).json()).toMatchObject({ items: [] });
      expect((await bob("DELETE", `/api/chats/${id}`)).status).toBe(404);
      expect((await ann("DELETE", `/api/chats/${id}`)).status).toBe(204);
      expect(await (await ann("GET", "/api/chats")).json()).toMatchObject({ items: [] });
      expect((await ann("POST", "/sign-in", { name: "no name" })).status).toBe(422);
      expect((await as(each, "")("GET", "/api/chats")).status).toBe(401);
    }),
  );
});

it("hono follows and stops a reply that another process writes", async () => {
  await using place = openPlace();
  const environment = await onPostgres();
  const [one, two] = await Promise.all([place.start("hono", environment), place.start("hono", environment)]);
  const [here, there] = [await signIn(one, "ann"), await signIn(two, "ann")];
  const id = randomUUID();
  const own = await aiSdk.ask(here, id, manyWords);
  const followed = await there("GET", `/api/chat/${id}/stream`);
  const early = await readUntil(followed, (stream) => aiSdk.wordsIn(stream).includes("word5"));
  expect(aiSdk.wordsIn(early)).toMatch(/^You have asked 1\. /);
  expect((await there("POST", `/api/chat/${id}/stop`)).status).toBe(204);
  expect(aiSdk.wordsIn(await own.text())).not.toContain("word199");
});

it("kysely makes a project with its chat, or neither", async () => {
  await using place = openPlace();
  const environment = await onPostgres();
  const each = await place.start("kysely", environment);
  const ann = await signIn(each, "ann");
  const made = await ann("POST", "/api/projects", { name: "garden" });
  const { conversation_id: id } = (await made.json()) as { conversation_id: string };
  expect(await aiSdk.history(ann, id)).toEqual(["What shall we do about garden?"]);
  expect((await ann("POST", "/api/projects", { name: "garden" })).status).toBe(409);
  await (await aiSdk.ask(ann, id, "Plant a tree.")).text();
  expect(await (await ann("GET", "/api/projects")).json()).toMatchObject([{ name: "garden", message_count: 3 }]);
  await using database = openPg({ url: environment["DATABASE_URL"] ?? "" });
  expect(await database.query("select count(*) from conversation")).toEqual([["1"]]);
});

it("own-user-table reads users with their chats by its own relations, and deletes both together", async () => {
  await using place = openPlace();
  const environment = await onPostgres();
  const each = await place.start("own-user-table", environment);
  const ann = await signIn(each, "ann");
  const id = randomUUID();
  await (await aiSdk.ask(ann, id, "Bread?")).text();
  expect(await (await ann("GET", "/api/me")).json()).toMatchObject({
    id: expect.stringMatching(/^user_[0-9a-f]{32}$/),
    name: "ann",
    conversations: [{ id, title: "Bread?", messages: [{ role: "assistant" }] }],
  });
  expect((await ann("DELETE", "/api/me")).status).toBe(204);
  await using database = openPg({ url: environment["DATABASE_URL"] ?? "" });
  const left = await database.query("select (select count(*) from chat.message), (select count(*) from auth.users)");
  expect(left).toEqual([["0", "0"]]);
});

it("drizzle-kit has nothing to add to the migrations of own-user-table", () => {
  const copy = mkdtempSync(join(examples, "own-user-table/.kit-"));
  try {
    for (const name of ["schema.ts", "drizzle.config.ts", "package.json", "migrations"])
      cpSync(join(examples, "own-user-table", name), join(copy, name), { recursive: true });
    const kit = join(dirname(createRequire(import.meta.url).resolve("drizzle-kit")), "bin.cjs");
    const { stdout } = spawnSync(process.execPath, ["-C", "chatkeep-source", kit, "generate"], {
      cwd: copy,
      encoding: "utf8",
    });
    expect(stdout).toContain("No schema changes, nothing to migrate");
    expect(readdirSync(join(copy, "migrations")).filter((name) => name.endsWith(".sql"))).toHaveLength(1);
  } finally {
    rmSync(copy, { recursive: true });
  }
});

it.each(["plain-pg", "hono"])("%s asks a real endpoint where there is a key", async (example) => {
  await using place = openPlace();
  const { ask, wordsIn, history } = speechOf(example);
  const endpoint = await startSpeakingEndpoint(5);
  try {
    const key = { OPENAI_API_KEY: "x", OPENAI_BASE_URL: endpoint.environment["OPENAI_BASE_URL"] ?? "" };
    const ann = await signIn(await place.start(example, { ...(await onPostgres()), ...key }), "ann");
    const id = randomUUID();
    expect(wordsIn(await (await ask(ann, id, "count 5")).text())).toBe("1 2 3 4 5 ");
    expect(await history(ann, id)).toEqual(["count 5", "1 2 3 4 5 "]);
  } finally {
    await endpoint.stop();
  }
});

it("what several examples have alike is the same in all of them", () => {
  const read = (example: string, file: string) => readFileSync(join(examples, example, file), "utf8");
  for (const example of all) expect(read(example, "auth.ts")).toBe(read("express", "auth.ts"));
  for (const example of [...withAiSdk, "next/lib"]) expect(read(example, "model.ts")).toBe(read("express", "model.ts"));
});

it("the chat route of next has ten lines at most", () => {
  const route = readFileSync(join(examples, "next/app/api/chat/[[...path]]/route.ts"), "utf8");
  expect(route.trim().split("\n").length).toBeLessThanOrEqual(10);
});
