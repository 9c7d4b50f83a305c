/** The tables of Mastra's memory in PostgreSQL: `mastra_threads` and `mastra_messages`. */
import type { Part } from "chatkeep";
import {
  type Fields,
  fieldsOf,
  type ImportedMessage,
  inLine,
  isFields,
  jsonOr,
  type LeftOut,
  listOf,
  messageWith,
  metadataOf,
  othersOf,
  roleOf,
  textOr,
  textPart,
  timesOf,
  titleOf,
} from "../transfer/formats/format.ts";
import { type Adopted, batch, type Source } from "./source.ts";

export const mastra: Source = {
  name: "mastra",
  tables: {
    mastra_threads: ["id", "resourceId", "title", "metadata", "createdAt", "updatedAt"],
    mastra_messages: ["id", "thread_id", "content", "role", "type", "createdAt"],
  },
  async *read(query, table) {
    let after = "";
    for (;;) {
      const threads = await query(`select * from ${table("mastra_threads")} where id > $1 order by id limit ${batch}`, [
        after,
      ]);
      if (threads.length === 0) return;
      const ids = JSON.stringify(threads.map(({ id }) => id));
      const rows = await query(
        `select * from ${table("mastra_messages")}
         where thread_id in (select json_array_elements_text($1::text::json)) order by "createdAt", role <> 'user', id`,
        [ids],
      );
      const messages = Map.groupBy(rows, ({ thread_id }) => String(thread_id));
      for (const thread of threads) yield conversationOf(thread, messages.get(String(thread["id"])) ?? []);
      after = String(threads.at(-1)?.["id"]);
    }
  },
};

/** Columns with a zone are newer, and truer where both are there. */
function momentIn(row: Fields, name: string): unknown {
  return row[`${name}Z`] ?? row[name];
}

function conversationOf(thread: Fields, rows: readonly Fields[]): Adopted {
  const leftOut: LeftOut[] = [];
  const name = String(thread["resourceId"]);
  const metadata = jsonOr(thread["metadata"]);
  const conversation = {
    id: String(thread["id"]),
    title: titleOf(thread["title"], leftOut),
    ...timesOf(momentIn(thread, "createdAt"), momentIn(thread, "updatedAt"), leftOut),
    ...metadataOf({ resourceId: name, mastra: isFields(metadata) ? metadata : undefined }),
    messages: inLine(rows.flatMap((row) => messageOf(row, leftOut))),
  };
  return { conversation, leftOut, owner: { ...(name.includes("@") && { email: name }), name } };
}

function messageOf(row: Fields, leftOut: LeftOut[]): ImportedMessage[] {
  const id = String(row["id"]);
  const role = roleOf(row["role"], leftOut, id);
  if (!role) return [];
  const content = jsonOr(row["content"]);
  const about = () => ({ mastra: othersOf(fieldsOf(content), ["parts", "content", "format"], leftOut, id) });
  return [
    messageWith({ id, role, parts: partsOf(content), time: momentIn(row, "createdAt"), about }, leftOut) ?? [],
  ].flat();
}

/** Contents are texts in the first format, and have parts in the second. */
function partsOf(content: unknown): Part[] {
  if (typeof content === "string") return content ? [textPart(content)] : [];
  const { parts, content: text } = fieldsOf(content);
  const given = listOf(parts ?? content).filter((part) => typeof fieldsOf(part)["type"] === "string");
  if (given.length > 0) return given as Part[];
  const words = textOr(text, "");
  return words ? [textPart(words)] : [];
}
