/** The table of LangChain's message history in PostgreSQL: a row for each message, and no owners. */
import type { Part } from "chatkeep";
import {
  type Fields,
  fieldsOf,
  type ImportedMessage,
  inLine,
  jsonOr,
  type LeftOut,
  listOf,
  messageWith,
  othersOf,
  textOr,
  textPart,
  toolPart,
} from "../transfer/formats/format.ts";
import { type Adopted, batch, type Source } from "./source.ts";

export const langchain: Source = {
  name: "langchain",
  tables: { langchain_chat_histories: ["id", "session_id", "message"] },
  async *read(query, table) {
    let after = "";
    for (;;) {
      const sessions = await query(
        `select distinct session_id from ${table("langchain_chat_histories")} where session_id > $1 order by 1 limit ${batch}`,
        [after],
      );
      if (sessions.length === 0) return;
      const ids = JSON.stringify(sessions.map(({ session_id }) => session_id));
      const rows = await query(
        `select id, session_id, message from ${table("langchain_chat_histories")}
         where session_id in (select json_array_elements_text($1::text::json)) order by id`,
        [ids],
      );
      const messages = Map.groupBy(rows, ({ session_id }) => String(session_id));
      for (const { session_id } of sessions)
        yield conversationOf(String(session_id), messages.get(String(session_id)) ?? []);
      after = String(sessions.at(-1)?.["session_id"]);
    }
  },
};

function conversationOf(id: string, rows: readonly Fields[]): Adopted {
  const leftOut: LeftOut[] = [];
  const messages = inLine(rows.flatMap((row) => messageOf(row, leftOut)));
  return { conversation: { id, messages }, leftOut, owner: { name: "" } };
}

const roles: Record<string, ImportedMessage["role"]> = {
  human: "user",
  ai: "assistant",
  system: "system",
  tool: "tool",
  function: "tool",
};

/** What it says is in `data`, or beside its type in tables of an older version. */
function messageOf(row: Fields, leftOut: LeftOut[]): ImportedMessage[] {
  const messageId = String(row["id"]);
  const message = fieldsOf(jsonOr(row["message"]));
  const data = fieldsOf(message["data"] ?? message);
  const role = roles[String(message["type"])];
  const calls = listOf(data["tool_calls"]).map(fieldsOf);
  const parts = [
    ...partsOf(data["content"]),
    ...calls.map(({ id, name, args }, index) =>
      toolPart({ id: textOr(id, `${messageId}:${index}`), name: textOr(name, "tool"), input: args }),
    ),
  ];
  if (!role) {
    leftOut.push({ messageId, reason: "It has a type that is not human, ai, system or tool." });
    return [];
  }
  const about = () => ({ langchain: othersOf(data, ["content", "type", "tool_calls", "id"], leftOut, messageId) });
  return [messageWith({ id: messageId, role, parts, about }, leftOut) ?? []].flat();
}

function partsOf(content: unknown): Part[] {
  if (typeof content === "string") return content ? [textPart(content)] : [];
  return listOf(content).map((block) => {
    const text = textOr(fieldsOf(block)["text"], "");
    return text ? textPart(text) : { type: "data-langchain-content", data: block };
  });
}
