/** /api/events: what changes, told to open pages. */
import { createRoute, z } from "@hono/zod-openapi";
import type { Events } from "../live/events.ts";
import type { OpenStreams } from "../live/open-streams.ts";
import { createRouter } from "./router.ts";
import { noContent } from "./schemas.ts";

const eventStream = {
  description:
    'Server-sent events, each the JSON of { "type": "ready" }, { "type": "conversation", "conversation": Conversation, "runId": uuid | null } or { "type": "deleted", "conversationId": uuid }',
  content: { "text/event-stream": { schema: z.string() } },
};

const listen = createRoute({
  method: "get",
  path: "/events",
  tags: ["Events"],
  summary: "Hear of new, renamed, deleted and updated conversations, and of replies that begin and end",
  description:
    "After ready, read what you show; from then on you are told. runId is the reply that is being written, or null. The stream ends after ten minutes at most: connect again, as EventSource does by itself.",
  responses: { ...noContent(""), 200: eventStream } as unknown as { 200: typeof eventStream },
});

export function eventRoutes(events: Events, streams: OpenStreams) {
  return createRouter().openapi(listen, (c) => events.stream(streams.open(c.get("userId"), c.req.raw.headers)));
}
