/** A provider of OpenID Connect on this machine: whoever types a name there has it, with an address that is confirmed. */
import { createServer } from "node:http";
import Provider from "oidc-provider";

export interface IdentityProvider {
  environment: Record<string, string>;
  stop(): Promise<void>;
}

/** For an application at `url`, whose port is known by then. */
export async function startIdentityProvider(url: string, port: number): Promise<IdentityProvider> {
  const issuer = `http://127.0.0.1:${port}`;
  const [clientId, clientSecret] = ["chatkeep", "a secret of the tests"];
  const provider = new Provider(issuer, {
    clients: [{ client_id: clientId, client_secret: clientSecret, redirect_uris: [`${url}/api/auth/callback/oidc`] }],
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
    conformIdTokenClaims: false,
    cookies: { keys: ["a key of the tests"] },
    findAccount: (_context, id) => ({
      accountId: id,
      claims: () => ({ sub: id, email: `${id}@example.com`, email_verified: true, name: id }),
    }),
  });
  const server = createServer(provider.callback());
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    environment: {
      CHATKEEP_OIDC_ISSUER: issuer,
      CHATKEEP_OIDC_CLIENT_ID: clientId,
      CHATKEEP_OIDC_CLIENT_SECRET: clientSecret,
      CHATKEEP_OIDC_NAME: "Example",
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
