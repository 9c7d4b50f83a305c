/** The tables of the template vercel/chatbot: `User`, `Chat` and `Message_v2`. */
import type { Part } from "chatkeep";
import {
  fieldsOf,
  type ImportedMessage,
  inLine,
  type LeftOut,
  listOf,
  messageWith,
  roleOf,
  textOr,
  timesOf,
  titleOf,
} from "../transfer/formats/format.ts";
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

function messageOf(row: Record<string, unknown>, leftOut: LeftOut[]): ImportedMessage[] {
  const id = String(row["id"]);
  const role = roleOf(row["role"], leftOut, id);
  if (!role) return [];
  const parts = listOf(row["parts"]).filter((part) => typeof fieldsOf(part)["type"] === "string") as Part[];
  const attachments = listOf(row["attachments"]);
  const about = () => ({ attachments: attachments.length > 0 ? attachments : undefined });
  return [messageWith({ id, role, parts, time: row["createdAt"], about }, leftOut) ?? []].flat();
}
