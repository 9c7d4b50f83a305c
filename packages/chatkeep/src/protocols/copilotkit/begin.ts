/** The beginning of a run: what is new in its input is stored with the draft of its reply, together or not at all. */
import { randomUUID } from "node:crypto";
import type { BaseEvent, RunAgentInput } from "@ag-ui/client";
import { InvalidInputError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import type { Draft } from "../../replies/replies.ts";
import type { NewMessage } from "../../store/schemas.ts";
import type { Message, Part } from "../../store/tables/message.ts";
import type { UserStore } from "../../store/user-verbs.ts";
import type { Fields } from "./closing.ts";
import { eventsIn } from "./codec.ts";
import { knownIds, type RunFacts, readBranch } from "./history.ts";
import { isKept, messagesOf, toStore } from "./messages.ts";
import { resultOf } from "./shown.ts";
import { messagesIn } from "./told.ts";

/** What a run that has begun knows of its thread. */
export interface BegunRun {
  draft: Draft;
  /** What of the input was not known before. */
  fresh: Fields[];
  /** Of an event, the ids of the messages that are messages of the conversation. */
  keptIn(event: BaseEvent): string[] | undefined;
}

/** What is stored under which ids: `asCopies` under others than its own, where those are in use, such as in a copy of a thread. */
export interface BeginOptions {
  agentId: string | undefined;
  asCopies: boolean;
}

/** Stores what is new, and the draft behind it. @throws what the store throws */
export async function beginIn(mine: UserStore, input: RunAgentInput, options: BeginOptions): Promise<BegunRun> {
  const { threadId, runId } = input;
  const { agentId, asCopies } = options;
  const branch = await readBranch(mine, threadId);
  const known = knownIds(branch);
  const given = inputMessages(input);
  const fresh = given.filter(({ id }) => !known.has(id));
  for (const result of fresh.filter(({ role }) => role === "tool")) await addResult(mine, threadId, branch, result);
  const inputs = fresh.filter(isKept).map((message) => toStore(message, asCopies));
  const agUi: RunFacts = { runId, ...(agentId !== undefined && { agentId }), inputs: inputs.length };
  const draft = { id: randomUUID(), role: "assistant" as const, status: "streaming" as const, metadata: { agUi } };
  const parentId = fresh.length === 0 ? again(branch, given) : undefined;
  const stored = await append(mine, threadId, [...inputs, draft], parentId);
  const kept = new Set([...branch, ...stored].filter((row) => !eventsIn(row)).flatMap(idsOf));
  return {
    draft: { messageId: draft.id, question: stored.at(-2) ?? branch.at(-1) ?? (stored.at(-1) as Message) },
    fresh,
    keptIn: (event) => {
      const ids = messagesIn(event).map(({ id }) => String(id));
      return ids.length === 0 ? undefined : ids.filter((id) => kept.has(id));
    },
  };
}

function idsOf(message: Message): unknown[] {
  return [message.id, ...messagesOf(message).map(({ id }) => id)];
}

/** One of each id. */
function inputMessages({ messages }: RunAgentInput): Fields[] {
  const given = (messages ?? []) as unknown as Fields[];
  if (given.some(({ id }) => typeof id !== "string" || id === "")) {
    throw new InvalidInputError("input.messages must have an id each.");
  }
  return [...new Map(given.toReversed().map((message) => [message["id"], message])).values()].reverse();
}

/** An input that ends with a question which is stored already asks for another answer to it, beside the ones that it has. */
function again(branch: readonly Message[], given: readonly Fields[]): string | undefined {
  const last = given.at(-1);
  return branch.find((message) => message.role === "user" && idsOf(message).includes(last?.["id"]))?.id;
}

async function append(mine: UserStore, threadId: string, messages: NewMessage[], parentId: string | undefined) {
  const stored: Message[] = [];
  for (let from = 0; from < messages.length; from += limits.messagesPerAppend) {
    const some = messages.slice(from, from + limits.messagesPerAppend);
    const [first, ...rest] = some as [NewMessage, ...NewMessage[]];
    const placed = from === 0 && parentId !== undefined ? { ...first, parentId } : first;
    stored.push(...(await mine.messages.append(threadId, [placed, ...rest])));
  }
  return stored;
}

/** The result of a tool that ran in the browser is seen where it was called. */
async function addResult(mine: UserStore, threadId: string, branch: Message[], result: Fields): Promise<void> {
  const isCall = (part: Part) => part["toolCallId"] === result["toolCallId"] && part["state"] === "input-available";
  const index = branch.findLastIndex((message) => eventsIn(message) && message.parts?.some(isCall));
  const called = branch[index];
  if (!called?.parts) return;
  const parts = called.parts.map((part) => (isCall(part) ? ({ ...part, ...resultOf(result) } as Part) : part));
  branch[index] = await mine.messages.update(threadId, called.id, { parts }, { revision: called.revision });
}
