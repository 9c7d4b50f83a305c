/** Conversations of ChatGPT's export: a tree of nodes, of which some have no message. */
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
  roleOf,
  textOr,
  textPart,
  timesOf,
  titleOf,
} from "./format.ts";
import { hasFragments, parentsOf } from "./mapping.ts";

const usedOfConversation = [
  "mapping",
  "conversation_id",
  "id",
  "current_node",
  "title",
  "default_model_slug",
  "is_archived",
  "is_starred",
  "pinned_time",
  "create_time",
  "update_time",
];

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
    const conversation = {
      id,
      title: titleOf(source["title"], leftOut),
      archived: source["is_archived"] === true,
      pinned: source["is_starred"] === true || typeof source["pinned_time"] === "number",
      ...(model && { model }),
      ...timesOf(source["create_time"], source["update_time"], leftOut),
      ...metadataOf({ chatgpt: othersOf(source, usedOfConversation, leftOut) }),
      ...(messages.some((message) => message.id === headId) && { headId }),
      messages,
    };
    return { conversation, leftOut };
  },
};

function messageOf(id: string, value: unknown, leftOut: LeftOut[]): ImportedMessage | undefined {
  if (value === null || value === undefined) return undefined;
  const message = fieldsOf(value);
  const author = fieldsOf(message["author"]);
  const role = roleOf(author["role"], leftOut, id);
  if (!role) return undefined;
  const metadata = fieldsOf(message["metadata"]);
  const recipient = textOr(message["recipient"], "all");
  const about = () => ({
    model: textOr(metadata["model_slug"], null),
    author: textOr(author["name"], null),
    recipient: recipient === "all" ? null : recipient,
    hidden: isHidden(message, metadata) || null,
    chatgpt: unreadOf(id, message, leftOut),
  });
  return messageWith({ id, role, parts: partsOf(id, message, leftOut), time: message["create_time"], about }, leftOut);
}

const usedOfMessage = ["id", "author", "create_time", "content", "metadata", "recipient", "weight"];
const usedOfMetadata = [
  "attachments",
  "content_references",
  "citations",
  "model_slug",
  "is_visually_hidden_from_conversation",
];
/** Of contents that become texts; any other is kept whole. */
const usedOfContent = ["content_type", "parts", "thoughts"];

/** What of a message says nothing to a reader, and is kept beside it. */
function unreadOf(id: string, message: Fields, leftOut: LeftOut[]): Fields | undefined {
  const content = fieldsOf(message["content"]);
  const unread = {
    ...othersOf(message, usedOfMessage, leftOut, id),
    author: othersOf(fieldsOf(message["author"]), ["role", "name"], leftOut, id),
    metadata: othersOf(fieldsOf(message["metadata"]), usedOfMetadata, leftOut, id),
    content: isReadable(content) ? othersOf(content, usedOfContent, leftOut, id) : undefined,
  };
  return metadataOf(unread).metadata;
}

function isReadable(content: Fields): boolean {
  return ["text", "multimodal_text", "thoughts"].includes(String(content["content_type"]));
}

function isHidden(message: Fields, metadata: Fields): boolean {
  return metadata["is_visually_hidden_from_conversation"] === true || message["weight"] === 0;
}

/** What can be read as parts that every reader knows; what these do not say, beside them, whole. */
function partsOf(id: string, message: Fields, leftOut: LeftOut[]): Part[] {
  const content = fieldsOf(message["content"]);
  const { attachments, content_references: references, citations } = fieldsOf(message["metadata"]);
  const named = new Map(listOf(attachments).map((each) => [assetIdOf(fieldsOf(each)["id"]), fieldsOf(each)]));
  const parts = listOf(content["parts"]).flatMap((part) => piece(id, part, named, leftOut));
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
  const inParts = new Set(listOf(content["parts"]).map((part) => assetIdOf(fieldsOf(part)["asset_pointer"])));
  for (const file of listOf(attachments).map(fieldsOf)) {
    const name = textOr(file["name"], textOr(file["id"], "without a name"));
    const assetId = assetIdOf(file["id"]);
    const asset = assetId !== undefined ? { asset: assetOf(assetId, file) } : {};
    // A picture that is shown is an attachment, too.
    const isShown = assetId !== undefined && inParts.has(assetId);
    const reason = `The bytes of the attachment ${name} are not brought in.`;
    if (!isShown) leftOut.push({ messageId: id, reason, ...asset });
    parts.push({ type: "data-chatgpt-attachment", data: file });
  }
  const cited = {
    ...(listOf(references).length > 0 && { references }),
    ...(listOf(citations).length > 0 && { citations }),
  };
  if (Object.keys(cited).length > 0) parts.push({ type: "data-chatgpt-citations", data: cited });
  return parts;
}

/** What `file-service://` and `sediment://` point to. */
function assetIdOf(value: unknown): string | undefined {
  const address = textOr(value, "");
  return /^file[-_][A-Za-z0-9]+/.exec(address.slice(address.lastIndexOf("/") + 1))?.[0];
}

function assetOf(id: string, file: Fields): NonNullable<LeftOut["asset"]> {
  const [name, mediaType] = [textOr(file["name"], undefined), textOr(file["mime_type"], undefined)];
  return { id, ...(name && { name }), ...(mediaType && { mediaType }) };
}

function piece(id: string, part: unknown, named: Map<string | undefined, Fields>, leftOut: LeftOut[]): Part[] {
  if (typeof part === "string") return part === "" ? [] : [textPart(part)];
  if (!isFields(part)) return [];
  if (typeof part["asset_pointer"] === "string") {
    const assetId = assetIdOf(part["asset_pointer"]);
    const asset = assetId !== undefined ? { asset: assetOf(assetId, named.get(assetId) ?? {}) } : {};
    leftOut.push({ messageId: id, reason: `The bytes of ${part["asset_pointer"]} are not brought in.`, ...asset });
  }
  const text = textOr(part["text"], "");
  return [...(text ? [textPart(text)] : []), { type: "data-chatgpt-part", data: part }];
}
