/** /api/tags, and those of a conversation. */
import { createRoute, z } from "@hono/zod-openapi";
import { idSchema, type Store } from "chatkeep";
import { asConversation, conversation } from "chatkeep/wire";
import type { Database } from "../database.ts";
import { listTags, tagConversation, tagsSchema } from "../tags.ts";
import { createRouter } from "./router.ts";
import { idMeta, jsonBody, responses } from "./schemas.ts";

const tags = ["Conversations"];

const list = createRoute({
  method: "get",
  path: "/tags",
  tags,
  summary: "List the tags of one's conversations, by name",
  responses: responses(
    200,
    z.object({ items: z.array(z.object({ name: z.string(), conversations: z.int() })) }),
    "All of them: at most 500",
  ),
});

const put = createRoute({
  method: "put",
  path: "/conversations/{id}/tags",
  tags,
  summary: "Tag a conversation, in the place of the tags that it has",
  request: { params: z.object({ id: idSchema.meta(idMeta) }), body: jsonBody(tagsSchema) },
  responses: responses(200, conversation, "The conversation, with them in its metadata as tags"),
});

export function tagRoutes(db: Database, store: Store) {
  return createRouter()
    .openapi(list, async (c) => c.json({ items: await listTags(db, c.get("userId")) }, 200))
    .openapi(put, async (c) => {
      const { id } = c.req.valid("param");
      return c.json(asConversation(await tagConversation(store, c.get("userId"), id, c.req.valid("json").tags)), 200);
    });
}
