/** The events with which a run ends that was cut off: whatever is open is closed, and its end is said. */
import type { BaseEvent } from "@ag-ui/client";
import type { Ending } from "../../replies/feeds.ts";

export type Fields = Record<string, unknown>;

/** Which event closes which, and by which key they belong together. */
const pairs: Record<string, { end: string; key?: string }> = {
  STEP_STARTED: { end: "STEP_FINISHED", key: "stepName" },
  TEXT_MESSAGE_START: { end: "TEXT_MESSAGE_END", key: "messageId" },
  TOOL_CALL_START: { end: "TOOL_CALL_END", key: "toolCallId" },
  REASONING_START: { end: "REASONING_END", key: "messageId" },
  REASONING_MESSAGE_START: { end: "REASONING_MESSAGE_END", key: "messageId" },
  THINKING_START: { end: "THINKING_END" },
  THINKING_TEXT_MESSAGE_START: { end: "THINKING_TEXT_MESSAGE_END" },
};
const ends = new Map(Object.entries(pairs).map(([start, { end, key }]) => [end, { start, key }]));

const reasons = {
  completed: { code: "INCOMPLETE_STREAM", message: "The run ended without saying how: run the agent again." },
  failed: { code: "RUN_FAILED", message: "The run failed: run the agent again." },
  interrupted: { code: "RUN_INTERRUPTED", message: "The run was interrupted: run the agent again." },
  gone: { code: "THREAD_DELETED", message: "The thread was deleted: begin another one." },
};

/** What an error says that no agent has said. */
export interface Fault {
  code: string;
  message: string;
}

/** What is missing at the end of a run's events; nothing when they say how it ended. */
export function closingOf(events: readonly BaseEvent[], status: Ending["status"], fault?: Fault): BaseEvent[] {
  const { open, unanswered, started, isOver } = stateOf(events);
  if (isOver) return [];
  const isStopped = status === "stopped";
  const closers = [...open.values()].reverse();
  const results = unanswered.map((toolCallId) => ({
    type: "TOOL_CALL_RESULT",
    toolCallId,
    messageId: `${toolCallId}-result`,
    role: "tool",
    content: JSON.stringify(isStopped ? { status: "stopped" } : { status: "error" }),
  }));
  const { threadId, runId } = started;
  const last = isStopped
    ? { type: "RUN_FINISHED", threadId, runId }
    : { type: "RUN_ERROR", ...(fault ?? reasons[status as keyof typeof reasons]) };
  return [...closers, ...results, last] as unknown as BaseEvent[];
}

/** Whether the events say how the run ended. */
export function isTerminal({ type }: BaseEvent): boolean {
  return type === "RUN_FINISHED" || type === "RUN_ERROR";
}

function stateOf(events: readonly BaseEvent[]) {
  const open = new Map<string, Fields>();
  const unanswered = new Set<string>();
  let started: Fields = {};
  for (const event of events as unknown as (Fields & { type: string })[]) {
    const { type, subagentRunId, toolCallId } = event;
    const owner = subagentRunId === undefined ? {} : { subagentRunId };
    const nameOf = (start: string, key?: string) =>
      JSON.stringify([start, key && event[key], key === "stepName" && owner]);
    const pair = pairs[type];
    const start = ends.get(type);
    if (pair) {
      const named = pair.key ? { [pair.key]: event[pair.key] } : {};
      open.set(nameOf(type, pair.key), { type: pair.end, ...named, ...owner });
    } else if (start) open.delete(nameOf(start.start, start.key));
    if (type === "TOOL_CALL_START") unanswered.add(String(toolCallId));
    if (type === "TOOL_CALL_RESULT") unanswered.delete(String(toolCallId));
    if (type === "RUN_STARTED") started = event;
  }
  return { open, unanswered: [...unanswered], started, isOver: events.some(isTerminal) };
}
