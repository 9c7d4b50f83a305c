/** What users think of answers: at each message, and all of it in /api/feedback. */
import { createRoute, z } from "@hono/zod-openapi";
import { idSchema, type Store } from "chatkeep";
import { pageOf } from "chatkeep/wire";
import type { Database } from "../database.ts";
import { type Feedback, giveFeedback, listFeedback, newFeedbackSchema, takeBackFeedback } from "../feedback.ts";
import type { Rows } from "../limits.ts";
import { ratings } from "../models/index.ts";
import { createRouter } from "./router.ts";
import { cursorQuery, idMeta, jsonBody, limitQuery, noContent, responses } from "./schemas.ts";

const tags = ["Feedback"];
const path = "/conversations/{id}/messages/{messageId}/feedback";
const time = z.iso.datetime();
const params = () => z.object({ id: idSchema.meta(idMeta), messageId: idSchema.meta(idMeta) });

const given = z
  .object({
    conversationId: z.string(),
    messageId: z.string(),
    rating: z.enum(ratings),
    tags: z.array(z.string()),
    comment: z.string().nullable(),
    createdAt: time,
    updatedAt: time,
  })
  .meta({ id: "Feedback" });

const put = createRoute({
  method: "put",
  path,
  tags,
  summary: "Say what is thought of an answer, in the place of what was said before",
  request: { params: params(), body: jsonBody(newFeedbackSchema) },
  responses: responses(200, given, "What is kept now"),
});

const takeBack = createRoute({
  method: "delete",
  path,
  tags,
  summary: "Take it back",
  request: { params: params() },
  responses: noContent("There is none of this message"),
});

const list = createRoute({
  method: "get",
  path: "/feedback",
  tags,
  summary: "List what was thought of answers, newest first",
  request: {
    query: z.object({ conversationId: idSchema.optional().meta(idMeta), limit: limitQuery, cursor: cursorQuery }),
  },
  responses: responses(200, pageOf(given), "All of it, or that of a conversation; 100 to a page"),
});

export interface FeedbackOptions {
  db: Database;
  store: Store;
  rows: Rows;
}

export function feedbackRoutes({ db, store, rows }: FeedbackOptions) {
  return createRouter()
    .openapi(put, async (c) => {
      const { id: conversationId, messageId } = c.req.valid("param");
      await rows.take(c.get("userId"), 1);
      const place = { conversationId, messageId };
      return c.json(asFeedback(await giveFeedback(db, store, c.get("userId"), place, c.req.valid("json"))), 200);
    })
    .openapi(takeBack, async (c) => {
      const { id: conversationId, messageId } = c.req.valid("param");
      await store.forUser(c.get("userId")).conversations.get(conversationId);
      await takeBackFeedback(db, c.get("userId"), { conversationId, messageId });
      return c.body(null, 204);
    })
    .openapi(list, async (c) => {
      const { items, nextCursor } = await listFeedback(db, c.get("userId"), c.req.valid("query"));
      return c.json({ items: items.map(asFeedback), nextCursor }, 200);
    });
}

function asFeedback({ createdAt, updatedAt, ...row }: Feedback): z.infer<typeof given> {
  return { ...row, createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString() };
}
