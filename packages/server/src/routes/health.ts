/** /healthz: this process is alive. /readyz: the database answers, takes writes, and has a schema that this code can work with. */
import { createRoute, z } from "@hono/zod-openapi";
import { type Database, type Migration, requireMigrated, requireWritable } from "chatkeep";
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
  summary: "Does the database answer, take writes, and have a schema that this code can work with?",
  responses: { 200: ok, 503: no } as unknown as { 200: typeof ok },
});

export function healthRoutes(db: Database, migrations: readonly Migration[]) {
  return createRouter()
    .openapi(alive, (c) => c.json({ ok: true }, 200))
    .openapi(ready, async (c) => {
      await requireMigrated(db, migrations);
      await requireWritable(db);
      return c.json({ ok: true }, 200);
    });
}
