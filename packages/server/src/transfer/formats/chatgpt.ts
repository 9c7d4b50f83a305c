/** Conversations of ChatGPT's export: a tree of nodes, of which some have no message. */
import type { Part } from "chatkeep";
import {
  type ConversationFormat,
  type Fields,
  FormatError,
  fieldsOf,
  type ImportedMessage,
  isFields,
  type LeftOut,
  listOf,
  parentsFirst,
  textOr,
  textPart,
  timeOf,
  titleOf,
} from "./format.ts";

export const chatgpt: ConversationFormat = {
  name: "chatgpt",
  detect: (value) => isFields(value) && isFields(value["mapping"]) && !hasFragments(value["mapping"]),
  read(value) {
    const source = fieldsOf(value);
    const id = textOr(source["conversation_id"], textOr(source["id"], undefined));
    if (!id) throw new FormatError("It has neither conversation_id nor id.");
    const leftOut: LeftOut[] = [];
    const nodes = fieldsOf(source["mapping"]);
    const parents = parentsOf(nodes);
    const kept = new Map<string, ImportedMessage>();
    for (const [nodeId, node] of Object.entries(nodes)) {
      const message = messageOf(nodeId, fieldsOf(node)["message"], leftOut);
      if (message) kept.set(nodeId, message);
    }
    const linked = [...kept].map(([nodeId, message]) => ({ ...message, parentId: keptAbove(nodeId, parents, kept) }));
    const messages = parentsFirst(linked, leftOut);
    const head = textOr(source["current_node"], null);
    const headId = head === null || kept.has(head) ? head : keptAbove(head, parents, kept);
    const model = textOr(source["default_model_slug"], null);
    const [createdAt, updatedAt] = [timeOf(source["create_time"]), timeOf(source["update_time"])];
    const conversation = {
      id,
      title: titleOf(source["title"], leftOut),
      archived: source["is_archived"] === true,
      pinned: source["is_starred"] === true || typeof source["pinned_time"] === "number",
      ...(model && { model }),
      ...(createdAt && { createdAt }),
      ...(updatedAt && { updatedAt }),
      ...(messages.some((message) => message.id === headId) && { headId }),
      messages,
    };
    return { conversation, leftOut };
  },
};

/** DeepSeek's tree looks alike, with fragments in its messages. */
function hasFragments(mapping: Fields): boolean {
  return Object.values(mapping).some((node) => Array.isArray(fieldsOf(fieldsOf(node)["message"])["fragments"]));
}

/** Of each node: as it says, or as another that names it as its child. */
function parentsOf(nodes: Fields): Map<string, string> {
  const parents = new Map<string, string>();
  for (const [id, node] of Object.entries(nodes)) {
    for (const child of listOf(fieldsOf(node)["children"])) if (typeof child === "string") parents.set(child, id);
  }
  for (const [id, node] of Object.entries(nodes)) {
    const parent = textOr(fieldsOf(node)["parent"], undefined);
    if (parent) parents.set(id, parent);
  }
  return parents;
}

function keptAbove(id: string, parents: Map<string, string>, kept: Map<string, unknown>): string | null {
  const seen = new Set([id]);
  for (let above = parents.get(id); above !== undefined && !seen.has(above); above = parents.get(above)) {
    if (kept.has(above)) return above;
    seen.add(above);
  }
  // A circle is named where the messages are put in order.
  return null;
}

const roles = new Set(["user", "assistant", "system", "tool"]);

function messageOf(id: string, value: unknown, leftOut: LeftOut[]): ImportedMessage | undefined {
  if (value === null || value === undefined) return undefined;
  const message = fieldsOf(value);
  const author = fieldsOf(message["author"]);
  const role = textOr(author["role"], "none");
  if (!roles.has(role)) {
    leftOut.push({ messageId: id, reason: "Its author has a role that is not user, assistant, system or tool." });
    return undefined;
  }
  const parts = partsOf(id, message, leftOut);
  if (parts.length === 0) {
    leftOut.push({ messageId: id, reason: "It has no content." });
    return undefined;
  }
  const metadata = fieldsOf(message["metadata"]);
  const recipient = textOr(message["recipient"], "all");
  const about = {
    ...(textOr(metadata["model_slug"], null) && { model: metadata["model_slug"] }),
    ...(textOr(author["name"], null) && { author: author["name"] }),
    ...(recipient !== "all" && { recipient }),
    ...(isHidden(message, metadata) && { hidden: true }),
  };
  const createdAt = timeOf(message["create_time"]);
  return {
    id,
    role: role as ImportedMessage["role"],
    parts,
    ...(createdAt && { createdAt }),
    ...(Object.keys(about).length > 0 && { metadata: about }),
  };
}

function isHidden(message: Fields, metadata: Fields): boolean {
  return metadata["is_visually_hidden_from_conversation"] === true || message["weight"] === 0;
}

/** What can be read as parts that every reader knows; what these do not say, beside them, whole. */
function partsOf(id: string, message: Fields, leftOut: LeftOut[]): Part[] {
  const content = fieldsOf(message["content"]);
  const parts = listOf(content["parts"]).flatMap((part) => piece(id, part, leftOut));
  const text = textOr(content["text"], textOr(content["result"], textOr(content["content"], "")));
  switch (content["content_type"]) {
    case "text":
    case "multimodal_text":
      break;
    case "thoughts":
      for (const thought of listOf(content["thoughts"]).map(fieldsOf)) {
        const words = [thought["summary"], thought["content"]].filter((word) => textOr(word, null) !== null);
        if (words.length > 0) parts.push({ type: "reasoning", text: words.join("\n\n") });
      }
      break;
    default:
      if (text) parts.push(textPart(text));
      if (Object.keys(content).length > 0) parts.push({ type: "data-chatgpt-content", data: content });
  }
  const { attachments, content_references: references, citations } = fieldsOf(message["metadata"]);
  for (const file of listOf(attachments).map(fieldsOf)) {
    const name = textOr(file["name"], textOr(file["id"], "without a name"));
    leftOut.push({ messageId: id, reason: `The bytes of the attachment ${name} are not brought in.` });
    parts.push({ type: "data-chatgpt-attachment", data: file });
  }
  const cited = {
    ...(listOf(references).length > 0 && { references }),
    ...(listOf(citations).length > 0 && { citations }),
  };
  if (Object.keys(cited).length > 0) parts.push({ type: "data-chatgpt-citations", data: cited });
  return parts;
}

function piece(id: string, part: unknown, leftOut: LeftOut[]): Part[] {
  if (typeof part === "string") return part === "" ? [] : [textPart(part)];
  if (!isFields(part)) return [];
  if (typeof part["asset_pointer"] === "string") {
    leftOut.push({ messageId: id, reason: `The bytes of ${part["asset_pointer"]} are not brought in.` });
  }
  const text = textOr(part["text"], "");
  return [...(text ? [textPart(text)] : []), { type: "data-chatgpt-part", data: part }];
}
