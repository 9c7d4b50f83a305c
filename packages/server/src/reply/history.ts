/** What the model gets to read: the last messages of the branch that fit a budget of tokens, from the database. */
import { convertToModelMessages, type ModelMessage, type UIMessage } from "ai";
import type { Message, UserStore } from "chatkeep";
import { hasSubstance, type ReadablePart, readableParts, withoutFiles } from "./readable.ts";

/** About this many tokens, the question included, which is never left out. */
const historyTokens = 16_000;
/** Of files before the question: endpoints limit what one request may carry. */
const historyFileBytes = 20 * 1024 * 1024;
/** Of files that are looked at, though they are only named: each of them is read from the database. */
const readFileBytes = 64 * 1024 * 1024;

interface Read {
  message: Message;
  parts: ReadablePart[];
}

/** The branch that ends with `leafId`, cut at its old end; it begins with a message of the user's. */
export async function readHistory(
  mine: UserStore,
  conversationId: string,
  leafId: string,
  budget = historyTokens,
): Promise<ModelMessage[]> {
  const newestFirst: Read[] = [];
  const left = { tokens: budget, bytes: historyFileBytes, read: readFileBytes };
  let before: string | undefined;
  do {
    const page = await mine.messages.branch(conversationId, before ? { before, limit: 100 } : { leafId, limit: 100 });
    for (const message of page.items.reverse()) {
      const all = await readableParts(message);
      const parts = newestFirst.length === 0 ? all : fitting(all, left);
      if (!parts || left.read < 0) return await toModel(newestFirst.reverse());
      left.read -= sum(all, "bytes");
      left.tokens -= sum(parts, "tokens");
      left.bytes -= sum(parts, "bytes");
      newestFirst.push({ message, parts });
    }
    before = page.nextCursor ?? undefined;
  } while (before);
  return await toModel(newestFirst.reverse());
}

export function toUIMessage({ id, role, content, parts }: Message): UIMessage {
  return { id, role, parts: (parts ?? [{ type: "text", text: content }]) as UIMessage["parts"] };
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
  const message = { id, role, parts: parts.map(({ part }) => part) };
  try {
    return await convertToModelMessages([message], { ignoreIncompleteToolCalls: true });
  } catch {
    // Parts are stored as they came: where the SDK cannot read them the words have to do.
    return content === "" ? [] : [{ role, content }];
  }
}
