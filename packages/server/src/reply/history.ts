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

function toModel(kept: readonly Message[]): Promise<ModelMessage[]> {
  const first = kept.findIndex(({ role }) => role === "user");
  const said = kept.slice(first).filter(({ content, parts }) => content !== "" || (parts?.length ?? 0) > 0);
  return convertToModelMessages(said.map(toUIMessage), { ignoreIncompleteToolCalls: true });
}

function tokensOf({ content, parts }: Message): number {
  const characters = parts ? JSON.stringify(parts).length : content.length;
  return Math.ceil(characters / charactersPerToken);
}
