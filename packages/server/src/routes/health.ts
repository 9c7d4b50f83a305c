/** /healthz: this process is alive. /readyz: the database answers, and its schema is this code's. */
import { createRoute, z } from "@hono/zod-openapi";
import { type Database, type Migration, requireMigrated } from "chatkeep";
import { createRouter } from "./router.ts";
import { errorSchema } from "./schemas.ts";

const ok = { description: "Yes", content: { "application/json": { schema: z.object({ ok: z.boolean() }) } } };
const no = { description: "Not now: unavailable", content: { "application/json": { schema: errorSchema } } };
const tags = ["Health"];
const security: never[] = [];

const alive = createRoute({
  method: "get",
  path: "/healthz",
  tags,
  security,
  summary: "Is this process alive?",
  responses: { 200: ok },
});

const ready = createRoute({
  method: "get",
  path: "/readyz",
  tags,
  security,
  summary: "Does the database answer, with the schema of this code?",
  responses: { 200: ok, 503: no } as unknown as { 200: typeof ok },
});

export function healthRoutes(db: Database, migrations: readonly Migration[]) {
  return createRouter()
    .openapi(alive, (c) => c.json({ ok: true }, 200))
    .openapi(ready, async (c) => {
      await requireMigrated(db, migrations);
      return c.json({ ok: true }, 200);
    });
}
