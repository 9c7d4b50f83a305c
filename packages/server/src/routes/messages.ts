/** /api/conversations/{id}/messages, and the branch of them that is shown */
import { createRoute } from "@hono/zod-openapi";
import { idSchema, type Store } from "chatkeep";
import { appendBody, appended, asBranchMessage, asMessage, branchMessage, message, pageOf } from "chatkeep/wire";
import { z } from "zod";
import type { Answers } from "../answers.ts";
import type { Rows } from "../limits.ts";
import { createRouter } from "./router.ts";
import { idParam, jsonBody, limitQuery, responses, seqQuery } from "./schemas.ts";

const tags = ["Messages"];
const path = "/conversations/{id}/messages";
const uuidQuery = idSchema.optional().meta({ type: "string", format: "uuid" });

const list = createRoute({
  method: "get",
  path,
  tags,
  summary: "Read messages by seq: the last page, or the one before or after a seq",
  request: { params: idParam(), query: z.object({ limit: limitQuery, before: seqQuery, after: seqQuery }) },
  responses: responses(
    200,
    pageOf(message),
    "In ascending seq. nextCursor is the before of the next older page, or with after the after of the next newer one",
  ),
});

const branch = createRoute({
  method: "get",
  path: "/conversations/{id}/branch",
  tags,
  summary: "Read one branch: from a message (the head when none is named) up to the first question",
  request: { params: idParam(), query: z.object({ limit: limitQuery, leaf: uuidQuery, before: uuidQuery }) },
  responses: responses(
    200,
    pageOf(branchMessage),
    "In the order in which they were said; nextCursor is the before of the page above",
  ),
});

const append = createRoute({
  method: "post",
  path,
  tags,
  summary: "Append messages, all or none",
  request: {
    params: idParam(),
    body: jsonBody(appendBody),
  },
  responses: responses(
    201,
    appended,
    "The messages as they are stored; the same ids and payloads again give them again",
  ),
});

export function messageRoutes(store: Store, rows: Rows, answers: Answers) {
  return createRouter()
    .openapi(list, async (c) => {
      const { id } = c.req.valid("param");
      const { items, nextCursor } = await store.forUser(c.get("userId")).messages.list(id, c.req.valid("query"));
      return answers.json(c, { items: items.map(asMessage), nextCursor });
    })
    .openapi(branch, async (c) => {
      const { id } = c.req.valid("param");
      const { leaf, ...options } = c.req.valid("query");
      const { messages } = store.forUser(c.get("userId"));
      const { items, nextCursor } = await messages.branchWithSiblings(id, { ...options, leafId: leaf });
      return answers.json(c, { items: items.map(asBranchMessage), nextCursor });
    })
    .openapi(append, async (c) => {
      const { messages, expectedSeq } = c.req.valid("json");
      const { id } = c.req.valid("param");
      await rows.take(c.get("userId"), messages.length);
      const items = await store.forUser(c.get("userId")).messages.append(id, messages, { expectedSeq });
      return c.json({ items: items.map(asMessage) }, 201);
    });
}
