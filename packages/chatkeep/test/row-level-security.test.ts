import {
  asOperator,
  createStore,
  disableRowLevelSecurity,
  enableRowLevelSecurity,
  hasRowLevelSecurity,
} from "chatkeep";
import { sql } from "drizzle-orm";
import { describe, expect, it } from "vitest";
import { isServer, openTestDatabase } from "./helpers/database.ts";
import { ids, models, resetPeople, user } from "./helpers/people.ts";
import { openPg } from "./helpers/with-drizzle.ts";

const fileTables = ["attachment", "attachment_content", "attachment_object", "attachment_piece", "attachment_use"];

/** A superuser passes every policy, so this is about a role that is none; PGlite has only its superuser. */
describe.runIf(isServer)("row-level security", () => {
  it("shows nothing to statements without an owner, and changes nothing for the store", async () => {
    await using database = await openTestDatabase();
    const { db } = database;
    await resetPeople(database);
    await enableRowLevelSecurity(database, models);
    expect(await hasRowLevelSecurity(database, models)).toBe(true);
    const role = `role_${Math.random().toString(36).slice(2)}`;
    await db.execute(sql.raw(`create role ${role} login`));
    await db.execute(sql.raw(`grant all on all tables in schema public to ${role}`));
    const url = new URL(database.url ?? "");
    url.username = role;
    await using limited = openPg({ url: url.href, maxConnections: 2 });

    const store = createStore(limited, models, { rowLevelSecurity: true, requiresFiles: true });
    const [ann, bob] = [store.forUser(ids.ann), store.forUser(ids.bob)];
    const { id } = await ann.conversations.create({ messages: [{ role: "user", content: "Hello" }] });
    const [answer] = await ann.messages.append(id, [{ role: "assistant", status: "streaming" }]);
    expect((await ann.messages.list(id)).items).toHaveLength(2);
    expect((await ann.messages.branch(id)).items.at(-1)).toEqual(answer);
    expect(await ann.messages.find([answer?.id ?? "", "text"])).toEqual([answer]);
    expect(await bob.messages.find([answer?.id ?? ""])).toEqual([]);
    await expect(bob.messages.list(id)).rejects.toThrow(expect.objectContaining({ code: "not_found" }));
    const key = await ann.runs.beginDraft({ conversationId: id, messageId: answer?.id ?? "", server: "one" });
    expect((await ann.runs.findRunning(id))?.id).toBe(key.id);
    await store.transaction(async (tx) => {
      await tx.forUser(ids.bob).conversations.create({ title: "Bob's" });
      expect((await tx.forUser(ids.ann).conversations.list()).items).toHaveLength(1);
    });

    const file = await ann.files.put({ name: "a.bin", data: new Uint8Array(600_000) });
    const asks = [{ role: "user" as const, parts: [{ type: "file", mediaType: file.mediaType, url: file.url }] }];
    await ann.messages.append(id, asks);
    await expect(bob.conversations.create({ messages: asks })).rejects.toThrow(
      expect.objectContaining({ code: "not_found" }),
    );
    await expect(bob.files.read(file.id)).rejects.toThrow(expect.objectContaining({ code: "not_found" }));
    expect((await ann.files.read(file.id)).byteLength).toBe(600_000);
    expect(await store.system.removeUnusedFiles()).toBe(0);

    for (const table of ["conversation", "message", "run", "run_chunk", ...fileTables]) {
      expect([table, await limited.db.$count(sql.raw(table))]).toEqual([table, 0]);
    }
    const forgetful = createStore(limited, models).forUser(ids.ann);
    expect((await forgetful.conversations.list()).items).toEqual([]);
    await expect(forgetful.conversations.create()).rejects.toThrow();
    await limited.db.execute(sql`delete from message`);
    expect(await asOperator(limited, (inside) => inside.query("select id from message"))).toHaveLength(3);
    expect(await limited.db.$count(models.message)).toBe(0);
    expect(await store.system.interruptRuns("all")).toHaveLength(1);
    expect(await store.system.readRecent([ids.ann])).toHaveLength(1);
    expect((await ann.usage({ by: "day" })).items).toMatchObject([{ replies: 1 }]);
    expect((await bob.usage({ by: "day" })).items).toEqual([]);
    expect(await ann.quotas([{ of: "messages", limit: 5 }])).toMatchObject([{ used: 1 }]);
    expect(await limited.db.$count(sql.raw("usage"))).toBe(0);

    await limited.db.execute(sql`delete from "user" where id = ${ids.ann}`);
    expect(await db.$count(models.message)).toBe(0);
    for (const table of fileTables) expect([table, await db.$count(sql.raw(table))]).toEqual([table, 0]);
    expect(await db.$count(user)).toBe(1);
    await disableRowLevelSecurity(database, models);
    expect(await limited.db.$count(models.conversation)).toBe(1);
    await limited.close();
    await db.execute(sql.raw(`drop owned by ${role}`));
    await db.execute(sql.raw(`drop role ${role}`));
  });
});
