/** /api/keys */
import { createRoute } from "@hono/zod-openapi";
import type { Notifier } from "chatkeep";
import { z } from "zod";
import type { Database } from "../database.ts";
import { type ApiKey, createKey, listKeys, newKeySchema, revokeKey } from "../keys.ts";
import { createRouter } from "./router.ts";
import { apiKey, jsonBody, noContent, responses, uuidParam } from "./schemas.ts";

const tags = ["Keys"];

const list = createRoute({
  method: "get",
  path: "/keys",
  tags,
  summary: "List the API keys, oldest first, without the keys themselves",
  responses: responses(200, z.object({ items: z.array(apiKey) }), "All of them: at most 50"),
});

const create = createRoute({
  method: "post",
  path: "/keys",
  tags,
  summary: "Make an API key, which is shown in this answer alone",
  request: { body: jsonBody(newKeySchema) },
  responses: responses(201, apiKey.extend({ key: z.string() }), "The key"),
});

const revoke = createRoute({
  method: "delete",
  path: "/keys/{id}",
  tags,
  summary: "Revoke an API key",
  request: { params: uuidParam() },
  responses: noContent("It is not valid any more"),
});

export function keyRoutes(db: Database, notifier: Pick<Notifier, "publish">) {
  return createRouter()
    .openapi(list, async (c) => c.json({ items: (await listKeys(db, c.get("userId"))).map(asKey) }, 200))
    .openapi(create, async (c) => {
      const { key, ...made } = await createKey(db, c.get("userId"), c.req.valid("json"));
      return c.json({ ...asKey(made), key }, 201);
    })
    .openapi(revoke, async (c) => {
      const userId = c.get("userId");
      await revokeKey(db, userId, c.req.valid("param").id);
      // Streams that it has open end.
      notifier.publish({ userId, isSignedOut: true });
      return c.body(null, 204);
    });
}

function asKey({ createdAt, expiresAt, lastUsedAt, ...row }: ApiKey): z.infer<typeof apiKey> {
  return {
    ...row,
    createdAt: createdAt.toISOString(),
    expiresAt: expiresAt?.toISOString() ?? null,
    lastUsedAt: lastUsedAt?.toISOString() ?? null,
  };
}
