/** Listing checkpoints, newest first, page by page: a page reads no values but those that it gives. */
import { isDeepStrictEqual } from "node:util";
import type { CheckpointTuple } from "@langchain/langgraph-checkpoint";
import { param, sql } from "../../sql/sql.ts";
import { text } from "./database.ts";
import type { Key, Place } from "./place.ts";
import { type Reader, readTuples } from "./read.ts";
import { load } from "./serialized.ts";

/** Which checkpoints a list has. */
export interface Wanted {
  place: Place;
  /** Only those whose id stands before this one. */
  before: string | undefined;
  /** Only those whose metadata has these, equal in all of each. */
  filter: Readonly<Record<string, unknown>> | undefined;
  limit: number | undefined;
}

/** Rows of names and metadata that are looked at at once, and of whole checkpoints that are read at once. */
const namesPerPage = 200;
const tuplesPerPage = 20;

interface Named extends Key {
  metadataType: string;
  metadata: string;
}

export async function* listTuples(reader: Reader, wanted: Wanted): AsyncGenerator<CheckpointTuple> {
  let left = wanted.limit ?? Number.POSITIVE_INFINITY;
  let last: Key | undefined;
  while (left > 0) {
    const size = wanted.filter ? namesPerPage : Math.min(left, tuplesPerPage);
    const page = await readNames(reader, wanted, last, size);
    const found = (await matching(reader, page, wanted.filter)).slice(0, left);
    for (let start = 0; start < found.length; start += tuplesPerPage) {
      yield* await readTuples(reader, found.slice(start, start + tuplesPerPage));
    }
    left -= found.length;
    last = page.at(-1);
    if (page.length < size) return;
  }
}

function readNames(
  { database, ownerId }: Reader,
  wanted: Wanted,
  last: Key | undefined,
  size: number,
): Promise<Named[]> {
  const { threadId, namespace, checkpointId } = wanted.place;
  const conditions = [
    threadId === undefined ? sql`` : sql`and c.thread_id = ${text("threadId")}`,
    namespace === undefined ? sql`` : sql`and c.checkpoint_ns = ${text("namespace")}`,
    checkpointId === undefined ? sql`` : sql`and c.checkpoint_id = ${text("checkpointId")}`,
    wanted.before === undefined ? sql`` : sql`and c.checkpoint_id < ${text("before")}`,
    last === undefined
      ? sql``
      : sql`and (c.checkpoint_id, c.thread_id, c.checkpoint_ns) < (${text("lastId")}, ${text("lastThread")}, ${text("lastNamespace")})`,
  ];
  const shape = conditions.map(({ pieces }) => (pieces.join("") === "" ? "0" : "1")).join("");
  const [a = sql``, b = sql``, c = sql``, d = sql``, e = sql``] = conditions;
  return database.run(
    `list_${shape}`,
    () => sql`
      select c.thread_id, c.checkpoint_ns, c.checkpoint_id, c.metadata_type, encode(c.metadata, 'base64') as metadata
      from ${database.checkpoint} c where c.user_id = ${database.owner} ${a} ${b} ${c} ${d} ${e}
      order by c.checkpoint_id desc, c.thread_id desc, c.checkpoint_ns desc limit ${param("size", "int")}`,
    {
      ownerId,
      threadId,
      namespace,
      checkpointId,
      before: wanted.before,
      lastId: last?.checkpointId,
      lastThread: last?.threadId,
      lastNamespace: last?.namespace,
      size,
    },
    (row) => {
      const [thread, ns, id, metadataType, metadata] = row as string[];
      return { threadId: thread, namespace: ns, checkpointId: id, metadataType, metadata } as Named;
    },
  );
}

async function matching({ serde }: Reader, page: Named[], filter: Wanted["filter"]): Promise<Named[]> {
  if (!filter) return page;
  const found: Named[] = [];
  for (const each of page) {
    const metadata = (await load(serde, each.metadataType, each.metadata)) as Record<string, unknown>;
    if (
      Object.entries(filter).every(([key, value]) =>
        isDeepStrictEqual(Object.hasOwn(metadata, key) ? metadata[key] : undefined, value),
      )
    )
      found.push(each);
  }
  return found;
}
