/** /api/chat: the AI SDK's chat transport, so that `useChat` works as it is. */
import { createRoute, z } from "@hono/zod-openapi";
import type { Rows } from "../limits.ts";
import type { OpenStreams } from "../live/open-streams.ts";
import { chatRequestSchema, questionOf } from "../reply/question.ts";
import type { Replies } from "../reply/run.ts";
import { placeIn } from "../reply/stream.ts";
import { createRouter } from "./router.ts";
import { idParam, jsonBody, noContent } from "./schemas.ts";

const tags = ["Chat"];
const eventStream = {
  description: "The AI SDK's UI message stream, as server-sent events, ended by [DONE]",
  content: { "text/event-stream": { schema: z.string() } },
};

const ask = createRoute({
  method: "post",
  path: "/chat",
  tags,
  summary: "Ask: the question is stored, then the reply is streamed, and stored when it ends",
  description:
    "Takes { id, message } or { id, messages, trigger, messageId? }; only the newest user message is taken, history comes from the database. parentId says where a question belongs that is not the next one (null: a new beginning). A conversation that does not exist yet is made. The same message id and payload again gives its answer again. 409 while another reply of the conversation is being written; with wait: true the request waits for its turn instead, at most five minutes.",
  request: {
    body: jsonBody(
      chatRequestSchema.meta({
        type: "object",
        properties: {
          id: { type: "string", format: "uuid", description: "The conversation." },
          message: {
            type: "object",
            description: "The question, an AI SDK UIMessage with a UUID.",
            additionalProperties: true,
          },
          messages: { type: "array", items: { type: "object", additionalProperties: true } },
          trigger: { type: "string", enum: ["submit-message", "regenerate-message"] },
          messageId: { type: "string" },
          parentId: { type: "string", format: "uuid", nullable: true },
          wait: { type: "boolean" },
        },
        required: ["id"],
      }),
    ),
  },
  responses: { ...noContent(""), 200: eventStream } as unknown as { 200: typeof eventStream },
});

const reattach = createRoute({
  method: "get",
  path: "/chat/{id}/stream",
  tags,
  summary: "Follow the running reply, from its beginning or from Last-Event-ID on",
  description:
    "Each event has an id, `<run>:<number>`. With Last-Event-ID the events after that one come, also of a reply that has ended within the last five minutes. 204 when there is nothing to follow: read the messages.",
  request: {
    params: idParam(),
    headers: z.object({
      "last-event-id": z.string().optional().meta({ description: "The id of the last event that arrived." }),
    }),
  },
  responses: { ...noContent("No reply is running"), 200: eventStream } as unknown as { 200: typeof eventStream },
});

const stop = createRoute({
  method: "post",
  path: "/chat/{id}/stop",
  tags,
  summary: "Stop the running reply, whichever server writes it; what was written stays",
  request: { params: idParam() },
  responses: noContent("It stops within a second, or none was running"),
});

export function chatRoutes(replies: Replies, streams: OpenStreams, rows: Rows) {
  return createRouter()
    .openapi(ask, async (c) => {
      const question = questionOf(c.req.valid("json"));
      const userId = c.get("userId");
      await rows.take(userId, 2);
      const stream = streams.open(userId, c.req.raw.headers);
      return await replies.answer(stream, question, c.req.raw.signal).catch((error: unknown) => {
        stream.release();
        throw error;
      });
    })
    .openapi(reattach, async (c) => {
      const place = placeIn(c.req.valid("header")["last-event-id"]);
      const { id } = c.req.valid("param");
      const stream = streams.open(c.get("userId"), c.req.raw.headers);
      const response = await replies.reattach(stream, id, place).catch((error: unknown) => {
        stream.release();
        throw error;
      });
      if (!response) stream.release();
      return response ?? c.body(null, 204);
    })
    .openapi(stop, async (c) => {
      await replies.stop(c.get("userId"), c.req.valid("param").id);
      return c.body(null, 204);
    });
}
