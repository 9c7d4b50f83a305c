/** /api/export and /api/import: all of one's data out, and conversations of other places in. */
import { createRoute, z } from "@hono/zod-openapi";
import { NotFoundError, type Store } from "chatkeep";
import { type FileImportEvent, fileImportEvent, importReport } from "chatkeep/wire";
import { eq } from "drizzle-orm";
import type { Database } from "../database.ts";
import { bodyForError } from "../error-response.ts";
import { createSlots, type Rows } from "../limits.ts";
import type { Log } from "../log.ts";
import { user } from "../models/index.ts";
import { type ExportedRecord, exported, withBytes } from "../transfer/export.ts";
import { lineFormats } from "../transfer/file-formats.ts";
import { productNames } from "../transfer/formats/names.ts";
import { formats } from "../transfer/formats.ts";
import { importLines } from "../transfer/import.ts";
import { linesOf } from "../transfer/lines.ts";
import { conversationLines } from "../transfer/one-conversation.ts";
import { keepUpload, storeUpload } from "../transfer/upload.ts";
import { whenOver } from "../transfer/when-over.ts";
import { createRouter } from "./router.ts";
import { responses } from "./schemas.ts";

const tags = ["Data"];
const exportedLines = {
  description: "JSON lines: the user, then tasks, then each conversation before its messages",
  content: { "application/x-ndjson": { schema: z.string() } },
};

const exportAll = createRoute({
  method: "get",
  path: "/export",
  tags,
  summary: "Everything of the user, as JSON lines",
  request: {
    query: z.object({
      format: z
        .enum(lineFormats, `must be one of ${lineFormats.join(", ")}`)
        .optional()
        .meta({ description: "The branch of each conversation that is shown, one on a line, as others read it." }),
    }),
  },
  // Typed as bytes: the types of Hono take every kind of JSON for one value.
  responses: { ...responses(200, z.string(), ""), 200: exportedLines } as unknown as {
    200: { description: string; content: { "application/octet-stream": { schema: z.ZodString } } };
  },
});

const importAll = createRoute({
  method: "post",
  path: "/import",
  tags,
  summary: "Store the conversations of a file; importing again brings in what is missing",
  description:
    "Send a large file in pieces of whole lines. A line that is wrong is reported, and the others go on; at most a hundred that are wrong are listed, and a hundred others.",
  request: {
    query: z.object({ format: z.enum(formats, `must be one of ${formats.join(", ")}`) }),
    body: { required: true, content: { "text/plain": { schema: z.string() } } },
  },
  responses: responses(200, importReport, "What became of each line"),
});

const events = {
  description: "JSON lines: how far it is, and last what became of it, or why it ended before its end",
  content: { "application/x-ndjson": { schema: fileImportEvent } },
};

const importWhole = createRoute({
  method: "post",
  path: "/import/file",
  tags,
  summary: "Store the conversations of another product's export; importing again brings in what is missing",
  description: `A file of at most 4 GiB, known by its shape: JSON, JSON lines, CSV or a ZIP of ${productNames}. Whoever leaves ends the import; what was stored stays.`,
  request: {
    query: z.object({
      name: z.string().max(255).optional().meta({ description: "What the file is called, for the report." }),
    }),
    body: { required: true, content: { "application/octet-stream": { schema: z.string() } } },
  },
  responses: { ...responses(200, z.string(), ""), 200: events } as unknown as {
    200: { description: string; content: { "application/octet-stream": { schema: z.ZodString } } };
  },
});

async function* recordLines(records: AsyncIterable<ExportedRecord>): AsyncGenerator<string> {
  for await (const record of records) yield `${JSON.stringify(record)}\n`;
}

export interface TransferLimits {
  log: Log;
  rows: Rows;
  transfersPerUser: number;
}

export function transferRoutes(db: Database, store: Store, { rows, transfersPerUser, log }: TransferLimits) {
  const slots = createSlots({
    perUser: transfersPerUser,
    sentence: "exports and imports at once are the limit of one user: wait for one to end.",
  });
  return createRouter()
    .openapi(exportAll, async (c) => {
      const [person] = await db
        .select()
        .from(user)
        .where(eq(user.id, c.get("userId")));
      if (!person) throw new NotFoundError("user", c.get("userId"));
      const giveBack = slots.take(person.id);
      const { format } = c.req.valid("query");
      const lines = format
        ? conversationLines(store.forUser(person.id), format)
        : recordLines(withBytes(exported(db, store, person), store.forUser(person.id)));
      const body = ReadableStream.from(whenOver(lines, giveBack)).pipeThrough(new TextEncoderStream());
      const name = `chatkeep-${format ? `${format}-` : ""}${new Date().toISOString().slice(0, 10)}.jsonl`;
      return new Response(body as ReadableStream<Uint8Array>, {
        headers: { "content-type": "application/x-ndjson", "content-disposition": `attachment; filename="${name}"` },
      });
    })
    .openapi(importWhole, async (c) => {
      const userId = c.get("userId");
      const { name = "file" } = c.req.valid("query");
      const giveBack = slots.take(userId);
      try {
        const upload = await keepUpload(c.req.raw.body);
        const gone = new AbortController();
        const beforeRows = (count: number) => rows.take(userId, count);
        const told = storeUpload(store.forUser(userId), userId, upload, { name, beforeRows, signal: gone.signal });
        const over = () => {
          gone.abort();
          giveBack();
          void upload.remove();
        };
        const body = ReadableStream.from(whenOver(linesFrom(told, log), over)) as ReadableStream<Uint8Array>;
        return c.body(body, 200, { "content-type": "application/x-ndjson" });
      } catch (error) {
        giveBack();
        throw error;
      }
    })
    .openapi(importAll, async (c) => {
      const userId = c.get("userId");
      const giveBack = slots.take(userId);
      try {
        const lines = linesOf(c.req.raw.body ?? ReadableStream.from([]));
        const take = (count: number) => rows.take(userId, count);
        const { format } = c.req.valid("query");
        return c.json(await importLines(store.forUser(userId), userId, format, lines, take), 200);
      } finally {
        giveBack();
      }
    });
}

/** What goes wrong after the beginning of an answer is its last line. */
async function* linesFrom(events: AsyncIterable<FileImportEvent>, log: Log): AsyncGenerator<Uint8Array> {
  const lineOf = (event: FileImportEvent) => new TextEncoder().encode(`${JSON.stringify(event)}\n`);
  try {
    for await (const event of events) yield lineOf(event);
  } catch (error) {
    yield lineOf({ type: "failed", ...bodyForError(error, log) });
  }
}
