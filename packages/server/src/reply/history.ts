/** What the model gets to read: the last messages of the branch that fit a budget of tokens, from the database. */
import { convertToModelMessages, type ModelMessage, type UIMessage } from "ai";
import type { Message, UserStore } from "chatkeep";

/** About this many tokens, the question included, which is never left out. */
const historyTokens = 16_000;

const charactersPerToken = 4;

/** The branch that ends with `leafId`, cut at its old end; it begins with a message of the user's. */
export async function readHistory(
  mine: UserStore,
  conversationId: string,
  leafId: string,
  budget = historyTokens,
): Promise<ModelMessage[]> {
  const kept: Message[] = [];
  let tokens = 0;
  let before: string | undefined;
  do {
    const page = await mine.messages.branch(conversationId, before ? { before, limit: 100 } : { leafId, limit: 100 });
    for (const message of page.items.reverse()) {
      tokens += tokensOf(message);
      if (kept.length > 0 && tokens > budget) return toModel(kept);
      kept.unshift(message);
    }
    before = page.nextCursor ?? undefined;
  } while (before);
  return toModel(kept);
}

export function toUIMessage({ id, role, content, parts }: Message): UIMessage {
  return { id, role, parts: (parts ?? [{ type: "text", text: content }]) as UIMessage["parts"] };
}

async function toModel(kept: readonly Message[]): Promise<ModelMessage[]> {
  const first = kept.findIndex(({ role }) => role === "user");
  const said = kept.slice(first).filter(({ content, parts }) => content !== "" || (parts?.length ?? 0) > 0);
  const readable = said.map(toUIMessage).map((message) => ({ ...message, parts: message.parts.map(readablePart) }));
  try {
    return await convertToModelMessages(readable, { ignoreIncompleteToolCalls: true });
  } catch {
    // Parts are stored as they came, also from clients with parts of their own: then the words have to do.
    return said.map(({ role, content }) => ({ role, content }));
  }
}

/** A file that the message does not hold itself is only named: fetching it would let a chat reach into our network. */
function readablePart(part: UIMessage["parts"][number]): UIMessage["parts"][number] {
  if (part.type !== "file" || isDataUrl(part.url)) return part;
  return { type: "text", text: `[A file: ${part.filename ?? part.url ?? "without a name"}]` };
}

function isDataUrl(url: unknown): boolean {
  return typeof url === "string" && /^data:[\w.+-]+\/[\w.+-]+;base64,[A-Za-z0-9+/]*={0,2}$/.test(url);
}

function tokensOf({ content, parts }: Message): number {
  const characters = parts ? JSON.stringify(parts).length : content.length;
  return Math.ceil(characters / charactersPerToken);
}
