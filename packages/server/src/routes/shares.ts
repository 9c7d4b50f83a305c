/** /api/shares: links to conversations; and /s/…, the page that anybody with one reads. */
import { createRoute, z } from "@hono/zod-openapi";
import { idSchema, type Store } from "chatkeep";
import type { Database } from "../database.ts";
import type { Rows } from "../limits.ts";
import { languageOf, lostPage, sharedPage } from "../shared-page.ts";
import { createShare, endShare, listShares, newShareSchema, readShared, type Share } from "../shares.ts";
import { createRouter } from "./router.ts";
import { idMeta, jsonBody, noContent, responses } from "./schemas.ts";

const tags = ["Sharing"];
const time = z.iso.datetime();

const shared = z
  .object({
    id: z.string(),
    url: z.url().meta({ description: "The page that anybody with it reads." }),
    conversationId: z.string(),
    messageId: z.string().meta({ description: "The last message that is shown." }),
    createdAt: time,
    expiresAt: time.nullable(),
  })
  .meta({ id: "Share" });

const make = createRoute({
  method: "post",
  path: "/shares",
  tags,
  summary: "Make a link by which anybody reads a conversation up to a message",
  description:
    "Nothing is copied: what is redacted, deleted or erased is gone from the page too. What was said after the message is not shown.",
  request: { body: jsonBody(newShareSchema) },
  responses: responses(201, shared, "The link"),
});

const list = createRoute({
  method: "get",
  path: "/shares",
  tags,
  summary: "List the links, newest first",
  request: { query: z.object({ conversationId: idSchema.optional().meta(idMeta) }) },
  responses: responses(
    200,
    z.object({ items: z.array(shared.extend({ title: z.string().nullable() })) }),
    "All of them, or those of a conversation: at most 200",
  ),
});

const end = createRoute({
  method: "delete",
  path: "/shares/{id}",
  tags,
  summary: "End a link",
  request: { params: z.object({ id: z.string().max(255) }) },
  responses: noContent("It leads nowhere any more"),
});

export interface SharingOptions {
  db: Database;
  store: Store;
  rows: Rows;
  /** The public address of the server. */
  url: string;
}

export function shareRoutes({ db, store, rows, url }: SharingOptions) {
  const asShare = ({ createdAt, expiresAt, ...row }: Share): z.infer<typeof shared> => ({
    ...row,
    url: `${url}/s/${row.id}`,
    createdAt: createdAt.toISOString(),
    expiresAt: expiresAt?.toISOString() ?? null,
  });
  return createRouter()
    .openapi(make, async (c) => {
      await rows.take(c.get("userId"), 1);
      return c.json(asShare(await createShare(db, store, c.get("userId"), c.req.valid("json"))), 201);
    })
    .openapi(list, async (c) => {
      const found = await listShares(db, store, c.get("userId"), c.req.valid("query").conversationId);
      return c.json({ items: found.map(({ title, ...each }) => ({ ...asShare(each), title })) }, 200);
    })
    .openapi(end, async (c) => {
      await endShare(db, c.get("userId"), c.req.valid("param").id);
      return c.body(null, 204);
    });
}

/** The page itself, for whoever comes. */
export function sharedPageRoutes({ db, store }: Pick<SharingOptions, "db" | "store">) {
  return createRouter().get("/s/:id", async (c) => {
    const language = languageOf(c.req.header("accept-language"));
    const found = await readShared(db, store, c.req.param("id"));
    // Asked anew each time, so that a link that was ended has ended.
    c.header("cache-control", "no-store");
    return found ? c.html(sharedPage(found, language)) : c.html(lostPage(language), 404);
  });
}
