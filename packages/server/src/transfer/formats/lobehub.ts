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
  type LeftOut,
  linked,
  listOf,
  messageWith,
  metadataOf,
  othersOf,
  roleOf,
  textOr,
  textPart,
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
    const results = new Map(
      entries.filter(({ role }) => role === "tool").map((entry) => [entry["tool_call_id"], entry]),
    );
    const named = entries.map((entry, index) => {
      return { id: textOr(entry["id"], `${index}`), parent: textOr(entry["parentId"], null), source: entry };
    });
    // Topics have no id of their own in their export.
    const id = `lobehub:${idFrom(first?.["id"], first?.["createdAt"], first?.["content"])}`;
    const conversation = {
      id,
      title: titleOf(source["title"], leftOut),
      ...metadataOf({ lobehub: othersOf(source, ["title", "messages", "version", "exportedAt"], leftOut) }),
      messages: linked(named, (one, message) => messageOf(one, message, results, leftOut), leftOut),
    };
    return { conversation, leftOut };
  },
};

function isDump(value: Fields): boolean {
  const tables = fieldsOf(value["state"] ?? value["data"]);
  return Array.isArray(tables["messages"]) && (Array.isArray(tables["topics"]) || Array.isArray(tables["sessions"]));
}

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
  const role = roleOf(source["role"], leftOut, id);
  if (!role) return undefined;
  const parts = partsOf(source, results);
  for (const file of [...listOf(source["files"]), ...listOf(source["imageList"])]) {
    leftOut.push({ messageId: id, reason: "The bytes of an attached file are not brought in." });
    parts.push({ type: "data-lobehub-file", data: file });
  }
  const about = () => ({
    model: textOr(source["model"], null),
    toolCallId: textOr(source["tool_call_id"], null),
    lobehub: othersOf(source, usedOfMessage, leftOut, id),
  });
  return messageWith({ id, role, parts, time: source["createdAt"], about }, leftOut);
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
