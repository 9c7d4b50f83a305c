/** Conversations of DeepSeek's export: a tree of nodes, whose messages are made of fragments and have no role. */
import type { Part } from "chatkeep";
import {
  type ConversationFormat,
  type Fields,
  FormatError,
  fieldsOf,
  type ImportedMessage,
  isFields,
  keptAbove,
  type LeftOut,
  listOf,
  messageWith,
  metadataOf,
  othersOf,
  parentsFirst,
  textOr,
  textPart,
  timesOf,
  titleOf,
} from "./format.ts";
import { hasFragments, parentsOf } from "./mapping.ts";

export const deepseek: ConversationFormat = {
  name: "deepseek",
  detect: (value) => isFields(value) && isFields(value["mapping"]) && hasFragments(value["mapping"]),
  read(value) {
    const source = fieldsOf(value);
    const id = textOr(source["id"], undefined);
    if (!id) throw new FormatError("It has no id.");
    const leftOut: LeftOut[] = [];
    const nodes = fieldsOf(source["mapping"]);
    const parents = parentsOf(nodes);
    const kept = new Map<string, ImportedMessage>();
    for (const [nodeId, node] of Object.entries(nodes)) {
      const { message } = fieldsOf(node);
      const read = isFields(message) ? messageOf(nodeId, message, leftOut) : undefined;
      if (read) kept.set(nodeId, read);
    }
    const linked = [...kept].map(([nodeId, message]) => ({ ...message, parentId: keptAbove(nodeId, parents, kept) }));
    const conversation = {
      id,
      title: titleOf(source["title"], leftOut),
      ...timesOf(source["inserted_at"], source["updated_at"], leftOut),
      ...metadataOf({
        deepseek: othersOf(source, ["id", "title", "inserted_at", "updated_at", "mapping"], leftOut),
      }),
      messages: parentsFirst(linked, leftOut),
    };
    return { conversation, leftOut };
  },
};

/** Who asks has fragments of that name; everything else is the answer's. */
function messageOf(id: string, message: Fields, leftOut: LeftOut[]): ImportedMessage | undefined {
  const fragments = listOf(message["fragments"]).map(fieldsOf);
  const parts = fragments.flatMap(partsOf);
  for (const file of listOf(message["files"]).map(fieldsOf)) {
    leftOut.push({
      messageId: id,
      reason: `The export has no bytes of the file ${textOr(file["file_name"], "without a name")}.`,
    });
    parts.push({ type: "data-deepseek-file", data: file });
  }
  const about = () => ({
    model: textOr(message["model"], null),
    deepseek: othersOf(message, ["model", "inserted_at", "fragments", "files"], leftOut, id),
  });
  const role = fragments.some(({ type }) => type === "REQUEST") ? "user" : "assistant";
  return messageWith({ id, role, parts, time: message["inserted_at"], about }, leftOut);
}

function partsOf(fragment: Fields): Part[] {
  const text = textOr(fragment["content"], "");
  if (fragment["type"] === "THINK") return text ? [{ type: "reasoning", text }] : [];
  if (fragment["type"] === "REQUEST" || fragment["type"] === "RESPONSE") return text ? [textPart(text)] : [];
  return [{ type: "data-deepseek-fragment", data: fragment }];
}
