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
  metadataOf,
  othersOf,
  type RowFormat,
  textOr,
  textPart,
  timeOf,
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
    const messages = sources.flatMap((source, index) =>
      messageOf(unique(textOr(source["id"], `${index + 1}`)), source, leftOut),
    );
    const conversation = { id: textOr(sources[0]?.["chatId"], ""), messages: inLine(messages) };
    return [{ conversation, leftOut }];
  },
};

const used = ["id", "chatId", "content", "contentChunks", "role", "createdAt", "files", "model", "parentId"];

function messageOf(id: string, source: Fields, leftOut: LeftOut[]): ImportedMessage[] {
  const { role } = source;
  if (role !== "user" && role !== "assistant" && role !== "system" && role !== "tool") {
    leftOut.push({ messageId: id, reason: "It has a role that is not user, assistant, system or tool." });
    return [];
  }
  const parts = partsOf(source);
  for (const file of listOf(source["files"])) {
    leftOut.push({ messageId: id, reason: "The bytes of an attached file are not brought in." });
    parts.push({ type: "data-vibe-file", data: file });
  }
  if (parts.length === 0) {
    leftOut.push({ messageId: id, reason: "It has no content." });
    return [];
  }
  const createdAt = timeOf(source["createdAt"], leftOut, id);
  return [
    {
      id,
      role,
      parts,
      ...(createdAt && { createdAt }),
      ...metadataOf({ model: textOr(source["model"], null), vibe: othersOf(source, used, leftOut, id) }),
    },
  ];
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
