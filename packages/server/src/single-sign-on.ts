/**
 * Signing in by a provider of OpenID Connect that the operator names. Whoever comes for the first time gets an account; one that
 * is there already, of the same address, is theirs only if they have confirmed that address here.
 */
import type { BetterAuthPlugin } from "better-auth";
import { genericOAuth } from "better-auth/plugins/generic-oauth";

export interface OidcOptions {
  /** Its `/.well-known/openid-configuration` says the rest. */
  issuer: string;
  clientId: string;
  clientSecret: string;
  /** As people know it. */
  name: string;
}

/** In the address to which the provider sends people back: `/api/auth/callback/oidc`. */
export const oidcProviderId = "oidc";

export function singleSignOn({ issuer, clientId, clientSecret }: OidcOptions): BetterAuthPlugin {
  return genericOAuth({
    config: [
      {
        providerId: oidcProviderId,
        discoveryUrl: `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`,
        clientId,
        clientSecret,
        scopes: ["openid", "email", "profile"],
        pkce: true,
        requireIdTokenVerification: true,
      },
    ],
  });
}
