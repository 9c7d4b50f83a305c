/** Bytes of files that are not in the database: in a folder, and in a bucket of a server that speaks as S3 does. */
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createStore, type FileStorage } from "chatkeep";
import { folderStorage } from "chatkeep/folder";
import { s3Storage } from "chatkeep/s3";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { distributed, earlier, openTestDatabase, type TestDatabase } from "./helpers/database.ts";
import { ids, models, resetPeople, user } from "./helpers/people.ts";
import { type S3Server, startS3Server } from "./helpers/s3-server.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());

const code = (wanted: string) => expect.objectContaining({ code: wanted });
const cutOffId = "c0000000-0000-4000-8000-00000000000c";
const large = new Uint8Array(9_000_000).map((_, index) => (index * 7 + (index >> 9)) & 255);

async function* inChunks(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

interface Place {
  name: string;
  open(): Promise<FileStorage>;
  count(): number;
  /** Lets it be away, or be back. */
  away(isAway: boolean): void;
  close(): Promise<void>;
}

function folder(): Place {
  const root = mkdtempSync(join(tmpdir(), "chatkeep-files-"));
  const [path, other] = [join(root, "files"), join(root, "elsewhere")];
  return {
    name: "a folder",
    open: async () => {
      mkdirSync(path);
      return folderStorage(path);
    },
    count: () => readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length,
    away: (isAway) => renameSync(isAway ? path : other, isAway ? other : path),
    close: async () => rmSync(root, { recursive: true, force: true }),
  };
}

function bucket(): Place {
  let server: S3Server;
  let isAway = false;
  return {
    name: "a bucket",
    open: async () => {
      server = await startS3Server();
      const given = { bucket: server.bucket, prefix: "chat/files", accessKeyId: "S3RVER", secretAccessKey: "S3RVER" };
      const there = s3Storage({ ...given, endpoint: server.url });
      const closed = s3Storage({ ...given, endpoint: "http://127.0.0.1:1" });
      const now = () => (isAway ? closed : there);
      return {
        put: (key, bytes) => now().put(key, bytes),
        get: (key) => now().get(key),
        remove: (keys) => now().remove(keys),
      };
    },
    count: () => server.countObjects(),
    away: (is) => {
      isAway = is;
    },
    close: () => server.stop(),
  };
}

describe.each([folder(), bucket()])("$name", (place) => {
  let fileStorage: FileStorage;
  let people: Awaited<ReturnType<typeof resetPeople>>;
  beforeAll(async () => {
    fileStorage = await place.open();
  });
  beforeEach(async () => {
    people = await resetPeople(database, { requiresFiles: true, fileStorage });
    await due();
    await people.store.system.removeUnusedFiles();
  });
  afterAll(() => place.close());

  const due = async () => {
    await database.db.execute(sql`update attachment set check_at = ${earlier("check_at", "8 days")}`);
    await database.db.execute(sql`update attachment_object set check_at = ${earlier("check_at", "8 days")}`);
    await database.db.execute(sql`update attachment_content set created_at = ${earlier("created_at", "8 days")}`);
  };
  const storeWithout = () =>
    createStore(database.limited, models, { distributed, rowLevelSecurity: database.limited.query !== database.query });
  const sweep = () => people.store.system.removeUnusedFiles();
  const pieces = () => database.db.$count(models.filePiece);
  const known = () => database.db.$count(models.fileObject);
  const add = (data: Uint8Array | AsyncIterable<Uint8Array>, name = "a.bin") => people.ann.files.put({ name, data });

  it("gives bytes back whole and in ranges, keeps none in the database, and the same ones once", async () => {
    const file = await add(inChunks(large, 70_001));
    expect([place.count(), await pieces()]).toEqual([3, 0]);
    expect(Buffer.compare(await people.ann.files.read(file.id), large)).toBe(0);
    for (const [start, end] of [
      [0, 10],
      [4_194_300, 4_194_310],
      [4_194_304, 8_388_609],
      [8_999_999, 9_000_000],
      [5, 5],
    ] as const) {
      const part = await people.ann.files.read(file.id, { start, end });
      expect(Buffer.compare(part, large.subarray(start, end))).toBe(0);
    }
    const again = await add(large, "again.bin");
    expect(again.hash).toBe(file.hash);
    await sweep();
    expect([place.count(), await known()]).toEqual([3, 1]);
    expect(Buffer.compare(await people.ann.files.read(again.id), large)).toBe(0);
    // Each owner has their own.
    await people.bob.files.put({ name: "b.bin", data: large });
    expect(place.count()).toBe(6);
    await expect(people.bob.files.read(file.id)).rejects.toEqual(code("not_found"));
  });

  it("removes them with the last name, and what an upload left that never ended", async () => {
    const [one, two] = [await add(large, "one"), await add(large, "two")];
    await sweep();
    await people.ann.files.remove(one.id);
    await sweep();
    expect(place.count()).toBe(3);
    await people.ann.files.remove(two.id);
    await sweep();
    expect([place.count(), await known()]).toEqual([0, 0]);

    async function* cutOff() {
      yield* inChunks(large.subarray(0, 5_000_000), 100_000);
      throw new Error("the line is dead");
    }
    await expect(add(cutOff())).rejects.toThrow("the line is dead");
    expect(place.count()).toBe(1);
    await sweep();
    expect([place.count(), await known()]).toEqual([0, 0]);
    // Of a program that died while it received.
    await database.db.execute(sql`insert into attachment_content (id, user_id) values (${cutOffId}, ${ids.ann})`);
    await database.db.execute(
      sql`insert into attachment_object (content_id, user_id, count, check_at) values (${cutOffId}, ${ids.ann}, 1, now())`,
    );
    await fileStorage.put(`${cutOffId}/0`, Uint8Array.of(1));
    await due();
    await sweep();
    expect([place.count(), await known(), await database.db.$count(models.fileContent)]).toEqual([0, 0, 0]);
  });

  it("goes with a chat that is purged, with its owner, and with one who was deleted past the store", async () => {
    const file = await add(large);
    const { id } = await people.ann.conversations.create();
    const parts = [{ type: "file", mediaType: "image/png", url: file.url }];
    await people.ann.messages.append(id, [{ role: "user", parts }]);
    await due();
    await sweep();
    expect(place.count()).toBe(3);
    await people.ann.conversations.delete(id);
    await people.ann.conversations.purge(id);
    await sweep();
    expect([place.count(), await known()]).toEqual([0, 0]);

    await add(large);
    await people.bob.files.put({ name: "b", data: large });
    expect((await people.ann.erase()).rows).toMatchObject({ attachment: 1, attachment_object: 1 });
    expect([place.count(), await known()]).toEqual([3, 1]);
    await database.db.delete(user).where(sql`id = ${ids.bob}`);
    await due();
    await sweep();
    expect([place.count(), await known()]).toEqual([0, 0]);
  });

  it("goes along to another owner, where the same bytes are kept once", async () => {
    const [mine, other] = [await add(large, "mine"), await add(Uint8Array.of(1, 2), "other")];
    await people.bob.files.put({ name: "theirs", data: large });
    expect(place.count()).toBe(7);
    await people.store.system.moveConversations(ids.ann, ids.bob);
    await sweep();
    expect([place.count(), await known()]).toEqual([4, 2]);
    expect(Buffer.compare(await people.bob.files.read(mine.id), large)).toBe(0);
    expect([...(await people.bob.files.read(other.id))]).toEqual([1, 2]);
    await expect(people.ann.files.read(mine.id)).rejects.toEqual(code("not_found"));
  });

  it("says that it is away, keeps nothing half, and goes on when it is back", async () => {
    const file = await add(large);
    place.away(true);
    await expect(people.ann.files.read(file.id)).rejects.toEqual(code("unavailable"));
    await expect(add(Uint8Array.of(7))).rejects.toEqual(code("unavailable"));
    expect(await database.db.$count(models.file)).toBe(1);
    // Whoever wants to be forgotten is told that it is not done.
    await expect(people.ann.erase()).rejects.toEqual(code("unavailable"));
    await expect(sweep()).rejects.toEqual(code("unavailable"));
    place.away(false);
    expect(place.count()).toBe(3);
    expect((await people.ann.erase()).rows).toMatchObject({ attachment_object: expect.any(Number) });
    await due();
    await sweep();
    expect([place.count(), await known()]).toEqual([0, 0]);
  });

  it("is asked for by a store that was not given it; what is in the database is read all the same", async () => {
    const elsewhere = await add(large);
    const plain = storeWithout().forUser(ids.ann);
    await expect(plain.files.read(elsewhere.id)).rejects.toEqual(code("unavailable"));
    await expect(plain.erase()).rejects.toEqual(code("unavailable"));
    const again = await resetPeople(database, { requiresFiles: true, fileStorage });
    const inside = await storeWithout().forUser(ids.ann).files.put({ name: "in", data: large });
    expect([place.count() > 0, await pieces()]).toEqual([true, 18]);
    expect(Buffer.compare(await again.ann.files.read(inside.id), large)).toBe(0);
  });

  it("takes nothing of a transaction, which may be rolled back: that is in the database", async () => {
    await sweep();
    const before = place.count();
    await people.store.transaction(async (store) => {
      await store.forUser(ids.ann).files.put({ name: "in", data: large });
    });
    expect([place.count(), await pieces()]).toEqual([before, 18]);
  });
});

describe("what is given", () => {
  it("is refused where it is no storage", async () => {
    for (const fileStorage of [{}, { put: 1, get: 2, remove: 3 }, "folder"])
      expect(() => createStore(database.limited, models, { distributed, fileStorage: fileStorage as never })).toThrow(
        TypeError,
      );
    expect(() => folderStorage("")).toThrow(TypeError);
    expect(() => s3Storage({ bucket: "", accessKeyId: "a", secretAccessKey: "b" })).toThrow(TypeError);
  });

  it("leaves no half of what a process that died has written", async () => {
    const path = mkdtempSync(join(tmpdir(), "chatkeep-files-"));
    const storage = folderStorage(path);
    const key = `${cutOffId}/0`;
    await storage.put(key, Uint8Array.of(1));
    const [shard = ""] = readdirSync(path);
    writeFileSync(join(path, shard, `${cutOffId}-1.partial`), "half");
    expect(await storage.get(`${cutOffId}/1`)).toBeUndefined();
    await storage.put(`${cutOffId}/1`, Uint8Array.of(2));
    expect([...((await storage.get(`${cutOffId}/1`)) ?? [])]).toEqual([2]);
    writeFileSync(join(path, shard, `${cutOffId}-2.partial`), "half");
    await storage.remove([key, `${cutOffId}/1`, `${cutOffId}/2`]);
    expect(readdirSync(join(path, shard))).toEqual([]);
    rmSync(path, { recursive: true });
  });

  it("takes no key that leads elsewhere", async () => {
    const storage = folderStorage(tmpdir());
    for (const key of ["../x/0", "a/../../0", "a", "a/0/1", "a/x", ""])
      await expect(storage.get(key)).rejects.toThrow(TypeError);
  });

  it("says which bucket is not there, and does not take that for a file that is gone", async () => {
    const server = await startS3Server();
    const given = { endpoint: server.url, accessKeyId: "S3RVER", secretAccessKey: "S3RVER" };
    const there = s3Storage({ ...given, bucket: server.bucket });
    expect(await there.get("0-a/0")).toBeUndefined();
    await expect(s3Storage({ ...given, bucket: "no-such" }).get("0-a/0")).rejects.toThrow("NoSuchBucket");
    await server.stop();
    await expect(there.get("0-a/0")).rejects.toThrow();
  });
});
