/** Requests are told of when they begin and when their answer does: by the pattern that the path has matched, never the path itself. */
import type { Observer, Outcome } from "chatkeep";
import { createMiddleware } from "hono/factory";
import { routePath } from "hono/route";
import type { Env } from "./routes/router.ts";

const methods = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

/** Comes before everything else. */
export function observeRequests(observer: Observer) {
  return createMiddleware<Env>(async (c, next) => {
    const method = methods.has(c.req.method) ? c.req.method : "_OTHER";
    const observation = observer.begin({ kind: "request", name: method, headers: c.req.raw.headers });
    await observation.within(next);
    // By now it is that of whoever has answered.
    observation.end({ route: routePath(c), status: c.res.status });
  });
}

export function kindOfRequest({ route = "*", status = 0 }: Outcome): { route: string; status: string } {
  return { route, status: String(status) };
}
