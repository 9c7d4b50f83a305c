/** /api/conversations/{id}/export */
import { createRoute, z } from "@hono/zod-openapi";
import type { Store } from "chatkeep";
import { create as contentDisposition } from "content-disposition";
import { createSlots, type Limits } from "../limits.ts";
import { fileFormats, fileKinds } from "../transfer/file-formats.ts";
import { fileNameOf } from "../transfer/file-name.ts";
import { openConversationFile } from "../transfer/one-conversation.ts";
import { whenOver } from "../transfer/when-over.ts";
import { createRouter } from "./router.ts";
import { idParam, responses } from "./schemas.ts";

const file = {
  description:
    "The branch that is shown: as Markdown to read, as JSON with all that is kept of each message, as messages of the AI SDK, or as items of OpenAI",
  content: { "text/markdown": { schema: z.string() }, "application/json": { schema: z.object({}) } },
};

const read = createRoute({
  method: "get",
  path: "/conversations/{id}/export",
  tags: ["Conversations"],
  summary: "A conversation as a file",
  request: {
    params: idParam(),
    query: z.object({ format: z.enum(fileFormats, `must be one of ${fileFormats.join(", ")}`) }),
  },
  // Typed as bytes, as they are written.
  responses: { ...responses(200, z.string(), ""), 200: file } as unknown as {
    200: { description: string; content: { "application/octet-stream": { schema: z.ZodString } } };
  },
});

export function conversationExportRoutes(store: Store, { transfersPerUser }: Pick<Limits, "transfersPerUser">) {
  const slots = createSlots({
    perUser: transfersPerUser,
    sentence: "conversations that are written into files at once are the limit of one user: wait for one to end.",
  });
  return createRouter().openapi(read, async (c) => {
    const { format } = c.req.valid("query");
    const userId = c.get("userId");
    const giveBack = slots.take(userId);
    const { conversation, pieces } = await openConversationFile(
      store.forUser(userId),
      c.req.valid("param").id,
      format,
    ).catch((error: unknown) => {
      giveBack();
      throw error;
    });
    const { ending, mediaType } = fileKinds[format];
    const name = fileNameOf(conversation, ending);
    const body = ReadableStream.from(whenOver(pieces, giveBack)).pipeThrough(new TextEncoderStream());
    return c.body(body as ReadableStream<Uint8Array>, 200, {
      "content-type": mediaType,
      "content-disposition": contentDisposition(name),
    });
  });
}
