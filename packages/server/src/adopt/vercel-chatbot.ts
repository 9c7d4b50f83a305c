/** The tables of the template vercel/chatbot: `User`, `Chat` and `Message_v2`. */
import type { ImportedMessage, LeftOut } from "../transfer/formats/format.ts";
import { fieldsOf, inLine, listOf, metadataOf, textOr, timeOf, timesOf, titleOf } from "../transfer/formats/format.ts";
import { type Adopted, batch, type Query, type Source } from "./source.ts";

export const vercelChatbot: Source = {
  name: "vercel-chatbot",
  tables: {
    User: ["id", "email"],
    Chat: ["id", "createdAt", "title", "userId"],
    Message_v2: ["id", "chatId", "role", "parts", "attachments", "createdAt"],
  },
  async *read(query, table) {
    let after = "00000000-0000-0000-0000-000000000000";
    for (;;) {
      const chats = await query(
        `select c.id, c.title, c."createdAt", u.email, u.id as "userId"
         from ${table("Chat")} c join ${table("User")} u on u.id = c."userId" where c.id > $1::uuid order by c.id limit ${batch}`,
        [after],
      );
      if (chats.length === 0) return;
      const messages = await messagesOf(query, table("Message_v2"), chats);
      for (const chat of chats) yield conversationOf(chat, messages.get(String(chat["id"])) ?? []);
      after = String(chats.at(-1)?.["id"]);
    }
  },
};

async function messagesOf(query: Query, table: string, chats: readonly Record<string, unknown>[]) {
  const ids = chats.map(({ id }) => String(id));
  const rows = await query(
    `select id, "chatId", role, parts, attachments, "createdAt" from ${table}
     where "chatId" = any($1::text::uuid[]) order by "createdAt", role <> 'user', id`,
    [`{${ids.join(",")}}`],
  );
  return Map.groupBy(rows, ({ chatId }) => String(chatId));
}

/** Its times are of no zone, and UTC. */
function conversationOf(chat: Record<string, unknown>, rows: readonly Record<string, unknown>[]): Adopted {
  const leftOut: LeftOut[] = [];
  const messages = rows.flatMap((row) => messageOf(row, leftOut));
  const conversation = {
    id: String(chat["id"]),
    title: titleOf(chat["title"], leftOut),
    ...timesOf(chat["createdAt"], undefined, leftOut),
    messages: inLine(messages),
  };
  const email = textOr(chat["email"], undefined);
  return { conversation, leftOut, owner: { ...(email && { email }), name: email ?? String(chat["userId"]) } };
}

const roles = new Set(["user", "assistant", "system", "tool"]);

function messageOf(row: Record<string, unknown>, leftOut: LeftOut[]): ImportedMessage[] {
  const id = String(row["id"]);
  const role = String(row["role"]);
  const parts = listOf(row["parts"]).filter((part) => typeof fieldsOf(part)["type"] === "string");
  if (!roles.has(role) || parts.length === 0) {
    leftOut.push({
      messageId: id,
      reason: parts.length === 0 ? "It has no content." : "It has a role that is not known.",
    });
    return [];
  }
  const createdAt = timeOf(row["createdAt"], leftOut, id);
  const attachments = listOf(row["attachments"]);
  return [
    {
      id,
      role: role as ImportedMessage["role"],
      parts: parts as NonNullable<ImportedMessage["parts"]>,
      ...(createdAt && { createdAt }),
      ...metadataOf({ attachments: attachments.length > 0 ? attachments : undefined }),
    },
  ];
}
