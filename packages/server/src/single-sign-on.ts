/**
 * Signing in by a provider of OpenID Connect that the operator names. Whoever comes for the first time gets an account; one that
 * is there already, of the same address, is theirs only if they have confirmed that address here.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { BetterAuthPlugin } from "better-auth";
import { genericOAuth } from "better-auth/plugins/generic-oauth";
import { maxChars } from "./account-input.ts";

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

/** For what the provider says of itself; after that nobody signs in by it until the next start. */
const discoveryMs = 10_000;

export function singleSignOn({ issuer, clientId, clientSecret }: OidcOptions): BetterAuthPlugin {
  const plugin = genericOAuth({
    config: [
      {
        providerId: oidcProviderId,
        discoveryUrl: `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`,
        clientId,
        clientSecret,
        scopes: ["openid", "email", "profile"],
        pkce: true,
        requireIdTokenVerification: true,
        mapProfileToUser: ({ name, preferred_username: login, email, picture }) => {
          const words = [name, login, email].find((each) => typeof each === "string" && each.trim() !== "");
          const image = typeof picture === "string" && picture.length <= maxChars.image ? picture : undefined;
          return {
            name: String(words ?? "?")
              .trim()
              .slice(0, maxChars.name),
            image,
          };
        },
      },
    ],
  });
  const init = plugin.init as NonNullable<BetterAuthPlugin["init"]>;
  // A provider that is silent at the start must not keep those from signing in who have a password.
  return {
    ...plugin,
    init: async (context) => {
      const made = await Promise.race([init(context), pause(discoveryMs, undefined, { ref: false })]);
      return made ?? {};
    },
  };
}
