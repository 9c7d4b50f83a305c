/** What of an entry people and other clients can read, as parts of the AI SDK; nothing of what the SDK keeps for itself. */
import type { MessageRole, Part } from "../../store/tables/message.ts";
import type { SessionEntry } from "./contract.ts";

type Fields = Record<string, unknown>;

/** The names of the tools that were called, by the id of the call. */
export type ToolNames = Map<string, string>;

/** Who said an entry, and what of it is shown. */
export interface Shown {
  role: MessageRole;
  parts: Part[];
}

/**
 * Entries that are no turn of the chat have the role `tool`, and stand beside the branch that is shown: as `system` they would be
 * instructions to whichever model goes on with the chat.
 */
const hidden: Shown = { role: "tool", parts: [] };

/** What the SDK puts into the mouth of its user: results of commands, reminders, the summary after which a long chat goes on. */
const hiddenFlags = ["isMeta", "isCompactSummary", "isVisibleInTranscriptOnly"];

export function shownOf(entry: SessionEntry, toolNames: ToolNames): Shown {
  const message = entry["message"] as Fields | null | undefined;
  const isTurn = entry.type === "user" || entry.type === "assistant";
  if (!isTurn || typeof message !== "object" || message === null) return hidden;
  if (hiddenFlags.some((flag) => entry[flag] === true)) return hidden;
  const { content } = message;
  const blocks = Array.isArray(content) ? content.filter(isFields) : [];
  const parts = typeof content === "string" ? words(content) : blocks.flatMap((block) => partsOf(block, toolNames));
  if (parts.length === 0) return hidden;
  const isResult = entry.type === "user" && blocks.some(({ type }) => type === "tool_result");
  return { role: isResult ? "tool" : (entry.type as "user" | "assistant"), parts };
}

/** What the first element of this name holds. */
function inside(text: string, name: string): string | undefined {
  const from = text.indexOf(`<${name}>`);
  const to = text.indexOf(`</${name}>`, from);
  return from < 0 || to < 0 ? undefined : text.slice(from + name.length + 2, to);
}

function words(text: string): Part[] {
  if (text === "" || /^<local-command-/.test(text)) return [];
  const command = inside(text, "command-name");
  if (!command || !text.startsWith("<command-")) return [{ type: "text", text }];
  const given = inside(text, "command-args") ?? "";
  return [{ type: "text", text: `${command} ${given}`.trim() }];
}

function partsOf(block: Fields, toolNames: ToolNames): Part[] {
  const { type } = block;
  if (type === "text" && typeof block["text"] === "string") return words(block["text"]);
  if (type === "thinking" && block["thinking"]) return [{ type: "reasoning", text: String(block["thinking"]) }];
  if (type === "image" || type === "document") return fileParts(block);
  if (typeof block["name"] === "string" && typeof block["id"] === "string") {
    toolNames.set(block["id"], block["name"]);
    const input = block["input"] ?? {};
    return [{ type: `tool-${block["name"]}`, toolCallId: block["id"], state: "input-available", input }];
  }
  const toolCallId = block["tool_use_id"];
  return typeof toolCallId === "string" ? [resultPart(toolCallId, block, toolNames)] : [];
}

function resultPart(toolCallId: string, block: Fields, toolNames: ToolNames): Part {
  const said = outputOf(block["content"]);
  const text = typeof said === "string" ? said : JSON.stringify(said);
  const result =
    block["is_error"] === true ? { state: "output-error", errorText: text } : { state: "output-available" };
  const output = block["is_error"] === true ? {} : { output: said };
  return { type: `tool-${toolNames.get(toolCallId) ?? "unknown"}`, toolCallId, ...result, input: {}, ...output };
}

/** Blocks that are words alone are these words. */
function outputOf(content: unknown): unknown {
  if (!Array.isArray(content)) return content ?? null;
  const texts = content.map((block) => (isFields(block) && block["type"] === "text" ? block["text"] : undefined));
  return texts.every((text) => typeof text === "string") ? texts.join("\n") : content;
}

function fileParts(block: Fields): Part[] {
  const source = isFields(block["source"]) ? block["source"] : {};
  const mediaType = String(source["media_type"] ?? (block["type"] === "image" ? "image/*" : "application/pdf"));
  const { data, url } = source;
  if (source["type"] === "base64")
    return [{ type: "file", mediaType, url: `data:${mediaType};base64,${String(data)}` }];
  if (typeof url === "string") return [{ type: "file", mediaType, url }];
  return typeof data === "string" ? [{ type: "text", text: data }] : [];
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
