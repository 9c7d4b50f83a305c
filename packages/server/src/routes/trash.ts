/** /api/trash: what was deleted, and can be restored for some days. */
import { createRoute } from "@hono/zod-openapi";
import type { Store } from "chatkeep";
import {
  asConversation,
  asErasureReceipt,
  asTrashedConversation,
  conversation,
  erasureReceipt,
  pageOf,
  trashedConversation,
} from "chatkeep/wire";
import { z } from "zod";
import { createRouter } from "./router.ts";
import { cursorQuery, idParam, limitQuery, responses } from "./schemas.ts";

const tags = ["Trash"];

const list = createRoute({
  method: "get",
  path: "/trash",
  tags,
  summary: "List what is in the trash, what was deleted last first",
  request: { query: z.object({ limit: limitQuery, cursor: cursorQuery }) },
  responses: responses(200, pageOf(trashedConversation), "A page; 20 when no limit is given"),
});

const restore = createRoute({
  method: "post",
  path: "/trash/{id}/restore",
  tags,
  summary: "Bring a conversation back from the trash, as it was",
  request: { params: idParam() },
  responses: responses(200, conversation, "The conversation"),
});

const purge = createRoute({
  method: "delete",
  path: "/trash/{id}",
  tags,
  summary: "Remove a conversation in the trash for good",
  request: { params: idParam() },
  responses: responses(200, erasureReceipt, "The receipt: rows removed, by table"),
});

const empty = createRoute({
  method: "delete",
  path: "/trash",
  tags,
  summary: "Remove all that is in the trash for good",
  responses: responses(200, erasureReceipt, "The receipt: rows removed, by table"),
});

export function trashRoutes(store: Store) {
  return createRouter()
    .openapi(list, async (c) => {
      const { items, nextCursor } = await store.forUser(c.get("userId")).conversations.trash(c.req.valid("query"));
      return c.json({ items: items.map(asTrashedConversation), nextCursor }, 200);
    })
    .openapi(restore, async (c) => {
      const restored = await store.forUser(c.get("userId")).conversations.restore(c.req.valid("param").id);
      return c.json(asConversation(restored), 200);
    })
    .openapi(purge, async (c) => {
      const receipt = await store.forUser(c.get("userId")).conversations.purge(c.req.valid("param").id);
      return c.json(asErasureReceipt(receipt), 200);
    })
    .openapi(empty, async (c) => {
      const receipt = await store.forUser(c.get("userId")).conversations.emptyTrash();
      return c.json(asErasureReceipt(receipt), 200);
    });
}
