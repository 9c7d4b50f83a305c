/** The tables of Mastra's memory in PostgreSQL: `mastra_threads` and `mastra_messages`. */
import type { ImportedMessage, LeftOut } from "../transfer/formats/format.ts";
import {
  type Fields,
  fieldsOf,
  inLine,
  isFields,
  jsonOr,
  listOf,
  metadataOf,
  othersOf,
  textOr,
  textPart,
  timeOf,
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

const roles = new Set(["user", "assistant", "system", "tool"]);

function messageOf(row: Fields, leftOut: LeftOut[]): ImportedMessage[] {
  const id = String(row["id"]);
  const role = String(row["role"]);
  const content = jsonOr(row["content"]);
  const fields = fieldsOf(content);
  const parts = partsOf(content);
  if (!roles.has(role) || parts.length === 0) {
    leftOut.push({
      messageId: id,
      reason: parts.length === 0 ? "It has no content." : "It has a role that is not known.",
    });
    return [];
  }
  const createdAt = timeOf(momentIn(row, "createdAt"), leftOut, id);
  return [
    {
      id,
      role: role as ImportedMessage["role"],
      parts,
      ...(createdAt && { createdAt }),
      ...metadataOf({ mastra: othersOf(fields, ["parts", "content", "format"], leftOut, id) }),
    },
  ];
}

/** Contents are texts in the first format, and have parts in the second. */
function partsOf(content: unknown): NonNullable<ImportedMessage["parts"]> {
  if (typeof content === "string") return content ? [textPart(content)] : [];
  const { parts, content: text } = fieldsOf(content);
  const given = listOf(parts ?? content).filter((part) => typeof fieldsOf(part)["type"] === "string");
  if (given.length > 0) return given as NonNullable<ImportedMessage["parts"]>;
  const words = textOr(text, "");
  return words ? [textPart(words)] : [];
}
