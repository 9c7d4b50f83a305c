/**
 * A reply that waits for its client: for the output of a tool that runs there, or for a decision on one that runs here. What a client
 * may change of a stored reply is that and nothing else.
 */
import { isToolUIPart, type UIMessage } from "ai";
import { ConflictError, InvalidInputError } from "../../errors.ts";
import type { Message, Part } from "../../store/tables/message.ts";

/** What a client says of a reply, beside what is stored of it. */
export interface Answered {
  /** The parts with what the client has added. */
  parts: Part[];
  /** Whether it has added anything. */
  isChanged: boolean;
  /** Calls that still wait for their output, or for a decision. */
  open: number;
  /** What the client does not know yet: the reply went on without it. */
  unknown: Part[];
}

/** @throws conflict for another reply than the stored one; invalid_input for what is no output and no decision */
export function answersIn(stored: Message, given: readonly Part[]): Answered {
  const parts = stored.parts ?? [];
  if (given.length > parts.length) throw isOther(stored.id);
  let isChanged = false;
  const answered = parts.map((part, index) => {
    const said = given[index];
    if (!said) return part;
    const next = isTool(part) ? answerTo(stored.id, part, said) : part;
    if (next === part && !isTool(part) && !isSameWords(part, said)) throw isOther(stored.id);
    isChanged ||= next !== part;
    return next;
  });
  const open = answered.filter((part) => isTool(part) && isOpen(part)).length;
  return { parts: answered, isChanged, open, unknown: parts.slice(given.length) };
}

function isTool(part: Part): boolean {
  return isToolUIPart(part as UIMessage["parts"][number]);
}

/** Tools that their provider runs are no business of the client's. */
function isOpen({ state, providerExecuted }: Part): boolean {
  return state === "approval-requested" || (state === "input-available" && providerExecuted !== true);
}

function answerTo(messageId: string, part: Part, said: Part): Part {
  if (said.type !== part.type || said["toolCallId"] !== part["toolCallId"]) throw isOther(messageId);
  if (!isSame(said["input"], part["input"])) throw isOther(messageId);
  if (said["state"] === part["state"]) {
    if (isSame(said["output"], part["output"]) && said["errorText"] === part["errorText"]) return part;
    throw notOpen(part);
  }
  if (!isOpen(part)) {
    // An older state than the stored one: the client has not heard of it.
    if (isOpen(said) || said["state"] === "input-streaming" || said["state"] === "approval-responded") return part;
    throw notOpen(part);
  }
  return part["state"] === "approval-requested" ? decided(messageId, part, said) : withOutput(part, said);
}

function withOutput(part: Part, { state, output, errorText }: Part): Part {
  if (state === "output-available" && output !== undefined) return { ...part, state, output };
  if (state === "output-error" && typeof errorText === "string") return { ...part, state, errorText };
  throw new InvalidInputError(
    `The tool call ${String(part["toolCallId"])} waits for its output: give "output-available" with output, or "output-error" with errorText.`,
  );
}

function decided(messageId: string, part: Part, { state, approval }: Part): Part {
  const asked = part["approval"] as { id?: unknown } | undefined;
  const { id, approved, reason } = (approval ?? {}) as { id?: unknown; approved?: unknown; reason?: unknown };
  const isDecision = state === "approval-responded" && typeof approved === "boolean" && id === asked?.id;
  if (!isDecision || (reason !== undefined && typeof reason !== "string")) {
    throw new InvalidInputError(
      `The tool call ${String(part["toolCallId"])} of the message ${messageId} waits for a decision: give "approval-responded" with its approval, approved true or false.`,
    );
  }
  return { ...part, state, approval: { ...asked, approved, ...(reason !== undefined && { reason }) } };
}

function isSameWords(part: Part, said: Part): boolean {
  if (part.type !== said.type) return false;
  return part["text"] === said["text"];
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function isOther(id: string): ConflictError {
  return new ConflictError(
    `The message ${id} is stored otherwise: only outputs and decisions of its open tool calls may be added.`,
  );
}

function notOpen(part: Part): InvalidInputError {
  return new InvalidInputError(
    `The tool call ${String(part["toolCallId"])} is not open: its output is stored already.`,
  );
}
