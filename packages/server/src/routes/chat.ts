/** /api/chat: the AI SDK's chat transport, so that `useChat` works as it is. */
import { createRoute, z } from "@hono/zod-openapi";
import { type ChatHandler, chatRequestSchema } from "chatkeep/ai-sdk";
import type { Answers } from "../answers.ts";
import { generationSettingsSchema } from "../assistant/generation-settings.ts";
import { createRouter } from "./router.ts";
import { idMeta, idParam, jsonBody, noContent, responses } from "./schemas.ts";

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
      chatRequestSchema.extend({ settings: generationSettingsSchema.optional() }).meta({
        type: "object",
        properties: {
          id: { ...idMeta, description: "The conversation." },
          message: {
            type: "object",
            description: "The question, an AI SDK UIMessage.",
            additionalProperties: true,
          },
          messages: { type: "array", items: { type: "object", additionalProperties: true } },
          trigger: { type: "string", enum: ["submit-message", "regenerate-message"] },
          messageId: { type: "string" },
          parentId: { ...idMeta, nullable: true },
          wait: { type: "boolean" },
          settings: {
            type: "object",
            properties: {
              temperature: { type: "number", minimum: 0, maximum: 2 },
              topP: { type: "number", minimum: 0, maximum: 1 },
              maxOutputTokens: { type: "integer", minimum: 1, maximum: 1_000_000 },
              reasoningEffort: { type: "string", enum: ["low", "medium", "high"] },
            },
            additionalProperties: false,
            description: "How this answer is to be made.",
          },
        },
        required: ["id"],
      }),
    ),
  },
  responses: { ...noContent(""), 200: eventStream } as unknown as { 200: typeof eventStream },
});

const history = createRoute({
  method: "get",
  path: "/chat/{id}",
  tags,
  summary: "The branch that is shown, as the AI SDK's UIMessages: what useChat begins with",
  request: { params: idParam() },
  responses: responses(
    200,
    z.array(z.looseObject({ id: z.string(), role: z.string(), parts: z.array(z.looseObject({ type: z.string() })) })),
    "From its first message on",
  ),
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

/** All of them are the library's handler, which finds whose request it is and its body read. */
export function chatRoutes(chat: ChatHandler, answers: Answers) {
  return createRouter()
    .openapi(ask, (c) => chat.handle(c.req.raw, { userId: c.get("userId"), body: c.req.valid("json") }))
    .openapi(history, async (c) => {
      const response = await chat.handle(c.req.raw, { userId: c.get("userId") });
      return answers.written(c, await response.text()) as never;
    })
    .openapi(reattach, (c) => chat.handle(c.req.raw, { userId: c.get("userId") }))
    .openapi(stop, (c) => chat.handle(c.req.raw, { userId: c.get("userId") }));
}
