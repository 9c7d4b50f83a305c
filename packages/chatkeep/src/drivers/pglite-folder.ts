/** The folder of the embedded database: whose it is, whether it can be opened, and how it is made, which is all at once or not at all. */
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  statfsSync,
  statSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { InvalidInputError, UnavailableError } from "../errors.ts";

/** Of the PostgreSQL that PGlite is. */
export const embeddedMajor = "18";

const mebibyte = 1024 * 1024;
/** Free bytes of the disk that are left alone by writes, needed to open a database, and to make one. */
export const roomBytes = { write: 64 * mebibyte, open: 40 * mebibyte, make: 128 * mebibyte } as const;

const sqliteBusy = 5;
/** Entries of every folder that PostgreSQL has made. */
const signs = ["base", "global", "pg_wal"];

/** The folder, with links followed, so that all ways to it meet at one lock. Folders above it are made. @throws invalid_input */
export function folderOf(dataDir: string): string {
  const wanted = resolve(dataDir);
  return explained(wanted, () => {
    mkdirSync(dirname(wanted), { recursive: true, mode: 0o700 });
    const place = join(realpathSync(dirname(wanted)), basename(wanted));
    return lstatSync(place, { throwIfNoEntry: false })?.isSymbolicLink() ? realpathSync(place) : place;
  });
}

/** An exclusive transaction in a file beside the folder: the system drops it with the process, however that ends. */
export function lockFolder(folder: string): () => void {
  const file = `${folder}.lock`;
  explained(file, () => closeSync(openSync(file, "a", 0o600)));
  restrict(file);
  const lock = new DatabaseSync(file);
  try {
    // Nothing is written, so nothing has to be undone from a file beside.
    lock.exec("pragma journal_mode = memory; begin exclusive");
  } catch (cause) {
    lock.close();
    if ((cause as { errcode?: number }).errcode !== sqliteBusy) {
      throw new InvalidInputError(`The lock ${file} cannot be used: remove that file.`, { cause });
    }
    throw new UnavailableError(
      `The embedded database in ${folder} is in use by another process: stop that one, or set DATABASE_URL to a PostgreSQL that several can share.`,
      { cause },
    );
  }
  return () => lock.isOpen && lock.close();
}

/**
 * Makes the database if there is none, in a folder beside that gets its name when it is whole; else looks whether it can be
 * opened. The lock must be held. @throws invalid_input, unavailable
 */
export async function prepareFolder(folder: string, make: (place: string) => Promise<void>): Promise<void> {
  removeUnfinished(folder);
  if (!isMissing(folder)) {
    requireDatabase(folder);
    requireRoom(folder, roomBytes.open);
    return explained(folder, () => restrictAll(folder));
  }
  requireRoom(dirname(folder), roomBytes.make);
  const place = makingPlace(folder);
  if (place !== folder) explained(place, () => mkdirSync(place, { mode: 0o700 }));
  await make(place);
  if (place !== folder) explained(folder, () => renameSync(place, folder));
  restrict(folder);
}

/** Free bytes of the disk under a path, by what this user may use; none when it can take no more files. */
export function freeBytes(path: string): number {
  const { bavail, bsize, files, ffree } = statfsSync(path);
  return files > 0 && ffree < 100 ? 0 : bavail * bsize;
}

function requireRoom(path: string, needed: number): void {
  const free = freeBytes(path);
  if (free >= needed) return;
  throw new UnavailableError(
    `The disk of ${path} has ${inMebibytes(free)} free, and the embedded database needs ${inMebibytes(needed)}: make room.`,
  );
}

export function inMebibytes(bytes: number): string {
  return `${Math.floor(bytes / mebibyte)} MiB`;
}

function isMissing(folder: string): boolean {
  return explained(folder, () => {
    const found = statSync(folder, { throwIfNoEntry: false });
    if (found && !found.isDirectory()) {
      throw new InvalidInputError(`${folder} is a file, and not the folder of a database: move it, or name another.`);
    }
    return !found || readdirSync(folder).length === 0;
  });
}

/** Beside it, unless it is there, empty, and cannot be replaced because something is mounted there. */
function makingPlace(folder: string): string {
  try {
    rmdirSync(folder);
  } catch (error) {
    if ((error as { code?: string }).code !== "ENOENT") return folder;
  }
  return `${folder}.making-${process.pid}`;
}

/** Of starts that were killed. */
function removeUnfinished(folder: string): void {
  explained(dirname(folder), () => {
    for (const name of readdirSync(dirname(folder))) {
      if (!name.startsWith(`${basename(folder)}.making-`)) continue;
      rmSync(join(dirname(folder), name), { recursive: true, force: true });
    }
  });
}

function requireDatabase(folder: string): void {
  explained(folder, () => {
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    const names = readdirSync(folder);
    if (!names.includes("PG_VERSION")) {
      throw new InvalidInputError(
        signs.some((name) => names.includes(name))
          ? `${folder} is not a whole database, such as a first start that was cut off leaves: restore a backup, or remove it to begin anew.`
          : `${folder} has other things in it than a database (${names.slice(0, 3).join(", ")}): name an empty folder.`,
      );
    }
    const major = readFileSync(join(folder, "PG_VERSION"), "utf8").trim();
    if (!/^\d+$/.test(major)) throw damaged(folder, "PG_VERSION");
    if (major !== embeddedMajor) {
      throw new InvalidInputError(
        `${folder} was made by PostgreSQL ${major}, and this is ${embeddedMajor}: export it with the chatkeep that made it, and import that into a new folder.`,
      );
    }
    const control = statSync(join(folder, "global", "pg_control"), { throwIfNoEntry: false });
    const missing = signs.filter((name) => !names.includes(name));
    if (control?.size !== 8_192) missing.push("global/pg_control");
    if (missing.length > 0) throw damaged(folder, missing.join(", "));
  });
}

/** @param what a few words, such as the name of a file */
export function damaged(folder: string, what: string, cause?: unknown): InvalidInputError {
  const sentence = `The database in ${folder} is damaged (${what}): restore a backup, or move the folder away to begin anew.`;
  return new InvalidInputError(sentence, { cause });
}

/** What was made by versions that let everybody read, or was restored like that. */
function restrictAll(folder: string): void {
  restrict(folder);
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) restrict(join(folder, name));
}

function restrict(path: string): void {
  const { mode } = lstatSync(path);
  if ((mode & 0o077) !== 0 && process.platform !== "win32") chmodSync(path, mode & 0o700);
}

const reasons: Record<string, string> = {
  EACCES: "this user may not read and write it",
  EPERM: "this user may not change it",
  EROFS: "it is on a disk that is read-only",
  EISDIR: "it is a folder",
  ENOTDIR: "something above it is a file",
  ENOENT: "it is a link that leads nowhere",
  ELOOP: "its links go in a circle",
  ENAMETOOLONG: "its name is too long",
  EEXIST: "something else has its name",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota of this user is used up",
  EXDEV: "it is on another disk than the folder that it is in",
  EBUSY: "something else uses it",
};

/** What the system says about a path, as one sentence. */
function explained<Result>(path: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    const { code } = error as { code?: string };
    const reason = code && reasons[code];
    if (!reason) throw error;
    throw new InvalidInputError(
      `${path} cannot be used for the embedded database, because ${reason}: mend that, or name another folder.`,
      {
        cause: error,
      },
    );
  }
}
