/** OpenAI's Conversations API over HTTP: `new OpenAI({ baseURL, apiKey })` of any language, with `baseURL` where `basePath` is. */

import type { HonoRequest } from "hono";
import type { Conversation } from "../../store/tables/conversation.ts";
import type { UserStore } from "../../store/user-verbs.ts";
import { createProtocolApp, type ProtocolHandler, type ProtocolOptions } from "../frame/http.ts";
import { errors } from "./errors.ts";
import { newId } from "./ids.ts";
import { deleteItem, getItem, listItems, listOf } from "./item-list.ts";
import { messageOf, toItems } from "./items.ts";
import { type Answers, addResponses } from "./responses.ts";
import {
  conversationChangesSchema,
  itemListSchema,
  itemQuerySchema,
  newConversationSchema,
  newItemsSchema,
} from "./schemas.ts";

/** What of a host the handler needs. */
export interface OpenaiHandlerOptions extends ProtocolOptions {
  /** What answers at `/responses`; these addresses are not there when left out. */
  answers?: Answers | undefined;
}

/** Makes the handler: to be called with requests of `<basePath>/conversations` and below. */
export function openaiHandler(options: OpenaiHandlerOptions): ProtocolHandler {
  const { app, handler } = createProtocolApp({ ...options, errors });

  app.post("/conversations", async (c) => {
    const { items, metadata } = await c.get("json")(newConversationSchema);
    const seed = seedOf(c.req);
    const messages = messagesOf(items ?? [], seed);
    await c.get("write")(1 + messages.length);
    const created = await c.get("user").conversations.create({
      id: newId("conv", seed),
      ...(metadata && { metadata }),
      ...(messages.length > 0 && { messages }),
    });
    return c.json(conversationOf(created));
  });

  app.get("/conversations/:id", async (c) => {
    return c.json(conversationOf(await c.get("user").conversations.get(c.req.param("id"))));
  });

  app.post("/conversations/:id", async (c) => {
    const { metadata } = await c.get("json")(conversationChangesSchema);
    await c.get("write")(1);
    return c.json(conversationOf(await changeMetadata(c.get("user"), c.req.param("id"), metadata ?? {})));
  });

  app.delete("/conversations/:id", async (c) => {
    const { id } = await c.get("user").conversations.get(c.req.param("id"));
    await c.get("user").conversations.delete(id);
    return c.json({ id, object: "conversation.deleted", deleted: true });
  });

  app.post("/conversations/:id/items", async (c) => {
    c.get("query")(itemQuerySchema);
    const { items } = await c.get("json")(newItemsSchema);
    await c.get("write")(items.length);
    const messages = messagesOf(items, seedOf(c.req));
    const stored = await c.get("user").messages.append(c.req.param("id"), messages);
    return c.json(listOf(stored.flatMap(toItems)));
  });

  app.get("/conversations/:id/items", async (c) => {
    return c.json(await listItems(c.get("user"), c.req.param("id"), c.get("query")(itemListSchema)));
  });

  app.get("/conversations/:id/items/:itemId", async (c) => {
    c.get("query")(itemQuerySchema);
    return c.json(await getItem(c.get("user"), c.req.param("id"), c.req.param("itemId")));
  });

  app.delete("/conversations/:id/items/:itemId", async (c) => {
    await deleteItem(c.get("user"), c.req.param("id"), c.req.param("itemId"));
    return c.json(conversationOf(await c.get("user").conversations.get(c.req.param("id"))));
  });

  if (options.answers) addResponses(app, options.answers);
  return handler;
}

/** What ids are made of where a client says that a request is the same as one before. */
function seedOf(request: HonoRequest): string | undefined {
  const key = request.header("idempotency-key");
  return key && `${request.path} ${key}`;
}

function messagesOf(items: readonly Record<string, unknown>[], seed: string | undefined) {
  return items.map((item, index) => messageOf(item, seed && `${seed} ${index}`));
}

/** Its pairs of texts; what else a host keeps with a conversation has no place in OpenAI's metadata. */
function conversationOf({ id, createdAt, metadata }: Conversation) {
  return {
    id,
    object: "conversation",
    created_at: Math.floor(createdAt.getTime() / 1_000),
    metadata: Object.fromEntries(Object.entries(metadata ?? {}).filter(([, value]) => typeof value === "string")),
  };
}

/** What a host keeps there that is no text stays. */
async function changeMetadata(user: UserStore, id: string, given: Record<string, string>): Promise<Conversation> {
  return await user.transaction(id, async (mine) => {
    const { metadata } = await mine.conversations.get(id);
    const others = Object.entries(metadata ?? {}).filter(([, value]) => typeof value !== "string");
    return await mine.conversations.update(id, { metadata: { ...Object.fromEntries(others), ...given } });
  });
}
