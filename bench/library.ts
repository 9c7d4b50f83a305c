/** chatkeep as a library, on every driver for servers, beside the floor and what people write instead. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createStore } from "chatkeep";
import { sql } from "drizzle-orm";
import { startNeonProxy, useNeonProxy } from "../packages/chatkeep/test/helpers/neon-proxy.ts";
import { type Drizzle, openNeon, openPg } from "../packages/chatkeep/test/helpers/with-drizzle.ts";
import { floorOnPool, statements } from "./floor.ts";
import { type Contender, type Counter, compare, type Figures, median, type Scale } from "./measure.ts";
import { header, type Line, rowOf, type Section, whole } from "./report.ts";
import { addChats, addUsers, type Chat, models, sample } from "./sample.ts";
import { copyToUsual, usualOn } from "./usual.ts";

export interface LibraryOptions {
  url: string;
  port: number;
  db: Drizzle;
  counter: Counter;
  chats: readonly Chat[];
  scale: Scale;
  show(section: Section): void;
}

const connections = 16;

export async function measureLibrary(options: LibraryOptions): Promise<Line[]> {
  const { url, port, db, counter, chats, scale, show } = options;
  const proxy = await startNeonProxy(port);
  useNeonProxy(proxy.port);
  const [floorPool, ours, neon, usualPool] = [
    openPg({ url, maxConnections: connections }),
    openPg({ url, maxConnections: connections }),
    openNeon({ url, maxConnections: connections }),
    openPg({ url, maxConnections: connections }),
  ];
  const floor = floorOnPool(floorPool.pool, sample);
  const store = createStore(ours, models);
  const storeOnNeon = createStore(neon, models);
  const usual = usualOn(usualPool.db, sample);
  const turn = [
    { role: "user" as const, content: sample.question },
    { role: "assistant" as const, content: sample.answer },
  ];
  const save = (on: typeof store, { userId, id }: Chat) => on.forUser(userId).messages.append(id, turn);
  const four = (
    onFloor: () => Promise<unknown>,
    on: (given: typeof store) => Promise<unknown>,
    onUsual: () => Promise<unknown>,
  ): Contender[] => [
    { name: "by hand", run: onFloor },
    { name: "**chatkeep**", run: () => on(store) },
    ...(scale.isWhole ? [{ name: "chatkeep on the Neon driver", run: () => on(storeOnNeon) }] : []),
    { name: "Drizzle as usual", run: onUsual },
  ];
  const measure = async (callers: number, contenders: Contender[]) =>
    await compare(contenders, { callers, rounds: scale.rounds, roundMs: scale.roundMs, counter });
  const vacuum = () => db.execute(sql`vacuum analyze`);

  await copyToUsual(db);
  await vacuum();
  let next = 0;
  const any = (): Chat => {
    next = (next + 7) % chats.length;
    return chats[next] as Chat;
  };
  const saving: string[][] = [header];
  for (const callers of [1, 16, 64]) {
    const what = `${callers} ${callers === 1 ? "caller" : "callers"}`;
    const figures = await measure(
      callers,
      four(
        () => floor.saveTurn(any()),
        (on) => save(on, any()),
        () => usual.saveTurn(any()),
      ),
    );
    saving.push(...figures.map((each) => rowOf(what, each)));
    const pgbench = runPgbench(url, callers, scale, chats);
    if (pgbench)
      saving.push([`${what}, pgbench, the hand-written statement`, whole(pgbench), "", "", "", "", "", "", ""]);
  }
  show({
    title: "Save a turn",
    text: "A question of 400 characters and an answer of 1,200, into one of 1,000 conversations. `Drizzle as usual` has no order, no owner and no retries; its answers come back before its rows are in any order.",
    table: saving,
  });

  const [ann] = (await addUsers(db, 1)) as [string];
  const lengths = [10, 100, 1_000, 10_000];
  const long = new Map<number, Chat>();
  for (const length of lengths) long.set(length, (await addChats(db, ann, 1, length))[0] as Chat);
  await copyToUsual(db);
  await vacuum();
  const table: string[][] = [header];
  const lines = new Map<string, Line>();
  const draw = (what: string, length: number, figures: readonly Figures[]) => {
    for (const { name, p50Us } of figures.filter(({ name }) => !name.includes("Neon"))) {
      const key = `${what}, ${name.replaceAll("*", "")}`;
      const line = lines.get(key) ?? { name: key, points: [] };
      line.points.push([length, p50Us]);
      lines.set(key, line);
    }
  };
  for (const length of lengths) {
    const chat = long.get(length) as Chat;
    const saved = await measure(
      1,
      four(
        () => floor.saveTurn(chat),
        (on) => save(on, chat),
        () => usual.saveTurn(chat),
      ).filter(({ name }) => !name.includes("Neon")),
    );
    draw("save", length, saved);
    table.push(...saved.map((each) => rowOf(`save into ${whole(length)}`, each)));
  }
  show({ title: "Save into a long conversation", text: "One caller.", table });

  const [bob] = (await addUsers(db, 1)) as [string];
  for (const length of lengths) long.set(length, (await addChats(db, bob, 1, length))[0] as Chat);
  const [middle] = await addChats(db, bob, 1, 200);
  await copyToUsual(db);
  await vacuum();
  const readAll = async (read: (after: number, limit: number) => Promise<unknown>, total: number, limit = 100) => {
    for (let after = 0; after < total; after += limit) await read(after, limit);
  };
  const reading: string[][] = [header];
  for (const length of lengths) {
    const chat = long.get(length) as Chat;
    const figures = await measure(
      1,
      four(
        () => floor.readLast(chat, 50),
        (on) => on.forUser(bob).messages.list(chat.id),
        () => usual.readLast(chat, 50),
      ),
    );
    draw("read last 50", length, figures);
    reading.push(...figures.map((each) => rowOf(`last 50 of ${whole(length)}`, each)));
  }
  for (const [total, chat] of [
    [200, middle as Chat],
    [10_000, long.get(10_000) as Chat],
  ] as const) {
    const figures = await measure(
      1,
      four(
        () => readAll((after, limit) => floor.readAfter(chat, after, limit), total),
        (on) => readAll((after, limit) => on.forUser(bob).messages.list(chat.id, { after, limit }), total),
        () => readAll((offset, limit) => usual.readFrom(chat, offset, limit), total),
      ),
    );
    reading.push(...figures.map((each) => rowOf(`all of ${whole(total)}, by 100`, each)));
  }
  show({
    title: "Read",
    text: "One caller. By hand: a stretch of `seq` with two ends, as chatkeep reads it.",
    table: reading,
  });

  const listing: string[][] = [header];
  for (const count of [10, 1_000, scale.conversations]) {
    const [owner] = (await addUsers(db, 1)) as [string];
    await addChats(db, owner, count, 0);
    await copyToUsual(db);
    await vacuum();
    const figures = await measure(
      1,
      four(
        () => floor.list(owner, 20),
        (on) => on.forUser(owner).conversations.list(),
        () => usual.list(owner, 20),
      ),
    );
    listing.push(...figures.map((each) => rowOf(`20 of ${whole(count)}`, each)));
  }
  show({ title: "List conversations", text: "One caller.", table: listing });

  const [maker] = (await addUsers(db, 1)) as [string];
  const creating: string[][] = [header];
  for (const callers of [1, 16]) {
    const figures = await measure(
      callers,
      four(
        () => floor.create(maker),
        (on) => on.forUser(maker).conversations.create({ messages: turn.slice(0, 1) }),
        () => usual.create(maker),
      ),
    );
    creating.push(...figures.map((each) => rowOf(`${callers} ${callers === 1 ? "caller" : "callers"}`, each)));
  }
  show({ title: "Create a conversation with its first message", table: creating });

  show(await measureRows(options));
  await Promise.all([floorPool.close(), ours.close(), neon.close(), usualPool.close()]);
  await proxy.stop();
  return [...lines.values()];
}

/** Bytes of a message, and what deleting a user with 1,000 conversations of 20 messages takes. */
async function measureRows({ db, scale }: LibraryOptions): Promise<Section> {
  const size = async (tables: string[]) => {
    const { rows } = (await db.execute(sql`
      select sum(pg_total_relation_size(name::regclass))::float as bytes from unnest(string_to_array(${tables.join()}, ',')) name`)) as unknown as {
      rows: { bytes: number }[];
    };
    return rows[0]?.bytes ?? 0;
  };
  await db.execute(sql`truncate "user" cascade`);
  await db.execute(sql`truncate usual_chat cascade`);
  const deleted: Record<"chatkeep" | "usual", number[]> = { chatkeep: [], usual: [] };
  const bytes: Record<"chatkeep" | "usual", number> = { chatkeep: 0, usual: 0 };
  for (let round = 0; round < Math.min(scale.rounds, 5); round += 1) {
    for (const which of ["chatkeep", "usual"] as const) {
      await db.execute(sql`truncate "user" cascade`);
      const [owner] = (await addUsers(db, 1)) as [string];
      await addManyChats(db, owner);
      if (which === "usual") {
        await copyToUsual(db);
        await db.execute(sql`truncate conversation cascade`);
      }
      await db.execute(sql`vacuum analyze`);
      bytes[which] = await size(which === "usual" ? ["usual_chat", "usual_message"] : ["conversation", "message"]);
      const start = performance.now();
      await db.execute(sql`delete from "user" where id = ${owner}`);
      deleted[which].push(performance.now() - start);
    }
  }
  const row = (name: string, which: "chatkeep" | "usual") => [
    name,
    `${(bytes[which] / 20_000).toFixed(0)} bytes`,
    (bytes[which] / bytes.usual).toFixed(2),
    `${median(deleted[which]).toFixed(0)} ms`,
    (median(deleted[which]) / median(deleted.usual)).toFixed(2),
  ];
  return {
    title: "Storage, and deleting a user with 1,000 × 20 messages",
    text: "By hand it is the same tables and the same `delete`, so both are 1. Here beside tables that have neither owner, order, tree, status nor parts; content of 800 characters on average, indexes included.",
    table: [
      ["", "a message", "to the usual", "deleting", "to the usual"],
      row("the usual tables", "usual"),
      row("**chatkeep**", "chatkeep"),
    ],
  };
}

