/** /api/files: files for messages to name, sent and read as they are. */
import { createRoute, z } from "@hono/zod-openapi";
import { InvalidInputError, type Store, limits as storeLimits } from "chatkeep";
import { asFile, pageOf, storedFile } from "chatkeep/wire";
import { create as contentDisposition } from "content-disposition";
import { createSlots, type Limits, type Rows } from "../limits.ts";
import { asIs, isUnchanged, rangeOf, shownInPages } from "./file-answers.ts";
import { createRouter } from "./router.ts";
import { cursorQuery, limitQuery, noContent, responses, uuidParam } from "./schemas.ts";

const tags = ["Files"];
const bytes = { "application/octet-stream": { schema: z.string() } };
/** Typed as bytes, as they are sent. */
type Bytes = { description: string; content: { "application/octet-stream": { schema: z.ZodString } } };

const send = createRoute({
  method: "post",
  path: "/files",
  tags,
  summary: "Send a file, for a message to name by its url",
  description: `The file itself as the body, of 1 byte to ${storeLimits.fileBytes / 1024 / 1024} MiB; its Content-Type counts where the bytes do not contradict it. Its url goes into a part { type: "file", mediaType, url, filename } of a message. A file that no message has named for ${storeLimits.unusedFileHours} hours is removed.`,
  request: {
    query: z.object({
      name: z.string("must be the name of the file").meta({ description: "At most 255 characters." }),
    }),
    body: { required: true, content: bytes },
  },
  responses: responses(201, storedFile, "What it is, by its bytes"),
});

const list = createRoute({
  method: "get",
  path: "/files",
  tags,
  summary: "Files, newest first",
  request: { query: z.object({ limit: limitQuery, cursor: cursorQuery }) },
  responses: responses(200, pageOf(storedFile), "A page; 50 when no limit is given"),
});

const read = createRoute({
  method: "get",
  path: "/files/{id}",
  tags,
  summary: "The bytes of a file, whole or a range of them",
  request: {
    params: uuidParam(),
    query: z.object({
      download: z
        .literal("true", 'must be "true"')
        .optional()
        .meta({ description: "Saved and not shown, whatever it is." }),
    }),
  },
  responses: {
    ...responses(200, z.string(), ""),
    200: { description: "As they were sent", content: bytes },
    206: { description: "The range that Range asks for", content: bytes },
    304: { description: "It is the one that If-None-Match names" },
    416: { description: "The file is shorter than that range" },
  } as unknown as { 200: Bytes; 206: Bytes; 304: { description: string }; 416: { description: string } },
});

const remove = createRoute({
  method: "delete",
  path: "/files/{id}",
  tags,
  summary: "Remove a file that no message names",
  request: { params: uuidParam() },
  responses: noContent("It is gone; conflict while a message names it"),
});

export function fileRoutes(store: Store, rows: Rows, { uploadsPerUser }: Pick<Limits, "uploadsPerUser">) {
  const slots = createSlots({
    perUser: uploadsPerUser,
    sentence: "files that are being sent at once are the limit of one user: wait for one to end.",
    retryAfter: 1,
  });
  return createRouter()
    .openapi(send, async (c) => {
      const mediaType = c.req.header("content-type") || undefined;
      if (/^multipart\//i.test(mediaType ?? "")) {
        throw new InvalidInputError("Send the file itself as the body, not a form, and its name as ?name=.");
      }
      const userId = c.get("userId");
      const giveBack = slots.take(userId);
      try {
        await rows.take(userId, 1);
        const { name } = c.req.valid("query");
        const data = c.req.raw.body ?? new Uint8Array();
        return c.json(asFile(await store.forUser(userId).files.put({ name, mediaType, data })), 201);
      } finally {
        giveBack();
      }
    })
    .openapi(list, async (c) => {
      const { items, nextCursor } = await store.forUser(c.get("userId")).files.list(c.req.valid("query"));
      return c.json({ items: items.map(asFile), nextCursor }, 200);
    })
    .openapi(read, async (c) => {
      const { files } = store.forUser(c.get("userId"));
      const file = await files.get(c.req.valid("param").id);
      const isShown = c.req.valid("query").download === undefined && shownInPages(file.mediaType);
      const headers = {
        ...asIs(file),
        "content-disposition": contentDisposition(file.name, { type: isShown ? "inline" : "attachment" }),
      };
      if (isUnchanged(c.req.header("if-none-match"), file)) return c.body(null, 304, headers);
      const range = rangeOf(c.req.header("range"), c.req.header("if-range"), file);
      if (range === "outside") return c.body(null, 416, { "content-range": `bytes */${file.size}` });
      const length = String(range ? range.end - range.start : file.size);
      const stream = c.req.method === "HEAD" ? [] : await files.stream(file.id, range);
      const body = ReadableStream.from(stream) as ReadableStream<Uint8Array>;
      if (!range) return c.body(body, 200, { ...headers, "content-length": length });
      const place = `bytes ${range.start}-${range.end - 1}/${file.size}`;
      return c.body(body, 206, { ...headers, "content-length": length, "content-range": place });
    })
    .openapi(remove, async (c) => {
      await store.forUser(c.get("userId")).files.remove(c.req.valid("param").id);
      return c.body(null, 204);
    });
}
