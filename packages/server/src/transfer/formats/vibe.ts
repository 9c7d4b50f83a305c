/** Chats of Mistral's Vibe (Le Chat): a file for each, which is a list of its messages. */
import type { Part } from "chatkeep";
import {
  type Fields,
  fieldsOf,
  type ImportedMessage,
  inLine,
  isFields,
  type LeftOut,
  listOf,
  messageWith,
  othersOf,
  type RowFormat,
  roleOf,
  textOr,
  textPart,
  uniqueIds,
} from "./format.ts";

export const vibe: RowFormat = {
  name: "vibe",
  detect: (value) => isFields(value) && typeof value["chatId"] === "string" && typeof value["role"] === "string",
  keyOf: (value) => textOr(fieldsOf(value)["chatId"], ""),
  read(rows) {
    const leftOut: LeftOut[] = [];
    const unique = uniqueIds();
    const sources = rows.map(fieldsOf);
    const messages = sources.flatMap(
      (source, index) => messageOf(unique(textOr(source["id"], `${index + 1}`)), source, leftOut) ?? [],
    );
    const conversation = { id: textOr(sources[0]?.["chatId"], ""), messages: inLine(messages) };
    return [{ conversation, leftOut }];
  },
};

const used = ["id", "chatId", "content", "contentChunks", "role", "createdAt", "files", "model", "parentId"];

function messageOf(id: string, source: Fields, leftOut: LeftOut[]): ImportedMessage | undefined {
  const role = roleOf(source["role"], leftOut, id);
  if (!role) return undefined;
  const parts = partsOf(source);
  for (const file of listOf(source["files"])) {
    leftOut.push({ messageId: id, reason: "The bytes of an attached file are not brought in." });
    parts.push({ type: "data-vibe-file", data: file });
  }
  const about = () => ({ model: textOr(source["model"], null), vibe: othersOf(source, used, leftOut, id) });
  return messageWith({ id, role, parts, time: source["createdAt"], about }, leftOut);
}

/** The content as text, and the pieces that say more than a text does. */
function partsOf(source: Fields): Part[] {
  const text = textOr(source["content"], "");
  const chunks = listOf(source["contentChunks"]).map(fieldsOf);
  const texts = chunks.filter(({ type }) => type === "text").map((chunk) => textOr(chunk["text"], ""));
  const whole = text || texts.join("");
  const others = chunks.filter(({ type }) => type !== "text");
  return [
    ...others.map((data): Part => {
      const thought =
        data["type"] === "thinking" || data["type"] === "reasoning"
          ? textOr(data["text"], textOr(data["thinking"], ""))
          : "";
      return thought ? { type: "reasoning", text: thought } : { type: "data-vibe-chunk", data };
    }),
    ...(whole ? [textPart(whole)] : []),
  ];
}
