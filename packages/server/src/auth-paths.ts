/** What is served of Better Auth, and where. */
import { oidcProviderId } from "./single-sign-on.ts";

export const basePath = "/api/auth";

/** What is served of Better Auth. Anything else would be counted, and so be a row, for whoever asks. */
const served = new Set(
  [
    "sign-up/email",
    "sign-in/email",
    "sign-out",
    "delete-user",
    "update-user",
    "change-password",
    "verify-password",
    "list-sessions",
    "revoke-session",
    "revoke-sessions",
    "revoke-other-sessions",
    "get-session",
    "token",
    "jwks",
    "list-accounts",
    "reset-password",
    "passkey/generate-register-options",
    "passkey/verify-registration",
    "passkey/generate-authenticate-options",
    "passkey/verify-authentication",
    "passkey/list-user-passkeys",
    "passkey/update-passkey",
    "passkey/delete-passkey",
    "ok",
  ].map((path) => `${basePath}/${path}`),
);

/** Where there is a way to send links. */
const servedWithMail = ["request-password-reset", "change-email", "send-verification-email", "verify-email"].map(
  (path) => `${basePath}/${path}`,
);

const servedWithOidc = ["sign-in/social", `callback/${oidcProviderId}`].map((path) => `${basePath}/${path}`);

const servedToAnonymous = ["sign-in/anonymous", "delete-anonymous-user"].map((path) => `${basePath}/${path}`);

interface Ways {
  isAnonymous: boolean;
  hasMail: boolean;
  hasOidc: boolean;
}

export function isServed(path: string, { isAnonymous, hasMail, hasOidc }: Ways): boolean {
  return (
    served.has(path) ||
    (isAnonymous && servedToAnonymous.includes(path)) ||
    (hasMail && servedWithMail.includes(path)) ||
    (hasOidc && servedWithOidc.includes(path))
  );
}
