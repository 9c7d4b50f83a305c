/** /api/sign-in: which ways in there are, for the page that offers them. */
import { createRoute, z } from "@hono/zod-openapi";
import { createRouter } from "./router.ts";

const ways = z.object({
  anonymous: z.boolean().meta({ description: "People may begin without an account." }),
  signUp: z.boolean().meta({ description: "People may make an account for themselves." }),
  invitations: z.boolean().meta({ description: "People may make an account with an invitation for their address." }),
  oidc: z
    .string()
    .nullable()
    .meta({ description: "The provider of OpenID Connect that one can sign in by, as people know it." }),
  mail: z.boolean().meta({ description: "A link for a new password, or another address, can be sent." }),
  passkeys: z
    .string()
    .nullable()
    .meta({ description: "The domain whose pages can sign in with passkeys; null where browsers make none." }),
  sharing: z.boolean().meta({ description: "Conversations may be shared by a link." }),
});

const read = createRoute({
  method: "get",
  path: "/sign-in",
  tags: ["Sign-in"],
  security: [],
  summary: "Which ways to sign in there are; asked by whoever is not signed in",
  responses: { 200: { description: "The ways", content: { "application/json": { schema: ways } } } },
});

export function signInRoutes(given: z.infer<typeof ways>) {
  return createRouter().openapi(read, (c) => c.json(given, 200));
}
