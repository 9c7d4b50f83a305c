/** Topics of LobeHub's (LobeChat's) export: a list of messages, of which some are results of tools. */
import type { Part } from "chatkeep";
import {
  type ConversationFormat,
  type Fields,
  FormatError,
  fieldsOf,
  type ImportedMessage,
  idFrom,
  isFields,
  jsonOr,
  keptAbove,
  type LeftOut,
  listOf,
  metadataOf,
  othersOf,
  parentsFirst,
  textOr,
  textPart,
  timeOf,
  titleOf,
  toolPart,
} from "./format.ts";

export const lobehub: ConversationFormat = {
  name: "lobehub",
  detect(value) {
    if (!isFields(value)) return false;
    if (isDump(value)) return true;
    const isMessage = (message: unknown) =>
      isFields(message) && typeof message["role"] === "string" && !("parts" in message);
    return "version" in value && Array.isArray(value["messages"]) && value["messages"].every(isMessage);
  },
  read(value) {
    const source = fieldsOf(value);
    if (isDump(source))
      throw new FormatError("It is a dump of a whole LobeHub: export its topics one by one, as JSON.");
    const leftOut: LeftOut[] = [];
    const entries = listOf(source["messages"]).map(fieldsOf);
    const [first] = entries;
    // Topics have no id of their own in their export.
    const id = `lobehub:${idFrom(first?.["id"], first?.["createdAt"], first?.["content"])}`;
    const conversation = {
      id,
      title: titleOf(source["title"], leftOut),
      ...metadataOf({ lobehub: othersOf(source, ["title", "messages", "version", "exportedAt"], leftOut) }),
      messages: parentsFirst(linked(entries, leftOut), leftOut),
    };
    return { conversation, leftOut };
  },
};

function isDump(value: Fields): boolean {
  const tables = fieldsOf(value["state"] ?? value["data"]);
  return Array.isArray(tables["messages"]) && (Array.isArray(tables["topics"]) || Array.isArray(tables["sessions"]));
}

function linked(sources: readonly Fields[], leftOut: LeftOut[]): ImportedMessage[] {
  const namesParents = sources.some(({ parentId }) => textOr(parentId, null) !== null);
  const results = new Map(
    sources.filter(({ role }) => role === "tool").map((source) => [source["tool_call_id"], source]),
  );
  const above = new Map<string, string | null>();
  const kept = new Map<string, ImportedMessage>();
  let before: string | null = null;
  for (const [index, source] of sources.entries()) {
    const id = textOr(source["id"], `${index}`);
    if (above.has(id)) {
      leftOut.push({ messageId: id, reason: "Another message before it has the same id." });
      continue;
    }
    above.set(id, namesParents ? textOr(source["parentId"], null) : before);
    before = id;
    const message = messageOf(id, source, results, leftOut);
    if (message) kept.set(id, message);
  }
  return [...kept.values()].map((message) => ({ ...message, parentId: keptAbove(message.id, above, kept) }));
}

const roles = new Set(["user", "assistant", "system", "tool"]);
const usedOfMessage = [
  "id",
  "parentId",
  "role",
  "content",
  "tools",
  "tool_call_id",
  "model",
  "createdAt",
  "reasoning",
  "files",
  "imageList",
];

function messageOf(
  id: string,
  source: Fields,
  results: Map<unknown, Fields>,
  leftOut: LeftOut[],
): ImportedMessage | undefined {
  const role = textOr(source["role"], "none");
  if (!roles.has(role)) {
    leftOut.push({ messageId: id, reason: "It has a role that is not user, assistant, system or tool." });
    return undefined;
  }
  const parts = partsOf(source, results);
  for (const file of [...listOf(source["files"]), ...listOf(source["imageList"])]) {
    leftOut.push({ messageId: id, reason: "The bytes of an attached file are not brought in." });
    parts.push({ type: "data-lobehub-file", data: file });
  }
  if (parts.length === 0) {
    leftOut.push({ messageId: id, reason: "It has no content." });
    return undefined;
  }
  const createdAt = timeOf(source["createdAt"], leftOut, id);
  return {
    id,
    role: role as ImportedMessage["role"],
    parts,
    ...(createdAt && { createdAt }),
    ...metadataOf({
      model: textOr(source["model"], null),
      toolCallId: textOr(source["tool_call_id"], null),
      lobehub: othersOf(source, usedOfMessage, leftOut, id),
    }),
  };
}

/** What a tool gave stands with its call, and in the message of the tool's own as it is there. */
function partsOf(source: Fields, results: Map<unknown, Fields>): Part[] {
  const thought = textOr(fieldsOf(source["reasoning"])["content"], "");
  const text = textOr(source["content"], "");
  const calls = listOf(source["tools"])
    .map(fieldsOf)
    .map((tool) => {
      const name = [textOr(tool["identifier"], null), textOr(tool["apiName"], null)].filter(Boolean).join("/");
      const call = { id: textOr(tool["id"], "call"), name, input: jsonOr(tool["arguments"]) };
      const result = results.get(tool["id"]);
      return result ? toolPart(call, { output: result["content"] }) : toolPart(call);
    });
  return [...(thought ? [{ type: "reasoning", text: thought }] : []), ...(text ? [textPart(text)] : []), ...calls];
}
