/** Conversations of Claude's export: messages with the one before them, and blocks in each. */
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

export const claude: ConversationFormat = {
  name: "claude",
  detect: (value) => isFields(value) && Array.isArray(value["chat_messages"]),
  read(value) {
    const source = fieldsOf(value);
    const id = textOr(source["uuid"], undefined);
    if (!id) throw new FormatError("It has no uuid.");
    const leftOut: LeftOut[] = [];
    const messages = parentsFirst(linked(listOf(source["chat_messages"]).map(fieldsOf), leftOut), leftOut);
    const model = textOr(source["model"], null);
    const summary = textOr(source["summary"], null);
    const [createdAt, updatedAt] = [timeOf(source["created_at"]), timeOf(source["updated_at"])];
    const current = source["current_leaf_message_uuid"];
    const headId = messages.find((message) => message.id === current)?.id;
    const conversation = {
      id,
      title: titleOf(textOr(source["name"], source["title"]), leftOut),
      pinned: source["is_starred"] === true,
      ...(model && { model }),
      ...(summary && { metadata: { summary } }),
      ...(createdAt && { createdAt }),
      ...(updatedAt && { updatedAt }),
      ...(headId && { headId }),
      messages,
    };
    return { conversation, leftOut };
  },
};

/** Each follows the one that it names; in files that name none, the one before it. What is left out is stepped over. */
function linked(sources: readonly Fields[], leftOut: LeftOut[]): ImportedMessage[] {
  const namesParents = sources.some(({ parent_message_uuid }) => typeof parent_message_uuid === "string");
  const above = new Map<string, string | null>();
  const kept = new Map<string, ImportedMessage>();
  let before: string | null = null;
  for (const [index, source] of sources.entries()) {
    const id = textOr(source["uuid"], `${index}`);
    if (above.has(id)) {
      leftOut.push({ messageId: id, reason: "Another message before it has the same uuid." });
      continue;
    }
    above.set(id, namesParents ? textOr(source["parent_message_uuid"], null) : before);
    before = id;
    const message = messageOf(id, source, leftOut);
    if (message) kept.set(id, message);
  }
  return [...kept.values()].map((message) => ({ ...message, parentId: keptAbove(message.id, above, kept) }));
}

function keptAbove(id: string, above: Map<string, string | null>, kept: Map<string, unknown>): string | null {
  const seen = new Set<string>();
  let parentId = above.get(id) ?? null;
  while (parentId !== null && !kept.has(parentId) && !seen.has(parentId)) {
    seen.add(parentId);
    parentId = above.get(parentId) ?? null;
  }
  return parentId !== null && kept.has(parentId) ? parentId : null;
}

function messageOf(id: string, source: Fields, leftOut: LeftOut[]): ImportedMessage | undefined {
  const sender = source["sender"];
  if (sender !== "human" && sender !== "assistant") {
    leftOut.push({ messageId: id, reason: "Its sender is neither human nor assistant." });
    return undefined;
  }
  const blocks = listOf(source["content"]).map(fieldsOf);
  const results = new Map(
    blocks.filter((block) => block["type"] === "tool_result").map((block) => [block["tool_use_id"], block]),
  );
  const uses = new Set(blocks.filter(({ type }) => type === "tool_use").map((block) => block["id"]));
  const parts = blocks.flatMap((block, index) => partsOf(block, `${id}:${index}`, results, uses));
  const text = textOr(source["text"], "");
  if (text && !blocks.some((block) => block["type"] === "text" && block["text"])) parts.push(textPart(text));
  for (const file of [...listOf(source["attachments"]), ...listOf(source["files"])].map(fieldsOf)) {
    parts.push({ type: "data-claude-attachment", data: file });
    const name = textOr(file["file_name"], "without a name");
    if (!textOr(file["extracted_content"], null)) {
      leftOut.push({ messageId: id, reason: `The export has no bytes of the file ${name}.` });
    }
  }
  if (parts.length === 0) {
    leftOut.push({ messageId: id, reason: "It has no content." });
    return undefined;
  }
  const createdAt = timeOf(source["created_at"]);
  return { id, role: sender === "human" ? "user" : "assistant", parts, ...(createdAt && { createdAt }) };
}

function partsOf(block: Fields, place: string, results: Map<unknown, Fields>, uses: Set<unknown>): Part[] {
  const whole: Part = { type: "data-claude-block", data: block };
  switch (block["type"]) {
    case "text": {
      const text = textOr(block["text"], "");
      const cited = listOf(block["citations"]).length > 0 ? [whole] : [];
      return text ? [textPart(text), ...cited] : cited;
    }
    case "thinking": {
      const text = textOr(block["thinking"], "");
      return text ? [{ type: "reasoning", text }, whole] : [whole];
    }
    case "tool_use": {
      const result = typeof block["id"] === "string" ? results.get(block["id"]) : undefined;
      const toolName = textOr(block["name"], "tool");
      const call = {
        type: "dynamic-tool",
        toolName,
        toolCallId: textOr(block["id"], place),
        input: block["input"] ?? {},
      };
      if (!result) return [{ ...call, state: "input-available" }];
      if (result["is_error"] !== true)
        return [{ ...call, state: "output-available", output: result["content"] ?? null }];
      return [{ ...call, state: "output-error", errorText: JSON.stringify(result["content"] ?? null) }];
    }
    case "tool_result":
      return typeof block["tool_use_id"] === "string" && uses.has(block["tool_use_id"]) ? [] : [whole];
    default:
      return [whole];
  }
}
