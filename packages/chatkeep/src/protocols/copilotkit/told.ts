/** The messages that an event tells of: those of a run's input, or all at once. */
import type { BaseEvent } from "@ag-ui/client";
import type { Fields } from "./closing.ts";

type Telling = BaseEvent & { messages?: unknown; input?: Fields };

export function messagesIn(event: BaseEvent | undefined): Fields[] {
  const { messages, input } = (event ?? {}) as Telling;
  const list = event?.type === "RUN_STARTED" ? input?.["messages"] : messages;
  return Array.isArray(list) ? (list as Fields[]) : [];
}

/** The same event with other messages. */
export function withMessages(event: BaseEvent, messages: Fields[]): BaseEvent {
  const { input } = event as Telling;
  return event.type === "RUN_STARTED" ? { ...event, input: { ...input, messages } } : { ...event, messages };
}
