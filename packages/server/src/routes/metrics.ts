/** /metrics: numbers for Prometheus, for whoever shows the token. */
import { createHash, timingSafeEqual } from "node:crypto";
import { NotFoundError, UnauthenticatedError } from "chatkeep";
import type { Metrics } from "../metrics.ts";
import { createRouter } from "./router.ts";

/** What `/metrics` says, and to whom. */
export interface MetricsOptions {
  metrics: Metrics;
  token: string;
}

/** Without a token there is no such route. */
export function metricsRoutes(options: MetricsOptions | undefined) {
  return createRouter().get("/metrics", async (c) => {
    if (!options) throw new NotFoundError("route", "GET /metrics");
    const { metrics, token } = options;
    const given = /^Bearer +(\S+)$/i.exec(c.req.header("authorization") ?? "")?.[1] ?? "";
    if (!isSame(given, token)) {
      c.header("www-authenticate", "Bearer");
      throw new UnauthenticatedError("Show the token of CHATKEEP_METRICS_TOKEN as Authorization: Bearer.");
    }
    return c.body(await metrics.read(), 200, { "content-type": metrics.contentType });
  });
}

/** In the same time whatever is given. */
function isSame(given: string, wanted: string): boolean {
  const [one, other] = [given, wanted].map((text) => createHash("sha256").update(text).digest());
  return one !== undefined && other !== undefined && timingSafeEqual(one, other);
}
