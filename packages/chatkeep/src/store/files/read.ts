/** Reading files: what they are, and their bytes, whole or from one place to another. */
import * as z from "zod";
import { InvalidInputError, NotFoundError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { isTrue } from "../../sql/columns.ts";
import { encodeCursor, keyOf } from "../../sql/cursor.ts";
import { param, raw, sql } from "../../sql/sql.ts";
import { type Context, owner, prepared, type Runner } from "../context.ts";
import { parse } from "../input.ts";
import type { Page } from "../messages/page.ts";
import { cursorSchema, flagSchema, limitSchema, uuidSchema } from "../schemas.ts";
import { strictObject } from "../strict-object.ts";
import { fileColumns, fileFrom, type StoredFile } from "../tables/file.ts";
import type { UserId } from "../tables/tables.ts";
import { findFile } from "./find.ts";
import { pieceBytes } from "./put.ts";
import { asking, type FileStorage, objectBytes, objectKey, requireStorage } from "./storage.ts";

const offsetSchema = z.int("must be a whole number").min(0, "must be at least 0");
const rangeSchema = strictObject({ start: offsetSchema.optional(), end: offsetSchema.optional() });
const pageSchema = strictObject({
  limit: limitSchema.optional(),
  cursor: cursorSchema.nullish(),
  temporary: flagSchema.optional(),
}).nullish();

/** Which bytes: from `start`, or the first one, up to and without `end`, or to the last. */
export interface FileRange extends z.input<typeof rangeSchema> {}

/** A page of files. */
export interface FilePageOptions {
  /** 1 to 100; 50 when left out. */
  limit?: number | undefined;
  /** The `nextCursor` of the page before. */
  cursor?: string | null | undefined;
  /** `false`: without those that only temporary conversations name. */
  temporary?: boolean | undefined;
}

/** @throws invalid_input, not_found */
export async function getFile(context: Context, ownerId: UserId, fileId: string): Promise<StoredFile> {
  const id = parse(uuidSchema, fileId, "fileId");
  const found = await findFile(context, ownerId, id);
  if (!found) throw new NotFoundError("file", id);
  return found;
}

/** Newest first. @throws invalid_input */
export async function listFiles(
  context: Context,
  ownerId: UserId,
  options?: FilePageOptions,
): Promise<Page<StoredFile>> {
  const { limit = limits.messagesPerPage, cursor, temporary = true } = parse(pageSchema, options, "options") ?? {};
  const { file, fileContent, fileUse, conversation } = context.tables;
  const lasting = sql`and (not exists (select from ${fileUse} u where u.user_id = f.user_id and u.attachment_id = f.id)
      or exists (
        select from ${fileUse} u
        join ${conversation} c on c.user_id = u.user_id and c.id = u.conversation_id
        where u.user_id = f.user_id and u.attachment_id = f.id and c.expires_at is null))`;
  const after = sql`and (f.created_at, f.id) < (${param("time", "timestamptz")}, ${param("id", "uuid")})`;
  const build = () => sql`
    select ${fileColumns}
    from ${file} f
    join ${fileContent} k on k.user_id = f.user_id and k.id = f.content_id
    where f.user_id = ${owner(context)} ${cursor ? after : raw("")} ${temporary ? raw("") : lasting}
    order by f.created_at desc, f.id desc
    limit ${param("limit", "int")}`;
  const statement = prepared(context, `file_list_${cursor ? "next" : "first"}_${temporary}`, build, (row) =>
    fileFrom(row),
  );
  const rows = await statement.execute({ ownerId, limit: limit + 1, ...(cursor && keyOf(cursor)) });
  const items = rows.slice(0, limit);
  const last = rows.length > limit ? items.at(-1) : undefined;
  return { items, nextCursor: last ? encodeCursor([last.createdAt.getTime(), last.id]) : null };
}

/** The bytes of a file, a piece of at most 4 MiB at a time. @throws invalid_input, not_found */
export async function streamFile(
  run: Runner,
  ownerId: UserId,
  fileId: string,
  range?: FileRange | null,
): Promise<AsyncGenerator<Uint8Array, void>> {
  const { start = 0, end: given } = parse(rangeSchema, range ?? {}, "range");
  const file = await run((context) => openFile(context, ownerId, fileId));
  const { size } = file;
  const end = Math.min(given ?? size, size);
  if (start > end) throw new InvalidInputError(`range.start must be at most ${end}: the file has ${size} bytes.`);
  return piecesOf(run, ownerId, file, { start, end });
}

interface OpenFile {
  id: string;
  contentId: string;
  size: number;
  /** Of bytes that are not in the database. */
  storage: FileStorage | undefined;
}

/** @throws invalid_input, not_found, unavailable */
async function openFile(context: Context, ownerId: UserId, fileId: string): Promise<OpenFile> {
  const id = parse(uuidSchema, fileId, "fileId");
  const { file, fileContent, fileObject } = context.tables;
  const build = () => sql`
    select f.content_id, k.size, o.content_id is not null
    from ${file} f
    join ${fileContent} k on k.user_id = f.user_id and k.id = f.content_id
    left join ${fileObject} o on o.user_id = k.user_id and o.content_id = k.id
    where f.user_id = ${owner(context)} and f.id = ${param("fileId", "uuid")}`;
  const read = ([contentId, size, isElsewhere]: readonly unknown[]) => ({
    contentId: contentId as string,
    size: Number(size),
    isElsewhere: isTrue(isElsewhere),
  });
  const [found] = await prepared(context, "file_open", build, read).execute({ ownerId, fileId: id });
  if (!found) throw new NotFoundError("file", id);
  return { id, ...found, storage: found.isElsewhere ? requireStorage(context.fileStorage) : undefined };
}

async function* piecesOf(
  run: Runner,
  ownerId: UserId,
  { id, contentId, storage }: OpenFile,
  { start, end }: { start: number; end: number },
): AsyncGenerator<Uint8Array, void> {
  const each = storage ? objectBytes : pieceBytes;
  for (let at = start; at < end; ) {
    const seq = Math.floor(at / each);
    const bytes = storage
      ? await asking(() => storage.get(objectKey(contentId, seq)))
      : (await run((context) => pieceStatement(context).execute({ ownerId, fileId: id, seq })))[0];
    // Removed while it was read.
    if (!bytes) throw new NotFoundError("file", id);
    const from = seq * each;
    yield bytes.subarray(at - from, end - from);
    at = from + each;
  }
}

/** All of them at once. @throws invalid_input, not_found */
export async function readFile(
  run: Runner,
  ownerId: UserId,
  fileId: string,
  range?: FileRange | null,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of await streamFile(run, ownerId, fileId, range)) pieces.push(piece);
  return new Uint8Array(Buffer.concat(pieces));
}

function pieceStatement(context: Context) {
  const { file, filePiece } = context.tables;
  const build = () => sql`
    select encode(p.bytes, 'base64')
    from ${file} f
    join ${filePiece} p on p.user_id = f.user_id and p.content_id = f.content_id
    where f.user_id = ${owner(context)} and f.id = ${param("fileId", "uuid")} and p.seq = ${param("seq", "int")}`;
  return prepared(context, "file_read", build, ([base64]) => new Uint8Array(Buffer.from(String(base64), "base64")));
}
