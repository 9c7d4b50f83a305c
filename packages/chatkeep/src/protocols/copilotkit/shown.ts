/** What people and other clients can read of a run: its events as parts of the AI SDK. */
import type { BaseEvent } from "@ag-ui/client";
import type { Part } from "../../store/tables/message.ts";
import type { Fields } from "./closing.ts";

/** Texts, thoughts, and calls of tools with their results, in the order in which they began. */
export function shownParts(events: readonly BaseEvent[]): Part[] {
  const parts: Part[] = [];
  const open = new Map<string, Part>();
  const begin = (id: unknown, part: Part) => {
    open.set(String(id), part);
    parts.push(part);
  };
  const calls = new Map<string, { part: Part; args: string }>();
  for (const event of events as unknown as (Fields & { type: string })[]) {
    const { type, messageId, delta, toolCallId } = event;
    const part = open.get(String(messageId));
    const call = calls.get(String(toolCallId));
    if (type === "TEXT_MESSAGE_START") begin(messageId, { type: "text", text: "" });
    if (type === "REASONING_MESSAGE_START") begin(messageId, { type: "reasoning", text: "" });
    if ((type === "TEXT_MESSAGE_CONTENT" || type === "REASONING_MESSAGE_CONTENT") && part) {
      part["text"] = `${part["text"]}${delta}`;
    }
    if (type === "TOOL_CALL_START") {
      const made: Part = { type: `tool-${event["toolCallName"]}`, toolCallId, state: "input-available", input: {} };
      calls.set(String(toolCallId), { part: made, args: "" });
      parts.push(made);
    }
    if (type === "TOOL_CALL_ARGS" && call) {
      call.args += String(delta);
      call.part["input"] = parsed(call.args);
    }
    if (type === "TOOL_CALL_RESULT" && call) Object.assign(call.part, resultOf(event));
    if (type === "MESSAGES_SNAPSHOT" && parts.length === 0) parts.push(...lastAnswer(event["messages"]));
  }
  return parts.filter((part) => part["text"] !== "");
}

/** What a result adds to the part of its call. */
export function resultOf({ content, error }: Fields): Fields {
  if (error !== undefined) return { state: "output-error", errorText: String(error) };
  return { state: "output-available", output: parsed(content) };
}

/** A text that should be JSON, and may be cut off. */
export function parsed(text: unknown): unknown {
  try {
    return JSON.parse(String(text));
  } catch {
    return text;
  }
}

/** Of an agent that says its answers as a list of all messages. */
function lastAnswer(messages: unknown): Part[] {
  const last = Array.isArray(messages) ? (messages.at(-1) as Fields | undefined) : undefined;
  const text = last?.["role"] === "assistant" ? last["content"] : undefined;
  return typeof text === "string" ? [{ type: "text", text }] : [];
}
