/** Storing a file: its bytes piece by piece as they come, so that a large one is never in memory as a whole. */
import { createHash, type Hash } from "node:crypto";
import * as z from "zod";
import { ConflictError, InvalidInputError, TooLargeError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { param, raw, sql } from "../../sql/sql.ts";
import { isUniqueViolation } from "../../sql/sqlstate.ts";
import { type Context, changing, owner, prepared, type Runner, savepointed } from "../context.ts";
import { newId } from "../ids.ts";
import { parse } from "../input.ts";
import { uuidSchema } from "../schemas.ts";
import { strictObject } from "../strict-object.ts";
import { fileColumns, fileFrom, type StoredFile } from "../tables/file.ts";
import type { UserId } from "../tables/tables.ts";
import { fileNameSchema } from "./file-name.ts";
import { findFile } from "./find.ts";
import { mediaTypeOf, mediaTypeSchema, sniffedBytes } from "./media-type.ts";
import { keepObject } from "./objects.ts";
import { type FileStorage, objectBytes } from "./storage.ts";
import { grace } from "./uses.ts";

/** INVARIANT: every piece but the last has so many bytes, by which a range is found. */
export const pieceBytes = 512 * 1024;

type Data = Uint8Array | AsyncIterable<Uint8Array>;

const newFileSchema = strictObject({
  id: uuidSchema.optional(),
  name: fileNameSchema,
  mediaType: mediaTypeSchema.optional(),
  data: z.custom<Data>(isData, "must be a Uint8Array, or a stream of them"),
});

/** A file to store. With an `id` of its own, a UUID, it can be sent again safely. `data` are its bytes, or a stream of them; `mediaType` what its sender says that they are. */
export interface NewFile extends z.input<typeof newFileSchema> {}

/** What an export knows of a file. */
export interface FormerFile {
  id: string;
  createdAt: Date;
}

/**
 * Stores a file, each step in a statement of its own, so that nothing in the database waits for who sends it.
 * @throws invalid_input, such as for no bytes; too_large; whatever `data` throws, and then nothing of it is kept
 */
export async function putFile(run: Runner, ownerId: UserId, input: NewFile, former?: FormerFile): Promise<StoredFile> {
  const { id, name, mediaType, data } = parse(newFileSchema, input, "file");
  const contentId = newId();
  const storage = await run(storageFor);
  await run((context) => begin(context, ownerId, contentId, storage !== undefined));
  try {
    const received = await receive(data, storage ? objectBytes : pieceBytes, (seq, bytes) => {
      if (storage) return keepObject(run, storage, { ownerId, contentId, seq }, bytes);
      return run(async (context) => {
        const isThere = await pieceStatement(context).execute({
          ownerId,
          contentId,
          seq,
          bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64"),
        });
        if (isThere.length === 0) throw new InvalidInputError("The upload of this file took too long: send it again.");
      });
    });
    if (received.size === 0) throw new InvalidInputError("The file is empty: choose one that has something in it.");
    const { size, hash, beginning } = received;
    const type = mediaTypeOf(beginning, mediaType, name);
    const row = { id: former?.id ?? id, createdAt: former?.createdAt, name, mediaType: type, size, hash, contentId };
    return await run((context) => finish(context, ownerId, row));
  } catch (error) {
    // What cannot be removed now is removed with what others have left unfinished.
    await run((context) => abandonStatement(context).execute({ ownerId, contentId })).catch(() => {});
    throw error;
  }
}

/** None in a transaction: what is rolled back would stay there, and nobody would know. */
async function storageFor({ connection, fileStorage }: Context): Promise<FileStorage | undefined> {
  return connection.isTransaction ? undefined : fileStorage;
}

async function begin(context: Context, ownerId: UserId, contentId: string, isElsewhere: boolean): Promise<void> {
  requireRoom(context, await bytesOf(context, ownerId), 1);
  await beginStatement(context, isElsewhere).execute({ ownerId, contentId });
}

/** @throws too_large */
function requireRoom({ userFileBytes }: Context, used: number, size: number): void {
  if (used + size <= userFileBytes) return;
  throw new TooLargeError(
    `Your files have ${used} bytes, and ${userFileBytes} is the limit: delete chats with files that you no longer need.`,
    { details: { used, limit: userFileBytes } },
  );
}

interface Received {
  size: number;
  hash: string;
  beginning: Uint8Array;
}

async function receive(
  data: Data,
  pieceBytes: number,
  store: (seq: number, bytes: Uint8Array) => Promise<void>,
): Promise<Received> {
  const hash: Hash = createHash("sha256");
  let size = 0;
  let seq = 0;
  let beginning: Uint8Array | undefined;
  let filled = 0;
  const piece = new Uint8Array(pieceBytes);
  const flush = async () => {
    if (filled === 0) return;
    const bytes = piece.subarray(0, filled);
    beginning ??= bytes.slice(0, sniffedBytes);
    await store(seq, bytes);
    seq += 1;
    filled = 0;
  };
  for await (const chunk of chunksOf(data)) {
    if (!(chunk instanceof Uint8Array)) throw new InvalidInputError("file.data must be a stream of Uint8Array.");
    size += chunk.byteLength;
    if (size > limits.fileBytes) throw tooLarge();
    hash.update(chunk);
    for (let from = 0; from < chunk.byteLength; ) {
      const some = chunk.subarray(from, from + pieceBytes - filled);
      piece.set(some, filled);
      filled += some.byteLength;
      from += some.byteLength;
      if (filled === pieceBytes) await flush();
    }
  }
  await flush();
  return { size, hash: hash.digest("hex"), beginning: beginning ?? new Uint8Array() };
}

/** The sentence for a file over the limit. */
export function tooLarge(): TooLargeError {
  const mebibytes = limits.fileBytes / 1024 / 1024;
  return new TooLargeError(`The file is too large: the limit is ${mebibytes} MiB. Send a smaller one.`, {
    details: { limit: limits.fileBytes },
  });
}

async function* chunksOf(data: Data): AsyncIterable<Uint8Array> {
  if (data instanceof Uint8Array) yield data;
  else yield* data;
}

interface Finished extends Omit<Received, "beginning"> {
  name: string;
  mediaType: string;
  contentId: string;
  id: string | undefined;
  createdAt: Date | undefined;
}

/** Against uploads of the same bytes that end at the same moment. */
const attempts = 3;

async function finish(context: Context, ownerId: UserId, row: Finished): Promise<StoredFile> {
  const { id, name, mediaType, hash, createdAt } = row;
  return await changing(context, async (inside) => {
    const known = id === undefined ? undefined : await findFile(inside, ownerId, id);
    if (known) {
      if (known.hash !== hash || known.name !== name) throw new ConflictError(takenId);
      await abandonStatement(inside).execute({ ownerId, contentId: row.contentId });
      return known;
    }
    const given = {
      ownerId,
      fileId: id ?? newId(),
      contentId: await keepOnce(inside, ownerId, row),
      name,
      mediaType,
      createdAt: createdAt?.toISOString() ?? null,
    };
    try {
      const [file] = await nameStatement(inside).execute(given);
      return file as StoredFile;
    } catch (error) {
      if (isUniqueViolation(error)) throw new ConflictError(takenId);
      throw error;
    }
  });
}

const takenId = "The id of this file is in use for another one: choose a new one.";

/** The same bytes are there already, or are from now on; gives what they are called by. */
async function keepOnce(context: Context, ownerId: UserId, { hash, size, contentId }: Finished): Promise<string> {
  for (let attempt = 1; ; attempt += 1) {
    const [same] = await sameStatement(context).execute({ ownerId, hash });
    if (same) {
      await abandonStatement(context).execute({ ownerId, contentId });
      return same;
    }
    requireRoom(context, await bytesOf(context, ownerId), size);
    try {
      const ended = await savepointed(context, (through) =>
        finishStatement(through).execute({ ownerId, contentId, hash, size }),
      );
      if (ended.length > 0) return contentId;
      throw new InvalidInputError("The upload of this file took too long: send it again.");
    } catch (error) {
      if (attempt === attempts || !isUniqueViolation(error)) throw error;
    }
  }
}

async function bytesOf(context: Context, ownerId: UserId): Promise<number> {
  const build = () => sql`
    select coalesce(sum(k.size), 0)
    from ${context.tables.fileContent} k
    where k.user_id = ${owner(context)}`;
  const [bytes] = await prepared(context, "file_bytes", build, ([sum]) => Number(sum)).execute({ ownerId });
  return bytes ?? 0;
}

function beginStatement(context: Context, isElsewhere: boolean) {
  const { fileContent, fileObject } = context.tables;
  const elsewhere = sql`with object as (
      insert into ${fileObject} (content_id, user_id, check_at)
      values (${param("contentId", "uuid")}, ${owner(context)}, clock_timestamp() + ${grace})
    )`;
  const build = () => sql`
    ${isElsewhere ? elsewhere : raw("")}
    insert into ${fileContent} (id, user_id)
    values (${param("contentId", "uuid")}, ${owner(context)})
    returning id`;
  return prepared(context, isElsewhere ? "file_begin_elsewhere" : "file_begin", build, () => undefined);
}

function pieceStatement(context: Context) {
  const build = () => sql`
    insert into ${context.tables.filePiece} (content_id, user_id, seq, bytes)
    select k.id, k.user_id, ${param("seq", "int")}, decode(${param("bytes", "text")}, 'base64')
    from ${context.tables.fileContent} k
    where k.user_id = ${owner(context)} and k.id = ${param("contentId", "uuid")} and k.hash is null
    returning 1`;
  return prepared(context, "file_piece", build, () => undefined);
}

function sameStatement(context: Context) {
  const build = () => sql`
    select k.id
    from ${context.tables.fileContent} k
    where k.user_id = ${owner(context)} and k.hash = ${param("hash", "text")}
    for key share`;
  return prepared(context, "file_same", build, ([id]) => id as string);
}

function finishStatement(context: Context) {
  const build = () => sql`
    update ${context.tables.fileContent} k
    set hash = ${param("hash", "text")}, size = ${param("size", "bigint")}
    where k.user_id = ${owner(context)} and k.id = ${param("contentId", "uuid")} and k.hash is null
    returning k.id`;
  return prepared(context, "file_finish", build, ([id]) => id as string);
}

function nameStatement(context: Context) {
  const { file, fileContent } = context.tables;
  const createdAt = sql`coalesce(${param("createdAt", "timestamptz")}, clock_timestamp())`;
  const build = () => sql`
    with f as (
      insert into ${file} (id, user_id, content_id, name, media_type, created_at, check_at)
      values (${param("fileId", "uuid")}, ${owner(context)}, ${param("contentId", "uuid")}, ${param("name", "text")},
        ${param("mediaType", "text")}, ${createdAt}, clock_timestamp() + ${grace})
      returning *
    )
    select ${fileColumns}
    from f
    join ${fileContent} k on k.user_id = f.user_id and k.id = f.content_id`;
  return prepared(context, "file_name", build, (row) => fileFrom(row));
}

/** Its pieces go with it, and objects elsewhere with the next sweep. */
function abandonStatement(context: Context) {
  const { fileContent, fileObject } = context.tables;
  const build = () => sql`
    with gone as (
      delete from ${fileContent} k
      where k.user_id = ${owner(context)} and k.id = ${param("contentId", "uuid")} and k.hash is null
      returning k.id
    )
    update ${fileObject} o
    set check_at = clock_timestamp()
    from gone
    where o.user_id = ${owner(context)} and o.content_id = gone.id
    returning ${raw("1")}`;
  return prepared(context, "file_abandon", build, () => undefined);
}

function isData(value: unknown): value is Data {
  return value instanceof Uint8Array || (typeof value === "object" && value !== null && Symbol.asyncIterator in value);
}
