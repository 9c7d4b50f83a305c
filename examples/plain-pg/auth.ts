/** A sign-in to try things with, where yours would be: whoever says a name is that user. The cookie is signed: nobody makes one up. */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

// Without a secret that stays, everybody is signed out when the server ends.
const secret = process.env["SESSION_SECRET"] ?? randomBytes(32);

function sign(name: string): string {
  return createHmac("sha256", secret).update(name).digest("base64url");
}

/** Add `Secure` where you have TLS. */
export function cookieFor(name: string): string {
  return `user=${name}.${sign(name)}; Path=/; HttpOnly; SameSite=Lax`;
}

/** Whom a request's cookies name. */
export function userIn(cookies: string | null | undefined): string | undefined {
  const [, name = "", signature = ""] = /(?:^|;\s*)user=(\w+)\.([\w-]+)/.exec(cookies ?? "") ?? [];
  const [given, right] = [Buffer.from(signature), Buffer.from(sign(name))];
  return given.length === right.length && timingSafeEqual(given, right) ? name : undefined;
}
