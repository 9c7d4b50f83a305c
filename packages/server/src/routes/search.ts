/** /api/search: messages by their words, and conversations by their titles */
import { createRoute } from "@hono/zod-openapi";
import { idSchema, type SearchOptions, type Store, searchFields } from "chatkeep";
import { asSearchPage, searchPage } from "chatkeep/wire";
import { z } from "zod";
import { createRouter } from "./router.ts";
import { cursorQuery, idMeta, limitQuery, markQuery, responses } from "./schemas.ts";

const timeMeta = { type: "string", format: "date-time" } as const;

const search = createRoute({
  method: "get",
  path: "/search",
  tags: ["Search"],
  summary: "Find messages by their words, and conversations by their titles",
  description:
    'All words must be there, whole or as the beginning of longer ones; "phrases" as they are; -words must not. Case, accents and width make no difference. What was stored a moment ago is found.',
  request: {
    query: z.object({
      text: z.string("must be a text").meta({ description: "At most 1,000 characters." }),
      limit: limitQuery,
      cursor: cursorQuery,
      in: z
        .string()
        .transform((text) => text.split(",") as SearchOptions["in"])
        .optional()
        .meta({
          type: "string",
          description: `Where to look, with commas between: ${searchFields.join(", ")}; text when left out.`,
        }),
      role: z
        .string()
        .optional()
        .meta({ type: "string", enum: ["user", "assistant", "system", "tool"] }),
      after: z.string().optional().meta(timeMeta),
      before: z.string().optional().meta(timeMeta),
      conversationId: idSchema.optional().meta(idMeta),
      archived: markQuery,
      sort: z
        .string()
        .optional()
        .meta({ type: "string", enum: ["newest", "best"] }),
    }),
  },
  responses: responses(200, searchPage, "A page; 20 when no limit is given"),
});

export function searchRoutes(store: Store) {
  return createRouter().openapi(search, async (c) => {
    // What these may be is looked at by the store, which says so in a sentence.
    const query = c.req.valid("query") as SearchOptions;
    return c.json(asSearchPage(await store.forUser(c.get("userId")).search(query)), 200);
  });
}
