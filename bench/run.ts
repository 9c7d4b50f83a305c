/**
 * `npm run bench`: chatkeep beside SQL written by hand, and beside what people write instead, on one PostgreSQL with its default
 * durability, in one run. `-- --quick` for a first look; `-- --only http` (or library, pglite, start) for one part; `-- --write`
 * puts the results of all into README.md.
 */
import { writeFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { parseArgs } from "node:util";
import { startPostgres } from "../packages/chatkeep/test/helpers/throwaway-postgres.ts";
import { openPg } from "../packages/chatkeep/test/helpers/with-drizzle.ts";
import { measureHttp } from "./http.ts";
import { measureLibrary } from "./library.ts";
import { counterOf, type Scale } from "./measure.ts";
import { measurePglite } from "./pglite.ts";
import { plot, printSection, type Section, writeReadme } from "./report.ts";
import { addChats, addUsers, prepareTables } from "./sample.ts";
import { measureStart } from "./start.ts";
import { prepareUsual } from "./usual.ts";

const { values: flags } = parseArgs({
  options: { quick: { type: "boolean" }, write: { type: "boolean" }, only: { type: "string" } },
});
const isWanted = (part: string) => flags.only === undefined || flags.only === part;
if (flags.only && flags.write) throw new Error("README.md takes all parts: leave out --only.");

const scale: Scale = flags.quick
  ? { rounds: 5, roundMs: 100, conversations: 10_000, isWhole: false }
  : { rounds: 7, roundMs: 600, conversations: 50_000, isWhole: true };
const began = performance.now();

const settings = ["fsync=on", "full_page_writes=on", "shared_preload_libraries=pg_stat_statements"];
const postgres = await startPostgres(undefined, settings);
const admin = openPg({ url: postgres.url, maxConnections: 2 });
await admin.pool.query("create extension pg_stat_statements");
await prepareTables(admin);
await prepareUsual(admin.db);
const { rows } = await admin.pool.query("select version()");
const counter = counterOf(admin.pool);
const users = await addUsers(admin.db, 100);
const chats = (await Promise.all(users.map((userId) => addChats(admin.db, userId, 10, 2)))).flat();

const sections: Section[] = [];
const show = (section: Section) => {
  sections.push(section);
  printSection(section);
};

try {
  const given = { url: postgres.url, port: postgres.port, db: admin.db, pool: admin.pool, counter, chats, scale, show };
  const lines = isWanted("library") ? await measureLibrary(given) : [];
  if (isWanted("http")) await measureHttp(given);
  if (isWanted("pglite")) await measurePglite(given);
  if (isWanted("start")) await measureStart(given);
  const seconds = Math.round((performance.now() - began) / 1_000);
  console.log(`\n${seconds} seconds`);
  if (flags.write) {
    const cores = `${availableParallelism()} cores (${cpus()[0]?.model ?? process.arch})`;
    writeReadme(
      [
        `Measured on ${new Date().toISOString().slice(0, 10)} by \`npm run bench -- --write\` in ${seconds} seconds: ${String(rows[0].version).split(" on ")[0]} with fsync on,`,
        `Node ${process.version}, ${cores} for database and clients together. Rounds take turns; figures are medians`,
        `of ${scale.rounds} rounds, ratios of operations per second in the same round, above 1 is faster than the first line.`,
      ].join("\n"),
      sections,
    );
    writeFileSync(
      new URL("cost-by-length.svg", import.meta.url),
      plot("Cost of an operation by the length of the chat (p50)", "messages in the conversation", "time", lines),
    );
  }
} finally {
  await admin.close();
  await postgres.stop();
}
