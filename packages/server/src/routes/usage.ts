/** /api/usage: what a user's replies have taken. /api/quotas: what is left. */
import { createRoute } from "@hono/zod-openapi";
import { type Store, type UsageOptions, usageKinds } from "chatkeep";
import { asQuotaUse, asUsageSum, pageOf, quotaUse, usageSum } from "chatkeep/wire";
import { z } from "zod";
import { type Quotas, quotasFor } from "../limits.ts";
import { createRouter } from "./router.ts";
import { cursorQuery, limitQuery, responses } from "./schemas.ts";

const dayMeta = { type: "string", format: "date", example: "2026-11-26" } as const;

const sums = createRoute({
  method: "get",
  path: "/usage",
  tags: ["Usage"],
  summary: "What your replies have taken, by days, models or conversations",
  description:
    "Days are those of UTC, newest first; models and conversations come with the most tokens first. A conversation that was deleted is in the sums of days and models still. Tokens are as models reported them.",
  request: {
    query: z.object({
      by: z.string("must be one of day, model, conversation").meta({ type: "string", enum: [...usageKinds] }),
      after: z
        .string()
        .optional()
        .meta({ ...dayMeta, description: "From this day on." }),
      before: z
        .string()
        .optional()
        .meta({ ...dayMeta, description: "Until the day before this one." }),
      limit: limitQuery,
      cursor: cursorQuery,
    }),
  },
  responses: responses(200, pageOf(usageSum), "A page; 100 when no limit is given"),
});

const quotas = createRoute({
  method: "get",
  path: "/quotas",
  tags: ["Usage"],
  summary: "How you stand to the quotas of this server",
  request: {},
  responses: responses(200, z.object({ items: z.array(quotaUse) }), "All of them; none where there are no quotas"),
});

export function usageRoutes(store: Store, given: Quotas | undefined) {
  return createRouter()
    .openapi(sums, async (c) => {
      // What these may be is looked at by the store, which says so in a sentence.
      const query = c.req.valid("query") as UsageOptions;
      const { items, nextCursor } = await store.forUser(c.get("userId")).usage(query);
      return c.json({ items: items.map(asUsageSum), nextCursor }, 200);
    })
    .openapi(quotas, async (c) => {
      const userId = c.get("userId");
      const items = await store.forUser(userId).quotas(await quotasFor(given, userId));
      return c.json({ items: items.map(asQuotaUse) }, 200);
    });
}
