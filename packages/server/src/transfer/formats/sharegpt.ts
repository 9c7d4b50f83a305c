/** Conversations in the shape of ShareGPT: who said it, and what. */
import {
  type ConversationFormat,
  type Fields,
  fieldsOf,
  type ImportedMessage,
  idFrom,
  inLine,
  isFields,
  type LeftOut,
  listOf,
  metadataOf,
  othersOf,
  textOr,
  textPart,
  titleOf,
} from "./format.ts";

const roles: Record<string, ImportedMessage["role"]> = {
  human: "user",
  user: "user",
  gpt: "assistant",
  chatgpt: "assistant",
  bing: "assistant",
  bard: "assistant",
  model: "assistant",
  assistant: "assistant",
  system: "system",
  tool: "tool",
  observation: "tool",
  function_call: "assistant",
};

export const sharegpt: ConversationFormat = {
  name: "sharegpt",
  detect(value) {
    const turns = isFields(value) ? value["conversations"] : undefined;
    return Array.isArray(turns) && turns.some((turn) => isFields(turn) && "from" in turn && "value" in turn);
  },
  read(value) {
    const source = fieldsOf(value);
    const turns = listOf(source["conversations"]).map(fieldsOf);
    const leftOut: LeftOut[] = [];
    const messages = turns.flatMap((turn, index) => messageOf(`${index + 1}`, turn, leftOut));
    const conversation = {
      id: textOr(source["id"], `sharegpt:${idFrom(turns)}`),
      title: titleOf(source["title"], leftOut),
      ...metadataOf({ sharegpt: othersOf(source, ["id", "title", "conversations"], leftOut) }),
      messages: inLine(messages),
    };
    return { conversation, leftOut };
  },
};

function messageOf(messageId: string, turn: Fields, leftOut: LeftOut[]): ImportedMessage[] {
  const role = roles[textOr(turn["from"], "none").toLowerCase()];
  const text = textOr(turn["value"], "");
  if (!role) leftOut.push({ messageId, reason: "It is from somebody who is neither human, gpt, system nor tool." });
  else if (!text) leftOut.push({ messageId, reason: "It has no content." });
  if (!role || !text) return [];
  return [
    {
      id: messageId,
      role,
      parts: [textPart(text)],
      ...metadataOf({ sharegpt: othersOf(turn, ["from", "value"], leftOut, messageId) }),
    },
  ];
}
