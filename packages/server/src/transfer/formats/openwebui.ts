/** Conversations of Open WebUI's export: messages by their names, whose thoughts and tools are marked up in the text. */
import type { Part } from "chatkeep";
import {
  type ConversationFormat,
  type Fields,
  FormatError,
  fieldsOf,
  type ImportedMessage,
  isFields,
  type LeftOut,
  linked,
  listOf,
  messageWith,
  metadataOf,
  type Named,
  othersOf,
  roleOf,
  textOr,
  timesOf,
  titleOf,
} from "./format.ts";
import { markedUp, withoutMarkup } from "./openwebui-markup.ts";
import { partsOfOutput, textOfOutput } from "./openwebui-output.ts";

const usedOfConversation = ["id", "title", "chat", "created_at", "updated_at", "archived", "pinned", "user_id"];

export const openwebui: ConversationFormat = {
  name: "openwebui",
  detect(value) {
    const chat = isFields(value) ? fieldsOf(value["chat"]) : {};
    return isFields(chat["history"]) || Array.isArray(chat["messages"]);
  },
  read(value) {
    const source = fieldsOf(value);
    const chat = fieldsOf(source["chat"]);
    const id = textOr(source["id"], textOr(chat["id"], undefined));
    if (!id) throw new FormatError("It has no id.");
    const leftOut: LeftOut[] = [];
    const history = fieldsOf(chat["history"]);
    const messages = linked(messagesIn(history, chat), (one, message) => messageOf(one, message, leftOut), leftOut);
    const model = textOr(listOf(chat["models"])[0], null);
    const instructions = textOr(chat["system"], null);
    const headId = messages.find((message) => message.id === history["currentId"])?.id;
    const about = {
      ...othersOf(source, usedOfConversation, leftOut),
      chat: othersOf(chat, ["id", "title", "models", "system", "history", "messages", "timestamp"], leftOut),
    };
    const conversation = {
      id,
      title: titleOf(textOr(source["title"], chat["title"]), leftOut),
      archived: source["archived"] === true,
      pinned: source["pinned"] === true,
      ...(model && { model }),
      ...(instructions && { instructions }),
      ...timesOf(source["created_at"], source["updated_at"], leftOut),
      ...metadataOf({ openwebui: metadataOf(about).metadata }),
      ...(headId && { headId }),
      messages,
    };
    return { conversation, leftOut };
  },
};

/** The tree; of old exports the list of what was shown. */
function messagesIn(history: Fields, chat: Fields): Named[] {
  const named = Object.entries(fieldsOf(history["messages"]));
  const listed = listOf(chat["messages"]).map(
    (source, index) => [textOr(fieldsOf(source)["id"], `${index}`), source] as const,
  );
  return (named.length > 0 ? named : listed).map(([id, value]) => {
    const source = fieldsOf(value);
    return { id, parent: textOr(source["parentId"], null), source };
  });
}

const usedOfMessage = [
  "id",
  "parentId",
  "childrenIds",
  "role",
  "content",
  "output",
  "timestamp",
  "model",
  "files",
  "done",
];

function messageOf(id: string, source: Fields, leftOut: LeftOut[]): ImportedMessage | undefined {
  const role = roleOf(source["role"], leftOut, id);
  if (!role) return undefined;
  const parts = contentOf(source);
  for (const file of listOf(source["files"])) {
    leftOut.push({ messageId: id, reason: "The bytes of an attached file are not brought in." });
    parts.push({ type: "data-openwebui-file", data: file });
  }
  const about = () => ({
    model: textOr(source["model"], null),
    openwebui: othersOf(source, usedOfMessage, leftOut, id),
  });
  return messageWith({ id, role, parts, time: source["timestamp"], about }, leftOut);
}

/** A reply is there twice, as items and as marked-up text: the items are taken where they say the same. */
function contentOf(source: Fields): Part[] {
  const content = textOr(source["content"], "");
  const output = listOf(source["output"]).map(fieldsOf);
  if (output.length === 0) return markedUp(content);
  const isSame = textOfOutput(output).trim() === withoutMarkup(content).trim();
  return isSame ? partsOfOutput(output) : [...markedUp(content), { type: "data-openwebui-output", data: output }];
}
