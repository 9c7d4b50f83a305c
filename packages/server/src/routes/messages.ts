/** /api/conversations/{id}/messages, and the branch of them that is shown */
import { createRoute } from "@hono/zod-openapi";
import { idSchema, type Store } from "chatkeep";
import {
  appendBody,
  appended,
  asBranchMessage,
  asMessage,
  branchMessage,
  message,
  messageChange,
  pageOf,
} from "chatkeep/wire";
import { z } from "zod";
import type { Answers } from "../answers.ts";
import type { Rows } from "../limits.ts";
import { createRouter } from "./router.ts";
import { idMeta, idParam, jsonBody, messageLimitQuery, responses, seqQuery } from "./schemas.ts";

const tags = ["Messages"];
const path = "/conversations/{id}/messages";
const idQuery = idSchema.optional().meta(idMeta);

const list = createRoute({
  method: "get",
  path,
  tags,
  summary: "Read messages by seq: the last page, or the one before or after a seq",
  request: { params: idParam(), query: z.object({ limit: messageLimitQuery, before: seqQuery, after: seqQuery }) },
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
  request: { params: idParam(), query: z.object({ limit: messageLimitQuery, leaf: idQuery, before: idQuery }) },
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

const change = createRoute({
  method: "patch",
  path: `${path}/{messageId}`,
  tags,
  summary: "Change a message in place, if it is as it was read",
  request: { params: messageParams(), body: jsonBody(messageChange) },
  responses: responses(
    200,
    message,
    "The message as it is now; 409 with the revision that it has when that is another",
  ),
});

const redact = createRoute({
  method: "delete",
  path: `${path}/{messageId}`,
  tags,
  summary: "Take the content of a message away for good; its place stays",
  request: { params: messageParams() },
  responses: responses(200, message, "The message as it is now, with the status deleted"),
});

function messageParams() {
  return z.object({ id: idSchema.meta(idMeta), messageId: idSchema.meta(idMeta) });
}

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
    })
    .openapi(change, async (c) => {
      const { id, messageId } = c.req.valid("param");
      const { revision, ...changes } = c.req.valid("json");
      const changed = await store.forUser(c.get("userId")).messages.update(id, messageId, changes, { revision });
      return c.json(asMessage(changed), 200);
    })
    .openapi(redact, async (c) => {
      const { id, messageId } = c.req.valid("param");
      return c.json(asMessage(await store.forUser(c.get("userId")).messages.redact(id, messageId)), 200);
    });
}
