/** By which provider of OpenID Connect people sign in too: read from the environment's settings. */
import { InvalidInputError } from "chatkeep";
import { z } from "zod";
import { filled, httpUrl } from "./config-lists.ts";
import type { OidcOptions } from "./single-sign-on.ts";

export const oidcSettings = {
  CHATKEEP_OIDC_ISSUER: filled(httpUrl),
  CHATKEEP_OIDC_CLIENT_ID: filled(z.string()),
  CHATKEEP_OIDC_CLIENT_SECRET: filled(z.string()),
  CHATKEEP_OIDC_NAME: filled(z.string().max(50, "must have at most 50 characters")),
};

type Given = Record<keyof typeof oidcSettings, string | undefined>;

/** @throws invalid_input where one is set without the others */
export function oidcOf(given: { [Name in keyof Given]?: Given[Name] }): OidcOptions | undefined {
  const {
    CHATKEEP_OIDC_ISSUER: issuer,
    CHATKEEP_OIDC_CLIENT_ID: clientId,
    CHATKEEP_OIDC_CLIENT_SECRET: clientSecret,
  } = given;
  if (!issuer && !clientId && !clientSecret) return undefined;
  if (!issuer || !clientId || !clientSecret) {
    throw new InvalidInputError(
      "CHATKEEP_OIDC_ISSUER, CHATKEEP_OIDC_CLIENT_ID and CHATKEEP_OIDC_CLIENT_SECRET must be set together.",
    );
  }
  return { issuer, clientId, clientSecret, name: given.CHATKEEP_OIDC_NAME ?? new URL(issuer).hostname };
}
