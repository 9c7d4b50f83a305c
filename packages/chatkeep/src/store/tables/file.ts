/** What a file is, as its owner sees it, and its columns: of the row that names it, and of its bytes. */
import { integer, reader, text, time, uuid } from "../../sql/columns.ts";
import { raw, type Sql } from "../../sql/sql.ts";

/** A file of a user's: a name for bytes, which are kept once however many names they have. */
export interface StoredFile {
  id: string;
  /** 1 to 255 characters. */
  name: string;
  /** What the bytes are, such as `image/png`: what was said of them counts only where they do not contradict. */
  mediaType: string;
  /** In bytes. */
  size: number;
  /** SHA-256 of the bytes, as 64 hexadecimal digits. */
  hash: string;
  createdAt: Date;
  /** What a message says in the `url` of a part `{ type: "file", mediaType, url, filename }`: `/api/files/` and the id. */
  url: string;
}

const columns = {
  id: uuid("id"),
  name: text("name"),
  mediaType: text("media_type"),
  size: integer("size", "bigint"),
  hash: text("hash"),
  createdAt: time("created_at"),
};

const read = reader<Omit<StoredFile, "url">>(columns);

/** Of a join of both tables. */
export const fileColumns: Sql = raw(
  "f.id, f.name, f.media_type, k.size, k.hash, date_part('epoch', f.created_at) * 1000 as created_at",
);

export function fileFrom(values: readonly unknown[], start?: number): StoredFile {
  const row = read(values, start);
  return { ...row, url: fileUrl(row.id) };
}

const prefix = "/api/files/";
const pattern = /^\/api\/files\/([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$/;

/** The address by which messages name a file. INVARIANT: never another one, or stored messages would name nothing. */
export function fileUrl(fileId: string): string {
  return prefix + fileId;
}

/** The file that an address names; `undefined` for addresses of other places. */
export function fileIdOf(url: unknown): string | undefined {
  if (typeof url !== "string" || !url.startsWith(prefix)) return undefined;
  return pattern.exec(url)?.[1];
}