async function addManyChats(db: Drizzle, owner: string): Promise<void> {
  await db.execute(sql`
    with chats as (
      insert into conversation (user_id, title, message_count)
      select ${owner}, 'A title', 20 from generate_series(1, 1000) returning id, user_id
    )
    insert into message (conversation_id, user_id, seq, role, content)
    select chats.id, chats.user_id, number, case when number % 2 = 1 then 'user' else 'assistant' end,
      case when number % 2 = 1 then ${sample.question}::text else ${sample.answer}::text end
    from chats cross join generate_series(1, 20) as number`);
}

/** Turns a second by pgbench with the floor's statement, or `undefined` where it is not installed. */
function runPgbench(url: string, callers: number, { roundMs }: Scale, chats: readonly Chat[]): number | undefined {
  const folder = mkdtempSync(join(tmpdir(), "chatkeep-pgbench-"));
  try {
    const [one] = chats;
    const values: Record<string, string> = {
      $1: `(array['${chats.map(({ userId }) => userId).join("','")}'])[:n]::uuid`,
      $2: `(array['${chats.map(({ id }) => id).join("','")}'])[:n]::uuid`,
      $3: "gen_random_uuid()",
      $4: "null",
      $5: "gen_random_uuid()",
      $6: `'${sample.question}'`,
      $7: `'${sample.answer}'`,
    };
    if (!one) return undefined;
    // pgbench makes no UUIDs and keeps no lists: a table of the chats by number stands in for what a program knows.
    const text = `\\set n random(1, ${chats.length})\n${statements.saveTurn
      .replaceAll(/\s+/g, " ")
      .replace(
        "where user_id = $1 and id = $2",
        "where (user_id, id) = (select user_id, id from bench_chat where n = :n)",
      )
      .replaceAll(/\$(\d)(::\w+)?/g, (_, number: string) => `(${values[`$${number}`]})`)};\n`;
    writeFileSync(join(folder, "turn.sql"), text);
    const make = `create table if not exists bench_chat as select row_number() over (order by id)::int as n, user_id, id from conversation; create unique index if not exists bench_chat_n on bench_chat (n); analyze bench_chat`;
    if (spawnSync("psql", [url, "-qc", make]).status !== 0) return undefined;
    const seconds = String(Math.max(2, Math.round((roundMs * 5) / 1_000)));
    const { status, stdout } = spawnSync(
      "pgbench",
      ["-n", "-M", "prepared", "-c", String(callers), "-j", "2", "-T", seconds, "-f", join(folder, "turn.sql"), url],
      { encoding: "utf8" },
    );
    return status === 0 ? Number(/tps = ([\d.]+)/.exec(stdout)?.[1]) : undefined;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
