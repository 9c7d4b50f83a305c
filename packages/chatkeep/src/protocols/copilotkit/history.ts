/** The history of a thread as the events of its runs, rebuilt from what is kept whole of each. */
import type { BaseEvent } from "@ag-ui/client";
import type { Ending } from "../../replies/feeds.ts";
import { newestFirst } from "../../replies/history.ts";
import type { Message } from "../../store/tables/message.ts";
import type { UserStore } from "../../store/user-verbs.ts";
import { closingOf, type Fields } from "./closing.ts";
import { eventsIn } from "./codec.ts";
import { messagesOf } from "./messages.ts";
import { messagesIn, withMessages } from "./told.ts";

/** Of the draft of a run, in its metadata under `agUi`. */
export interface RunFacts {
  /** The client's id of the run. */
  runId: string;
  agentId?: string | undefined;
  /** How many messages before it came with it. */
  inputs: number;
}

/** All messages of the branch that is shown, oldest first. @throws not_found */
export async function readBranch(user: UserStore, threadId: string): Promise<Message[]> {
  const messages: Message[] = [];
  for await (const message of newestFirst(user, threadId)) messages.push(message);
  return messages.reverse();
}

/** What a draft says of its run; `undefined` when another protocol has begun it. */
export function factsOf({ metadata }: Pick<Message, "metadata">): RunFacts | undefined {
  return (metadata as { agUi?: RunFacts } | null)?.agUi;
}

/** The events of the runs of a thread that have ended. What other clients have said is told as runs that were given it. */
export function eventsOf(threadId: string, branch: readonly Message[]): BaseEvent[] {
  const said = new Map<string, Fields>();
  const events: BaseEvent[] = [];
  let loose: Fields[] = [];
  const tell = () => {
    if (loose.length > 0) events.push(...toldAsRun(threadId, loose));
    loose = [];
  };
  for (const message of branch) {
    const run = eventsIn(message);
    if (message.status === "streaming") {
      // What came with it is told by its own events.
      const inputs = factsOf(message)?.inputs ?? 0;
      loose = loose.slice(0, loose.length - inputs);
    } else if (run) {
      const given = idsIn(run[0]);
      loose = loose.filter(({ id }) => !given.has(id));
      tell();
      const whole = run.map((event) => resolved(event, said));
      events.push(...whole, ...closingOf(whole, endingOf(message)));
    } else {
      const messages = messagesOf(message);
      for (const each of messages) said.set(String(each["id"]), each);
      loose.push(...messages);
    }
  }
  tell();
  return events;
}

/** The ids of everything that has been said: what of an input has one of these is not new. */
export function knownIds(branch: readonly Message[]): Set<unknown> {
  const known = new Set<unknown>();
  for (const message of branch) {
    known.add(message.id);
    for (const event of eventsIn(message) ?? []) {
      const { messageId, parentMessageId, toolCallId } = event as Fields & BaseEvent;
      for (const id of [messageId, parentMessageId, toolCallId, ...idsIn(event)]) known.add(id);
    }
    if (!eventsIn(message)) for (const { id } of messagesOf(message)) known.add(id);
  }
  known.delete(undefined);
  return known;
}

function idsIn(event: BaseEvent | undefined): Set<unknown> {
  return new Set(messagesIn(event).map(({ id }) => id));
}

/** With the messages that are named in it; one that was redacted is left out. */
function resolved(event: BaseEvent, said: ReadonlyMap<string, Fields>): BaseEvent {
  const messages = messagesIn(event);
  if (messages.length === 0) return event;
  const whole = messages.flatMap((message): Fields[] => {
    const stored = message["role"] === undefined ? said.get(String(message["id"])) : message;
    return stored ? [stored] : [];
  });
  return withMessages(event, whole);
}

function endingOf({ status }: Message): Ending["status"] {
  if (status === "stopped" || status === "failed" || status === "interrupted") return status;
  return "completed";
}

function toldAsRun(threadId: string, messages: Fields[]): BaseEvent[] {
  const runId = `history-${messages[0]?.["id"]}`;
  const input = { threadId, runId, messages, tools: [], context: [], state: {}, forwardedProps: {} };
  return [
    { type: "RUN_STARTED", threadId, runId, input },
    { type: "RUN_FINISHED", threadId, runId },
  ] as unknown as BaseEvent[];
}
