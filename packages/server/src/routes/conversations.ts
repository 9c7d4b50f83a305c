/** /api/conversations */
import { createRoute } from "@hono/zod-openapi";
import { type Store, searchSchema } from "chatkeep";
import { asConversation, conversation, conversationChange, newConversation, pageOf } from "chatkeep/wire";
import { z } from "zod";
import type { Rows } from "../limits.ts";
import { createRouter } from "./router.ts";
import {
  cursorQuery,
  idParam,
  jsonBody,
  limitQuery,
  markQuery,
  metadataQuery,
  noContent,
  responses,
} from "./schemas.ts";

const tags = ["Conversations"];
const path = "/conversations/{id}";

const list = createRoute({
  method: "get",
  path: "/conversations",
  tags,
  summary: "List conversations, newest activity first",
  description: "Those in the archive come only with archived=true, or when searching.",
  request: {
    query: z.object({
      limit: limitQuery,
      cursor: cursorQuery,
      archived: markQuery,
      pinned: markQuery,
      search: searchSchema.optional().meta({ type: "string", description: "Words of the title, in whatever case." }),
      metadata: metadataQuery,
    }),
  },
  responses: responses(200, pageOf(conversation), "A page; 20 when no limit is given"),
});

const create = createRoute({
  method: "post",
  path: "/conversations",
  tags,
  summary: "Create a conversation, with its first messages if there are any",
  request: { body: jsonBody(newConversation) },
  responses: responses(201, conversation, "The conversation; the same id and payload again give it again"),
});

const get = createRoute({
  method: "get",
  path,
  tags,
  summary: "Read a conversation",
  request: { params: idParam() },
  responses: responses(200, conversation, "The conversation"),
});

const change = createRoute({
  method: "patch",
  path,
  tags,
  summary: "Rename, pin or archive a conversation, or show another of its branches",
  request: {
    params: idParam(),
    body: jsonBody(conversationChange),
  },
  responses: responses(200, conversation, "The conversation as it is now"),
});

const remove = createRoute({
  method: "delete",
  path,
  tags,
  summary: "Move a conversation to the trash, with all its messages",
  description: "A temporary one, and all where the server keeps no trash, are gone at once.",
  request: { params: idParam() },
  responses: noContent("It is in the trash"),
});

export function conversationRoutes(store: Store, rows: Rows) {
  return createRouter()
    .openapi(list, async (c) => {
      const { items, nextCursor } = await store.forUser(c.get("userId")).conversations.list(c.req.valid("query"));
      return c.json({ items: items.map(asConversation), nextCursor }, 200);
    })
    .openapi(create, async (c) => {
      const given = c.req.valid("json");
      await rows.take(c.get("userId"), 1 + (given.messages?.length ?? 0));
      const made = await store.forUser(c.get("userId")).conversations.create(given);
      return c.json(asConversation(made), 201);
    })
    .openapi(get, async (c) => {
      const found = await store.forUser(c.get("userId")).conversations.get(c.req.valid("param").id);
      return c.json(asConversation(found), 200);
    })
    .openapi(change, async (c) => {
      const { id } = c.req.valid("param");
      const { headId, lastMessageId, ...changes } = c.req.valid("json");
      const hasChanges = Object.keys(changes).length > 0;
      const changed = await store.forUser(c.get("userId")).transaction(id, async ({ conversations }) => {
        if (headId) await conversations.showBranch(id, headId);
        if (lastMessageId) await conversations.truncate(id, lastMessageId);
        else if (lastMessageId === null) await conversations.clear(id);
        return hasChanges ? await conversations.update(id, changes) : await conversations.get(id);
      });
      return c.json(asConversation(changed), 200);
    })
    .openapi(remove, async (c) => {
      const { id } = c.req.valid("param");
      await store.forUser(c.get("userId")).conversations.delete(id);
      return c.body(null, 204);
    });
}
