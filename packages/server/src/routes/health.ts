/** /healthz: this process is alive. /readyz: the database answers, takes writes, and has a schema that this code can work with. */
import { createRoute, z } from "@hono/zod-openapi";
import { errorBody } from "chatkeep/wire";
import { createRouter } from "./router.ts";

const ok = { description: "Yes", content: { "application/json": { schema: z.object({ ok: z.boolean() }) } } };
const no = { description: "Not now: unavailable", content: { "application/json": { schema: errorBody } } };
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

/** `requireReady` throws what is missing. */
export function healthRoutes(requireReady: () => Promise<void>) {
  return createRouter()
    .openapi(alive, (c) => c.json({ ok: true }, 200))
    .openapi(ready, async (c) => {
      await requireReady();
      return c.json({ ok: true }, 200);
    });
}
