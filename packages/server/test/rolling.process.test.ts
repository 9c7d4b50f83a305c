/**
 * A rolling deploy under load, forth and back: servers of the code of before and of this code on one database, which is migrated
 * meanwhile, while people write, ask and follow. Nothing is refused, and nothing is lost.
 */
import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { migrate } from "chatkeep";
import { expect, it } from "vitest";
import { childEnvironment } from "../../chatkeep/test/helpers/child-environment.ts";
import { isLong } from "../../chatkeep/test/helpers/long.ts";
import { startPostgres } from "../../chatkeep/test/helpers/throwaway-postgres.ts";
import { openPg } from "../../chatkeep/test/helpers/with-drizzle.ts";
import { migrations } from "../src/migrations.generated.ts";
import { before, layCode } from "./helpers/code-of-before.ts";
import { textIn } from "./helpers/models.ts";
import {
  call,
  endServer,
  question,
  type RunningServer,
  signUp,
  startServer,
  temporaryFolder,
} from "./helpers/servers.ts";
import { numbers, startSpeakingEndpoint } from "./helpers/speaking-endpoint.ts";
import { until } from "./helpers/until.ts";

/** As those of a later version: it adds, and breaks nothing. */
const additive = {
  name: "9000_additive",
  sql: [
    "alter table message add column words integer",
    `-- in batches
with batch as (select id from message where id > coalesce($1::text, '00000000-0000-0000-0000-000000000000')::uuid order by id limit 50),
  done as (update message set words = length(content) from batch where message.id = batch.id)
select max(id::text) from batch`,
    "create index concurrently message_words_idx on message (user_id, words)",
  ].join("--> statement-breakpoint\n"),
};

interface Person {
  token: string;
  conversation: string;
  /** What was acknowledged, in order. */
  kept: string[];
  rounds: number;
}

interface Listed {
  items: { content: string; status: string }[];
}

it.runIf(isLong)(
  "servers are replaced one by one, forth and back, and nobody notices",
  { timeout: 400_000 },
  async () => {
    const [postgres, endpoint] = await Promise.all([startPostgres(), startSpeakingEndpoint(5)]);
    const folder = temporaryFolder();
    const database = openPg({ url: postgres.url, maxConnections: 2 });
    const environment = {
      ...endpoint.environment,
      DATABASE_URL: postgres.url,
      CHATKEEP_SECRET: "x".repeat(40),
      CHATKEEP_URL: "http://127.0.0.1:1",
    };
    const started: RunningServer[] = [];
    const began = performance.now();
    const note = (text: string) =>
      void process.stdout.write(`${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s  ${text}\n`);
    try {
      const oldCode = layCode(before, folder.path);
      const migrated = spawnSync(process.execPath, ["-C", "chatkeep-source", oldCode, "migrate"], {
        env: { ...childEnvironment, ...environment },
        encoding: "utf8",
      });
      note(`code of ${before.slice(0, 8)}: ${migrated.stdout.trim()}${migrated.stderr}`);
      /** Those that a balancer gives requests to. */
      const serving: RunningServer[] = [];
      const add = async (code?: string) => {
        const server = await startServer(environment, undefined, code);
        started.push(server);
        serving.push(server);
        note(`one more server, of ${code ? "the code of before" : "this code"}: ${serving.length} serve`);
      };
      const replace = async (code?: string) => {
        await add(code);
        const leaving = serving.shift();
        if (!leaving) return;
        await endServer(leaving);
        note(`one has left, with code ${leaving.process.exitCode}`);
      };
      await add(oldCode);
      await add(oldCode);

      const faults: string[] = [];
      let isOver = false;
      let turn = 0;
      const ask = async (path: string, body: object | undefined, token: string) => {
        const server = serving[turn++ % serving.length];
        const response = await call(server?.url ?? "", path, body, token);
        if (!response.ok) faults.push(`${path}: ${response.status} ${await response.clone().text()}`);
        return response;
      };
      /** As clients do: a server that leaves ends the replies that it writes, and cuts off who follows another server's. */
      const follow = async (id: string, token: string): Promise<string> => {
        const response = await ask(`/api/chat/${id}/stream`, undefined, token);
        return await response.text().catch(() => follow(id, token));
      };
      const live = async (person: Person) => {
        const path = `/api/conversations/${person.conversation}/messages`;
        for (; !isOver; person.rounds += 1) {
          const words = `round ${person.rounds}`;
          await (await ask(path, { messages: [{ role: "user", content: words }] }, person.token)).text();
          person.kept.push(words);
          const id = randomUUID();
          const asked = await ask("/api/chat", { id, message: question("count 20") }, person.token);
          const followed = follow(id, person.token);
          const said = textIn(await asked.text());
          if (said !== numbers(20)) faults.push(`a reply was "${said}"`);
          const heard = textIn(await followed);
          if (heard !== "" && heard !== said) faults.push(`who followed heard "${heard}"`);
          const { items } = (await (
            await ask(`/api/conversations/${id}/messages`, undefined, person.token)
          ).json()) as Listed;
          if (items.at(-1)?.content !== said) faults.push(`of a reply was kept "${items.at(-1)?.content}"`);
        }
      };
      const people = await Promise.all(
        [0, 1, 2].map(async (number): Promise<Person> => {
          const token = await signUp(serving[0]?.url ?? "", `person${number}`);
          const made = (await (await ask("/api/conversations", { title: "Notes" }, token)).json()) as { id: string };
          return { token, conversation: made.id, kept: [], rounds: 0 };
        }),
      );
      const lives = people.map((person) => live(person).catch((error: unknown) => void faults.push(String(error))));
      const more = async (rounds: number) => {
        const wanted = people.map((person) => person.rounds + rounds);
        await until(
          () => faults.length > 0 || people.every((person, index) => person.rounds >= (wanted[index] ?? 0)),
          (isDone) => isDone,
        );
      };

      await more(2);
      note(`migrated meanwhile: ${await migrate(database, [...migrations, additive])}`);
      await more(2);
      for (const code of [undefined, undefined, oldCode, oldCode, undefined]) {
        await replace(code);
        await more(2);
        note(`${people.map(({ rounds }) => rounds).join(", ")} rounds, ${faults.length} faults`);
      }
      isOver = true;
      await Promise.all(lives);
      expect(faults).toEqual([]);
      for (const { token, conversation, kept } of people) {
        const written = await database.query(
          "select content from message where conversation_id = $1::uuid order by seq",
          [conversation],
        );
        expect(written.map(([content]) => content)).toEqual(kept);
        for (const { url } of serving) {
          const page = await call(url, `/api/conversations/${conversation}/messages`, undefined, token);
          expect(((await page.json()) as Listed).items.length).toBeGreaterThan(10);
        }
      }
      const { rows } = await database.pool.query("select status, count(*)::int from run group by 1");
      expect(rows).toEqual([{ status: "completed", count: people.reduce((sum, { rounds }) => sum + rounds, 0) }]);
    } finally {
      for (const server of started) await endServer(server, "SIGKILL");
      await database.close();
      await endpoint.stop();
      await postgres.stop();
      folder.remove();
    }
  },
);
