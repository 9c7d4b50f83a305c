/** What the model gets to read: the last messages of the branch that fit a budget of tokens, from the database. */
import { convertToModelMessages, type ModelMessage, type UIMessage } from "ai";
import { defaultHistoryTokens, newestFirst } from "../../replies/history.ts";
import type { Message } from "../../store/tables/message.ts";
import type { UserStore } from "../../store/user-verbs.ts";
import { type Files, hasSubstance, type ReadablePart, readableParts, withoutFiles } from "./readable.ts";

/** Of files before the question: endpoints limit what one request may carry. */
const historyFileBytes = 20 * 1024 * 1024;
/** Of files that are looked at, though they are only named: each of them is read from the database. */
const readFileBytes = 64 * 1024 * 1024;

/** A branch as a model reads it. */
export interface ModelHistory {
  messages: ModelMessage[];
  /** The texts of its system messages: models take them before all others, and nowhere else. */
  instructions: string[];
}

interface Read {
  message: Message;
  parts: ReadablePart[];
}

/**
 * The branch that ends with `leafId`, cut at its old end, so that it has about `budget` tokens, the question included, which is
 * never left out; it begins with a message of the user's. `files` are those that its messages name; without them they are only named.
 */
export async function readHistory(
  branch: AsyncIterable<Message>,
  budget = defaultHistoryTokens,
  files?: Files,
): Promise<ModelHistory> {
  const read: Read[] = [];
  const instructions: string[] = [];
  const left = { tokens: budget, bytes: historyFileBytes, read: readFileBytes };
  for await (const message of branch) {
    if (message.status === "deleted") continue;
    const all = await readableParts(
      message,
      files && { files, maxBytes: read.length === 0 ? historyFileBytes : left.bytes },
    );
    const parts = read.length === 0 ? all : fitting(all, left);
    if (!parts || left.read < 0) break;
    left.read -= sum(all, "bytes");
    left.tokens -= sum(parts, "tokens");
    left.bytes -= sum(parts, "bytes");
    if (message.role === "system") instructions.push(message.content);
    else read.push({ message, parts });
  }
  return { messages: await toModel(read.reverse()), instructions: instructions.reverse() };
}

/** The branch of a conversation that is shown, whole, as `useChat` takes it. @throws invalid_input, not_found */
export async function readUIMessages(user: UserStore, conversationId: string): Promise<UIMessage[]> {
  const messages: UIMessage[] = [];
  for await (const message of newestFirst(user, conversationId)) {
    // The AI SDK takes no message without parts, and of a deleted one there are none.
    if (message.status !== "deleted") messages.push(toUIMessage(message));
  }
  return messages.reverse();
}

/** A stored message as the AI SDK has it. A reply that is being written has no parts yet: its stream brings them. */
export function toUIMessage({ id, role, content, parts, metadata }: Message): UIMessage {
  const text = content === "" ? [] : [{ type: "text", text: content }];
  const message = { id, role: uiRole(role), parts: (parts ?? text) as UIMessage["parts"] };
  return metadata === null ? message : { ...message, metadata };
}

/** The AI SDK has results of tools in the message of the assistant that called them. */
function uiRole(role: Message["role"]): UIMessage["role"] {
  return role === "tool" ? "assistant" : role;
}

/** A file that is too large is named, so that it drives out nothing; `undefined` when even that does not fit. */
function fitting(parts: ReadablePart[], left: { tokens: number; bytes: number }): ReadablePart[] | undefined {
  const fits = (some: ReadablePart[]) => sum(some, "tokens") <= left.tokens && sum(some, "bytes") <= left.bytes;
  if (fits(parts)) return parts;
  const named = withoutFiles(parts);
  return fits(named) ? named : undefined;
}

function sum(parts: readonly ReadablePart[], what: "tokens" | "bytes"): number {
  return parts.reduce((total, part) => total + part[what], 0);
}

async function toModel(read: readonly Read[]): Promise<ModelMessage[]> {
  const first = read.findIndex(({ message }) => message.role === "user");
  const said: ModelMessage[] = [];
  for (const [index, { message, parts }] of read.entries()) {
    const isQuestion = index === read.length - 1;
    if (index < first) continue;
    if (parts.some(hasSubstance)) said.push(...(await asModelMessages(message, parts)));
    else if (isQuestion) said.push({ role: "user", content: "[A message without words]" });
  }
  return said;
}

async function asModelMessages(
  { id, role, content }: Message,
  parts: readonly ReadablePart[],
): Promise<ModelMessage[]> {
  const message = { id, role: uiRole(role), parts: parts.map(({ part }) => part) };
  try {
    return await convertToModelMessages([message], { ignoreIncompleteToolCalls: true });
  } catch {
    // Parts are stored as they came: where the SDK cannot read them the words have to do.
    return content === "" ? [] : [{ role: role === "user" ? "user" : "assistant", content }];
  }
}
