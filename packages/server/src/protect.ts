/** The headers of every answer. */
import { createMiddleware } from "hono/factory";
import { secureHeaders } from "hono/secure-headers";
import type { Env } from "./routes/router.ts";
import { sharedPolicy } from "./shared-page.ts";

/**
 * What every answer says, whoever made it: on errors, streams and answers of others too, so it is written when the answer is
 * there. A page may load only what is ours; what is no page is told to load nothing, which needs fewer words.
 */
export function protect(url: string) {
  const pages = secureHeaders(headers(url));
  const api: [string, string][] = [
    ["x-content-type-options", "nosniff"],
    ["content-security-policy", "default-src 'none'; frame-ancestors 'none'"],
    ["cross-origin-resource-policy", "same-origin"],
    ["cache-control", "no-store"],
    ...(url.startsWith("https:") ? [["strict-transport-security", transportSecurity] as [string, string]] : []),
  ];
  return createMiddleware<Env>(async (c, next) => {
    const isApi = c.req.path.startsWith("/api/");
    // Written beforehand they cost a tenth, but only Hono's own answers have them.
    const isHonos = isApi && c.req.method !== "HEAD" && !madeByOthers.test(c.req.path);
    if (isHonos) {
      for (const [name, value] of api) c.header(name, value);
      return await next();
    }
    await (isApi ? next() : pages(c, next));
    const isShared = c.req.path.startsWith("/s/");
    const more = isApi ? api : isShared ? shared : [];
    const written: [string, string][] = [["x-request-id", c.get("requestId")], ...more];
    const isFile = c.req.path.startsWith("/api/files/");
    for (const [name, value] of written) {
      // What may be shown of a file, and for how long, is said where it is sent.
      if (!isFile || !c.res.headers.has(name)) c.res.headers.set(name, value);
    }
    // Nobody reads the body of an answer to HEAD: a stream of it would stay open.
    if (c.req.method === "HEAD") await c.res.body?.cancel();
  });
}

/** What anybody reads, from people who are not here: it loads nothing, tells nobody where it was read, and is in no index. */
const shared: [string, string][] = [
  ["content-security-policy", sharedPolicy],
  ["referrer-policy", "no-referrer"],
  ["x-robots-tag", "noindex, nofollow"],
];

/** Where handlers answer with a `Response` of their own. */
const madeByOthers = /^\/api\/(?:auth\/|chat|events|export)/;

const transportSecurity = "max-age=31536000";

function headers(url: string) {
  const self = ["'self'"];
  const options: NonNullable<Parameters<typeof secureHeaders>[0]> = {
    strictTransportSecurity: url.startsWith("https:") ? transportSecurity : false,
    contentSecurityPolicy: {
      defaultSrc: self,
      scriptSrc: self,
      styleSrc: ["'self'", "'unsafe-inline'"],
      imgSrc: ["'self'", "data:", "blob:"],
      connectSrc: self,
      fontSrc: ["'self'", "data:"],
      objectSrc: ["'none'"],
      baseUri: self,
      formAction: self,
      frameAncestors: ["'none'"],
    },
    referrerPolicy: "same-origin",
    crossOriginOpenerPolicy: "same-origin",
  };
  return options;
}
