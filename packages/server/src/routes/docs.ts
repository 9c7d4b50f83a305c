/** /openapi.json and /docs: the description of every route, made from the schemas that validate; nothing comes from another host. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { OpenAPIHono } from "@hono/zod-openapi";
import { NotFoundError } from "chatkeep";
import { Hono } from "hono";
import type { Env } from "./router.ts";

const folder = dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));

const assets: Record<string, string> = {
  "swagger-ui.css": "text/css; charset=utf-8",
  "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
  "favicon-32x32.png": "image/png",
};

const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>chatkeep: HTTP API</title>
    <link rel="icon" href="/docs/favicon-32x32.png" />
    <link rel="stylesheet" href="/docs/swagger-ui.css" />
  </head>
  <body>
    <main id="api"></main>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/start.js"></script>
  </body>
</html>
`;

const start = `SwaggerUIBundle({ url: "/openapi.json", dom_id: "#api", deepLinking: true, validatorUrl: null });
`;

export function docsRoutes() {
  return new Hono()
    .get("/", (c) => c.html(page))
    .get("/start.js", (c) => c.body(start, 200, { "content-type": "text/javascript; charset=utf-8" }))
    .get("/:asset", (c) => {
      const asset = c.req.param("asset");
      const type = Object.hasOwn(assets, asset) ? assets[asset] : undefined;
      if (!type) throw new NotFoundError("file", asset);
      return c.body(readFileSync(join(folder, asset)), 200, { "content-type": type, "cache-control": "max-age=86400" });
    });
}

/** The document of the routes that are mounted on `app`, with those of Better Auth that the contract names. */
export function describeApi(app: OpenAPIHono<Env>, version: string) {
  const registry = app.openAPIRegistry;
  registry.registerComponent("securitySchemes", "bearer", {
    type: "http",
    scheme: "bearer",
    description: "A session token, or a JWT of GET /api/auth/token",
  });
  registry.registerComponent("securitySchemes", "cookie", {
    type: "apiKey",
    in: "cookie",
    name: "chatkeep.session_token",
  });
  for (const route of authRoutes) registry.registerPath(route);
  return app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "chatkeep",
      version,
      description:
        "Conversations of AI chatbots, kept. Someone else's conversation is exactly as absent as one that never existed.",
    },
    security: [{ cookie: [] }, { bearer: [] }],
  });
}

const credentials = {
  email: { type: "string", format: "email" },
  password: { type: "string", minLength: 8, maxLength: 128 },
} as const;

const authRoutes = [
  authRoute("post", "sign-up/email", "Sign up, and in", { ...credentials, name: { type: "string" } }, []),
  authRoute(
    "post",
    "sign-in/email",
    "Sign in: sets the cookie; the token is also in the body and in set-auth-token",
    credentials,
    [],
  ),
  authRoute(
    "post",
    "sign-in/social",
    "Sign in by the provider of OpenID Connect: gives its address",
    {
      provider: { type: "string" },
      callbackURL: { type: "string" },
    },
    [],
  ),
  authRoute("post", "sign-out", "Sign out", {}),
  authRoute("post", "delete-user", "Delete the account with everything that belongs to it", {
    password: credentials.password,
  }),
  authRoute("post", "update-user", "Change one's name", { name: { type: "string" } }),
  authRoute("post", "change-password", "Change one's password", {
    currentPassword: credentials.password,
    newPassword: credentials.password,
  }),
  authRoute("post", "request-password-reset", "Ask for a link for a new password", { email: credentials.email }, []),
  authRoute(
    "post",
    "reset-password",
    "Set a new password, by the token of such a link",
    { token: { type: "string" }, newPassword: credentials.password },
    [],
  ),
  authRoute("post", "change-email", "Ask for a link that makes another address one's own", {
    newEmail: credentials.email,
    password: credentials.password,
  }),
  authRoute("post", "send-verification-email", "Ask for a link that confirms one's address", {
    email: credentials.email,
  }),
  authRoute("get", "verify-email", "Confirm the address of such a link, signed in to its account", undefined, []),
  authRoute("post", "passkey/generate-register-options", "Begin to add a passkey; a password where one has one", {
    password: credentials.password,
  }),
  authRoute("post", "passkey/verify-registration", "Add the passkey that the device made", {
    name: { type: "string", minLength: 1, maxLength: 100 },
    response: { type: "object" },
  }),
  authRoute("post", "passkey/generate-authenticate-options", "Begin to sign in with a passkey", undefined, []),
  authRoute(
    "post",
    "passkey/verify-authentication",
    "Sign in with what the device answered: as sign-in/email does",
    { response: { type: "object" } },
    [],
  ),
  authRoute("get", "passkey/list-user-passkeys", "One's passkeys, the newest first"),
  authRoute("post", "passkey/update-passkey", "Name a passkey anew", {
    id: { type: "string", format: "uuid" },
    name: { type: "string", minLength: 1, maxLength: 100 },
  }),
  authRoute("post", "passkey/delete-passkey", "Remove a passkey: nobody signs in with it any more", {
    id: { type: "string", format: "uuid" },
  }),
  authRoute("get", "list-sessions", "One's sessions, on all devices"),
  authRoute("post", "revoke-session", "End a session, by its token", { token: { type: "string" } }),
  authRoute("get", "get-session", "Who is signed in; null for nobody", undefined, []),
  authRoute("get", "token", "A JWT for 15 minutes, for other services and this one"),
  authRoute("get", "jwks", "The public keys of those JWTs", undefined, []),
];

function authRoute(
  method: "get" | "post",
  path: string,
  summary: string,
  properties?: Record<string, { type: "string" | "object"; format?: string; minLength?: number; maxLength?: number }>,
  security?: [],
) {
  const schema = { type: "object" as const, properties: properties ?? {}, required: Object.keys(properties ?? {}) };
  return {
    method,
    path: `/api/auth/${path}`,
    tags: ["Sign-in"],
    summary,
    ...(security && { security }),
    ...(properties && { request: { body: { required: true, content: { "application/json": { schema } } } } }),
    responses: { 200: { description: "Better Auth's answer" } },
  };
}
