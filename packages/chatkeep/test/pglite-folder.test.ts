import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { embeddedMajor, roomBytes } from "../src/drivers/pglite-folder.ts";
import { isServer } from "./helpers/database.ts";
import { isLong } from "./helpers/long.ts";
import { openPglite } from "./helpers/with-drizzle.ts";

const isRoot = process.getuid?.() === 0;
const nobody = 65_534;
/** Whether another user may run this Node at all: not in a folder that only its owner may enter. */
const runsForNobody =
  isRoot && spawnSync(process.execPath, ["--version"], { uid: nobody, gid: nobody, cwd: "/" }).status === 0;
let home: string;
let whole: string;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "chatkeep-folder-"));
  // Whoever reads files of others gets as far as here.
  chmodSync(home, 0o755);
  whole = join(home, "whole");
  if (isServer) return;
  await using database = await openPglite({ dataDir: whole });
  await database.db.execute(sql`create table kept as select 7 as n`);
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

function shell(...words: string[]) {
  return spawnSync("sh", ["-c", '"$@"', "sh", ...words]);
}

function copyOf(name: string): string {
  const folder = join(home, name, "db");
  cpSync(whole, folder, { recursive: true });
  return folder;
}

function loose(folder: string): string[] {
  const paths = [
    folder,
    ...readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => join(folder, name)),
  ];
  return paths.filter((path) => (statSync(path).mode & 0o077) !== 0);
}

const refusal = (sentence: RegExp) =>
  expect.objectContaining({ code: "invalid_input", message: expect.stringMatching(sentence) });

describe.skipIf(isServer)("the files of the embedded database", () => {
  it("are for their owner alone, also those that come later, and those that were not", async () => {
    expect(loose(whole)).toEqual([]);
    expect(statSync(`${whole}.lock`).mode & 0o077).toBe(0);
    const folder = copyOf("loose");
    spawnSync("chmod", ["-R", "a+rwX", folder]);
    expect(loose(folder).length).toBeGreaterThan(900);
    await using database = await openPglite({ dataDir: folder });
    const segments = () => readdirSync(join(folder, "pg_wal")).length;
    const before = segments();
    await database.client.exec("create table later as select g from generate_series(1, 1000) g");
    await database.client.exec(
      "select pg_switch_wal(); insert into later values (1); select pg_switch_wal(); checkpoint",
    );
    expect(segments()).toBeGreaterThan(before);
    expect(loose(folder)).toEqual([]);
  });

  it.runIf(isRoot)("cannot be read or changed by another user of the machine", () => {
    const script = `for f in $(find "$1" "$1.lock" 2>/dev/null; echo "$1/PG_VERSION" "$1/global/pg_control" "$1/base/1/1259"); do
      [ -r "$f" ] && echo "read $f"; [ -w "$f" ] && echo "write $f"; done; true`;
    const found = spawnSync("sh", ["-c", script, "sh", whole], {
      uid: nobody,
      gid: nobody,
      encoding: "utf8",
      cwd: "/",
    });
    expect([found.status, found.stdout]).toEqual([0, ""]);
  });
});

