/** What a model is offered of one user's chats: to search them, to read one, and to see the newest. Nothing in it writes. */
import { McpServer } from "@modelcontextprotocol/server";
import * as z from "zod";
import { ChatkeepError } from "../../errors.ts";
import { translate } from "../../sql/sqlstate.ts";
import type { Message } from "../../store/tables/message.ts";
import type { UserStore } from "../../store/user-verbs.ts";

/** Whose chats, and where people open them. */
export interface McpServerOptions {
  user: UserStore;
  /** The address of a chat, for citations; none when left out. */
  urlOf?: ((conversationId: string) => string) | undefined;
  /** Told of errors that are not the caller's. */
  onError?: ((error: unknown) => void) | undefined;
}

const max = { results: 20, messages: 50, chars: 100_000 };

const result = z.object({ id: z.string(), title: z.string(), url: z.string() });
const document = result.extend({ text: z.string(), metadata: z.record(z.string(), z.string()) });
const chat = result.extend({ updatedAt: z.string(), messages: z.number().int() });

const readOnly = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false };

/**
 * Makes the MCP server of one user, with the tools `search` and `fetch` as ChatGPT's connectors expect them, and `recent_chats`.
 * It serves one connection, or one request.
 */
export function createMcpServer(options: McpServerOptions): McpServer {
  const { user, urlOf = () => "" } = options;
  const server = new McpServer(
    { name: "chatkeep", title: "Chats", version: "0.1.0" },
    {
      instructions: "Finds and reads the user's own earlier chats. Search first, then fetch what was found by its id.",
    },
  );
  server.registerTool(
    "search",
    {
      title: "Search chats",
      description:
        'Finds the user\'s chats that have all of these words, newest first: "phrases" as they are, -words not. Give few, telling words.',
      inputSchema: z.strictObject({ query: z.string().describe("Words to find, at most 1,000 characters.") }),
      outputSchema: z.object({ results: z.array(result) }),
      annotations: readOnly,
    },
    ({ query }) => answered(options, async () => ({ results: await found(user, query, urlOf) })),
  );
  server.registerTool(
    "fetch",
    {
      title: "Read a chat",
      description: "Gives the text of a chat that search or recent_chats has found, by its id, up to what was found.",
      inputSchema: z.strictObject({ id: z.string().describe("An id of search or recent_chats, as it was given.") }),
      outputSchema: document,
      annotations: readOnly,
    },
    ({ id }) => answered(options, () => read(user, id, urlOf)),
  );
  server.registerTool(
    "recent_chats",
    {
      title: "Recent chats",
      description: "Lists the user's chats with the newest activity.",
      inputSchema: z.strictObject({ limit: z.number().int().min(1).max(max.results).optional() }),
      outputSchema: z.object({ chats: z.array(chat) }),
      annotations: readOnly,
    },
    ({ limit }) => answered(options, async () => ({ chats: await recent(user, limit, urlOf) })),
  );
  return server;
}

type UrlOf = (conversationId: string) => string;

/** As structured content, and as one text with the same JSON; what is the caller's mistake as a sentence that the model can read. */
async function answered({ onError }: McpServerOptions, work: () => Promise<Record<string, unknown>>) {
  try {
    const structuredContent = await work();
    return { structuredContent, content: [{ type: "text" as const, text: JSON.stringify(structuredContent) }] };
  } catch (thrown) {
    const error = translate(thrown);
    const isKnown = error instanceof ChatkeepError;
    if (!isKnown || error.status >= 500) onError?.(error);
    const text = isKnown ? error.message : "Something went wrong on our side: try again.";
    return { isError: true, content: [{ type: "text" as const, text }] };
  }
}

/** Each chat once, with its newest message that was found. */
async function found(user: UserStore, query: string, urlOf: UrlOf) {
  const { items, conversations } = await user.search({ text: query, limit: 100 });
  const results = new Map<string, z.infer<typeof result>>();
  for (const { conversationId, messageId, title, snippet } of items) {
    if (results.has(conversationId)) continue;
    const id = idOf(conversationId, messageId);
    results.set(conversationId, { id, title: title ?? snippet.text, url: urlOf(conversationId) });
  }
  for (const { conversationId, title } of conversations) {
    if (results.has(conversationId)) continue;
    results.set(conversationId, { id: idOf(conversationId), title, url: urlOf(conversationId) });
  }
  return [...results.values()].slice(0, max.results);
}

async function read(user: UserStore, id: string, urlOf: UrlOf) {
  const { conversationId, messageId } = namedBy(id);
  const { title, createdAt, updatedAt, messageCount } = await user.conversations.get(conversationId);
  const { items, nextCursor } = await user.messages.branch(conversationId, {
    limit: max.messages,
    ...(messageId !== undefined && { leafId: messageId }),
  });
  const text = items
    .filter(({ content }) => content !== "")
    .map(spoken)
    .join("\n\n");
  const isCut = nextCursor !== null || text.length > max.chars;
  return {
    id,
    title: title ?? "Chat",
    text: `${isCut ? "[What came before is left out.]\n\n" : ""}${text.slice(-max.chars).toWellFormed()}`,
    url: urlOf(conversationId),
    metadata: {
      conversationId,
      createdAt: createdAt.toISOString(),
      updatedAt: updatedAt.toISOString(),
      messages: String(messageCount),
    },
  };
}

async function recent(user: UserStore, limit: number | undefined, urlOf: UrlOf) {
  const { items } = await user.conversations.list({ limit: limit ?? 10 });
  return items.map(({ id, title, updatedAt, messageCount }) => ({
    id: idOf(id),
    title: title ?? "Chat",
    url: urlOf(id),
    updatedAt: updatedAt.toISOString(),
    messages: messageCount,
  }));
}

function spoken({ role, content }: Message): string {
  return `${role}: ${content}`;
}

/** Ids are any text: both are encoded, with a slash between. */
function idOf(conversationId: string, messageId?: string): string {
  const all = messageId === undefined ? [conversationId] : [conversationId, messageId];
  return all.map(encodeURIComponent).join("/");
}

function namedBy(id: string): { conversationId: string; messageId: string | undefined } {
  try {
    const [conversationId = "", messageId] = id.split("/").map(decodeURIComponent);
    return { conversationId, messageId };
  } catch {
    return { conversationId: id, messageId: undefined };
  }
}
