/** What a reply streams, as the events of OpenAI's responses: each item begins, grows and ends. */
import type { UIMessageChunk } from "ai";

export interface ResponseEvent {
  type: string;
  [key: string]: unknown;
}

interface OpenItem {
  id: string;
  index: number;
  text: string;
  isReasoning: boolean;
}

/** Takes the chunks of one reply, in their order, and gives the events of each. Ids are those that the items have once they are stored. */
export function createItemEvents(replyId: string): (chunk: UIMessageChunk) => ResponseEvent[] {
  let parts = 0;
  let items = 0;
  const open = new Map<string, { part: number; item?: OpenItem; isReasoning: boolean }>();
  const tools = new Map<string, number>();

  function begin(kind: string, id: string): ResponseEvent[] {
    parts += 1;
    open.set(`${kind} ${id}`, { part: parts, isReasoning: kind === "reasoning" });
    return [];
  }

  function grow(kind: string, id: string, delta: string): ResponseEvent[] {
    const place = open.get(`${kind} ${id}`);
    if (!place || delta === "") return [];
    const { part, isReasoning } = place;
    const isNew = place.item === undefined;
    place.item ??= { id: `${replyId}:${part}`, index: items++, text: "", isReasoning };
    place.item.text += delta;
    return [...(isNew ? beginning(place.item) : []), { type: names(place.item).delta, ...at(place.item), delta }];
  }

  function end(kind: string, id: string): ResponseEvent[] {
    const item = open.get(`${kind} ${id}`)?.item;
    open.delete(`${kind} ${id}`);
    return item ? ending(item) : [];
  }

  function whole(item: { id: string; type: string; [key: string]: unknown }): ResponseEvent[] {
    const index = items++;
    return [
      { type: "response.output_item.added", output_index: index, item: { ...item, status: "in_progress" } },
      { type: "response.output_item.done", output_index: index, item: { ...item, status: "completed" } },
    ];
  }

  function toolPart(toolCallId: string): number {
    const known = tools.get(toolCallId);
    if (known !== undefined) return known;
    parts += 1;
    tools.set(toolCallId, parts);
    return parts;
  }

  function output(toolCallId: string, value: unknown): ResponseEvent[] {
    const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "null");
    const id = `${replyId}:${toolPart(toolCallId)}:output`;
    return whole({ id, type: "function_call_output", call_id: toolCallId, output: text });
  }

  return (chunk) => {
    switch (chunk.type) {
      case "text-start":
        return begin("text", chunk.id);
      case "text-delta":
        return grow("text", chunk.id, chunk.delta);
      case "text-end":
        return end("text", chunk.id);
      case "reasoning-start":
        return begin("reasoning", chunk.id);
      case "reasoning-delta":
        return grow("reasoning", chunk.id, chunk.delta);
      case "reasoning-end":
        return end("reasoning", chunk.id);
      case "tool-input-start":
        toolPart(chunk.toolCallId);
        return [];
      case "tool-input-available": {
        const { toolCallId, toolName: name, input } = chunk;
        const id = `${replyId}:${toolPart(toolCallId)}`;
        return whole({ id, type: "function_call", call_id: toolCallId, name, arguments: JSON.stringify(input ?? {}) });
      }
      case "tool-output-available":
        return chunk.preliminary ? [] : output(chunk.toolCallId, chunk.output);
      case "tool-output-error":
        return output(chunk.toolCallId, chunk.errorText);
      case "start-step":
      case "file":
      case "source-url":
      case "source-document":
        parts += 1;
        return [];
      default:
        return [];
    }
  };
}

function names({ isReasoning }: OpenItem) {
  return isReasoning
    ? { delta: "response.reasoning_summary_text.delta", done: "response.reasoning_summary_text.done" }
    : { delta: "response.output_text.delta", done: "response.output_text.done" };
}

function at({ id, index, isReasoning }: OpenItem) {
  const place = { item_id: id, output_index: index };
  return isReasoning ? { ...place, summary_index: 0 } : { ...place, content_index: 0, logprobs: [] };
}

function partOf({ isReasoning }: OpenItem, text: string) {
  return isReasoning ? { type: "summary_text", text } : { type: "output_text", annotations: [], text };
}

function itemOf(item: OpenItem, status: string, parts: object[]) {
  if (item.isReasoning) return { id: item.id, type: "reasoning", summary: parts };
  return { id: item.id, type: "message", status, role: "assistant", content: parts };
}

function beginning(item: OpenItem): ResponseEvent[] {
  const part = item.isReasoning ? "response.reasoning_summary_part.added" : "response.content_part.added";
  const { logprobs: _logprobs, ...place } = at(item) as Record<string, unknown>;
  return [
    { type: "response.output_item.added", output_index: item.index, item: itemOf(item, "in_progress", []) },
    { type: part, ...place, part: partOf(item, "") },
  ];
}

function ending(item: OpenItem): ResponseEvent[] {
  const part = item.isReasoning ? "response.reasoning_summary_part.done" : "response.content_part.done";
  const { logprobs: _logprobs, ...place } = at(item) as Record<string, unknown>;
  const whole = partOf(item, item.text);
  return [
    { type: names(item).done, ...at(item), text: item.text },
    { type: part, ...place, part: whole },
    { type: "response.output_item.done", output_index: item.index, item: itemOf(item, "completed", [whole]) },
  ];
}