describe.skipIf(isServer)("a folder that is no database that can be opened", () => {
  it.each<[string, (folder: string) => void, RegExp]>([
    [
      "lacks its version",
      (db) => rmSync(join(db, "PG_VERSION")),
      /is not a whole database.*restore a backup, or remove it/,
    ],
    ["is half made", (db) => rmSync(join(db, "PG_VERSION")), /such as a first start that was cut off leaves/],
    [
      "is of another major version",
      (db) => writeFileSync(join(db, "PG_VERSION"), "17\n"),
      /made by PostgreSQL 17, and this is 18: export/,
    ],
    ["has a version that is none", (db) => writeFileSync(join(db, "PG_VERSION"), "\0\0"), /is damaged \(PG_VERSION\)/],
    [
      "lacks its control file",
      (db) => rmSync(join(db, "global/pg_control")),
      /is damaged \(global\/pg_control\): restore a backup/,
    ],
    [
      "has a short control file",
      (db) => truncateSync(join(db, "global/pg_control"), 100),
      /is damaged \(global\/pg_control\)/,
    ],
    [
      "has zeros for a control file",
      (db) => writeFileSync(join(db, "global/pg_control"), Buffer.alloc(8_192)),
      /is damaged \(PostgreSQL does not start/,
    ],
    ["lacks its log", (db) => rmSync(join(db, "pg_wal"), { recursive: true }), /is damaged \(pg_wal\)/],
    ["lacks its tables", (db) => rmSync(join(db, "base"), { recursive: true }), /is damaged \(base\)/],
    [
      "is of something else",
      (db) => {
        for (const name of readdirSync(db)) rmSync(join(db, name), { recursive: true });
        writeFileSync(join(db, "photo.jpg"), "x");
      },
      /has other things in it than a database \(photo\.jpg\): name an empty folder/,
    ],
    ["is a file", (db) => replace(db, () => writeFileSync(db, "x")), /is a file, and not the folder of a database/],
    [
      "is a link that leads nowhere",
      (db) => replace(db, () => symlinkSync("nowhere", db)),
      /because it is a link that leads nowhere/,
    ],
    [
      "is in a file",
      (db) => replace(join(db, ".."), () => writeFileSync(join(db, ".."), "x")),
      /because (something above it is a file|something else has its name)/,
    ],
    [
      "has a lock that is none",
      (db) => writeFileSync(`${db}.lock`, "x".repeat(5_000)),
      /The lock .*db\.lock cannot be used: remove that file/,
    ],
    ["has a folder for a lock", (db) => mkdirSync(`${db}.lock`), /db\.lock cannot be used .* because it is a folder/],
  ])("%s, and one sentence says what to do", async (name, spoil, sentence) => {
    const folder = copyOf(name.replaceAll(" ", "-"));
    spoil(folder);
    await expect(openPglite({ dataDir: folder })).rejects.toThrow(refusal(sentence));
  });

  function replace(path: string, make: () => void): void {
    rmSync(path, { recursive: true });
    make();
  }

  it.runIf(runsForNobody)("may not be read or written by this user, or nobody may write it", () => {
    const folder = copyOf("rights");
    const open = (uid: number, dataDir: string) => {
      const script = `import { openPglite } from "chatkeep/pglite";
        await openPglite({ dataDir: process.argv[1] }).catch(({ code, message }) => console.log(code, message));`;
      const args = ["-C", "chatkeep-source", "--input-type=module", "-e", script, dataDir];
      const cwd = fileURLToPath(new URL("..", import.meta.url));
      const options = { uid, gid: uid, encoding: "utf8", cwd } as const;
      return spawnSync(process.execPath, args, options).stdout;
    };
    expect(open(nobody, folder)).toMatch(/^invalid_input .* because this user may not read and write it: mend that/);
    expect(open(nobody, join(home, "new", "db"))).toMatch(
      /^invalid_input .* because this user may not read and write it/,
    );
    const mounted = join(home, "rights");
    if (shell("mount", "--bind", mounted, mounted).status !== 0) return;
    shell("mount", "-o", "remount,bind,ro", mounted);
    const said = open(0, folder);
    shell("umount", mounted);
    expect(said).toMatch(/^invalid_input .* because it is on a disk that is read-only/);
  });

  it("is the major version of PGlite that is asked for", async () => {
    await using database = await openPglite();
    const { rows } = await database.client.query<{ version: string }>(
      "select current_setting('server_version_num') as version",
    );
    expect(rows[0]?.version.slice(0, 2)).toBe(embeddedMajor);
  });

  it("is left by no first start, at whatever moment that is killed", async () => {
    const place = join(home, "killed");
    const folder = join(place, "db");
    const script = `import { openPglite } from "chatkeep/pglite"; await openPglite({ dataDir: process.argv[1] });`;
    const start = () =>
      spawn(process.execPath, ["-C", "chatkeep-source", "--input-type=module", "-e", script, folder], {
        cwd: fileURLToPath(new URL("..", import.meta.url)),
        stdio: "ignore",
      });
    const filesMade = () => {
      try {
        return readdirSync(place, { recursive: true }).length;
      } catch {
        // Not there yet, or something in it has just gone.
        return 0;
      }
    };
    const moments: [files: number, signal: NodeJS.Signals][] = [
      [3, "SIGKILL"],
      [150, "SIGINT"],
      [700, "SIGKILL"],
      [960, "SIGTERM"],
    ];
    for (const [files, signal] of isLong ? moments : moments.slice(2, 3)) {
      const child = start();
      const exit = once(child, "exit");
      while (child.exitCode === null && filesMade() < files) await new Promise((resolve) => setTimeout(resolve, 1));
      child.kill(signal);
      await exit;
    }
    await using database = await openPglite({ dataDir: folder });
    expect((await database.client.query("select 1 as n")).rows).toEqual([{ n: 1 }]);
    expect(readdirSync(place).sort()).toEqual(["db", "db.lock"]);
  }, 120_000);

  it("one folder is one database, by whichever way it is reached", async () => {
    const folder = copyOf("linked");
    const link = join(home, "linked", "other");
    symlinkSync(folder, link);
    await using first = await openPglite({ dataDir: folder });
    await expect(openPglite({ dataDir: link })).rejects.toThrow(/in use by another process/);
    expect(await first.db.$count(sql`kept`)).toBe(1);
  });
});

describe.skipIf(isServer || !isRoot)("a disk that fills up", () => {
  it("stops writes with a sentence before it is full; reads go on, and writes when there is room again", async ({
    skip,
  }) => {
    const disk = join(home, "disk");
    mkdirSync(disk);
    if (shell("mount", "-t", "tmpfs", "-o", "size=190m", "tmpfs", disk).status !== 0)
      skip("nothing may be mounted here");
    try {
      cpSync(whole, join(disk, "db"), { recursive: true });
      const database = await openPglite({ dataDir: join(disk, "db") });
      const { client, db } = database;
      const write = () => db.execute(sql`insert into kept select g from generate_series(1, 20000) g`);
      const full = expect.objectContaining({
        cause: expect.objectContaining({
          code: "unavailable",
          message: expect.stringMatching(/64 MiB free.*make room/),
        }),
      });
      const fill = async () => {
        for (let times = 0; times < 500; times += 1) await write();
      };
      await expect(fill()).rejects.toThrow(full);
      expect(await db.$count(sql`kept`)).toBeGreaterThan(1);
      await expect(db.transaction((tx) => tx.execute(sql`delete from kept`))).rejects.toThrow(full);
      // The rest goes to another program.
      spawnSync("dd", ["if=/dev/zero", `of=${join(disk, "other")}`, "bs=1M"]);
      expect(await db.$count(sql`kept`)).toBeGreaterThan(1);
      await expect(write()).rejects.toThrow(full);
      const inside = db.transaction((tx) => tx.transaction((inner) => inner.execute(sql`delete from kept`)));
      await expect(inside).rejects.toThrow(full);
      await expect(client.exec("create table more (n int)")).rejects.toThrow(/make room/);
      await database.close();
      await expect(openPglite({ dataDir: join(disk, "db") })).rejects.toThrow(
        expect.objectContaining({
          code: "unavailable",
          message: expect.stringMatching(/has \d MiB free.*needs 40 MiB/),
        }),
      );
      rmSync(join(disk, "other"));
      shell("mount", "-o", "remount,size=400m", disk);
      await using again = await openPglite({ dataDir: join(disk, "db") });
      const huge = "x".repeat(roomBytes.write);
      await expect(again.db.execute(sql`select ${huge}::text, set_config('a.b', 'c', false)`)).resolves.toBeDefined();
      await again.db.execute(sql`insert into kept values (8)`);
    } finally {
      shell("umount", "-l", disk);
    }
  });

  it("refuses a first start that it has no room for, and one without room for files", async ({ skip }) => {
    const disk = join(home, "small");
    mkdirSync(disk);
    if (shell("mount", "-t", "tmpfs", "-o", "size=60m", "tmpfs", disk).status !== 0)
      skip("nothing may be mounted here");
    const unavailable = (sentence: RegExp) =>
      expect.objectContaining({ code: "unavailable", message: expect.stringMatching(sentence) });
    try {
      await expect(openPglite({ dataDir: join(disk, "db") })).rejects.toThrow(
        unavailable(/has \d+ MiB free.*needs 128 MiB/),
      );
      expect(readdirSync(disk)).toEqual(["db.lock"]);
      shell("mount", "-o", "remount,size=400m,nr_inodes=50", disk);
      await expect(openPglite({ dataDir: join(disk, "db") })).rejects.toThrow(unavailable(/has 0 MiB free/));
    } finally {
      shell("umount", "-l", disk);
    }
  });
});
