/** /api/preferences: what the user who asks has set for all chats. */
import { createRoute, z } from "@hono/zod-openapi";
import type { Database } from "../database.ts";
import { preferencesSchema, readPreferences, writePreferences } from "../preferences.ts";
import { createRouter } from "./router.ts";
import { jsonBody, responses } from "./schemas.ts";

const preferences = z
  .object({
    instructions: z
      .string()
      .nullable()
      .meta({ description: "What every model is told for this user, before a chat's own." }),
  })
  .meta({ id: "Preferences" });

const path = "/preferences";
const tags = ["Preferences"];

const read = createRoute({
  method: "get",
  path,
  tags,
  summary: "Read what is set for all chats",
  responses: responses(200, preferences, "What is set"),
});

const write = createRoute({
  method: "patch",
  path,
  tags,
  summary: "Set what every model is told; null for nothing",
  request: {
    body: jsonBody(
      preferencesSchema.meta({
        type: "object",
        properties: { instructions: { type: "string", nullable: true, description: "At most 64 KiB." } },
        required: ["instructions"],
        additionalProperties: false,
      }),
    ),
  },
  responses: responses(200, preferences, "What is set now"),
});

export function preferenceRoutes(db: Database) {
  return createRouter()
    .openapi(read, async (c) => c.json(await readPreferences(db, c.get("userId")), 200))
    .openapi(write, async (c) => c.json(await writePreferences(db, c.get("userId"), c.req.valid("json")), 200));
}
