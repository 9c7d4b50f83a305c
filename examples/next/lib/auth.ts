/** A sign-in to try things with, where yours would be: whoever says a name is that user. */
import { createHash, randomBytes } from "node:crypto";
import { cookies } from "next/headers";
import { connection } from "./chats.ts";

/** The table has no token that could be used. */
const hashOf = (token: string) => createHash("sha256").update(token).digest("hex");

export async function signIn(form: FormData): Promise<void> {
  "use server";
  const name = String(form.get("name"));
  if (!/^\w{1,40}$/.test(name)) return;
  const token = randomBytes(32).toString("base64url");
  await connection.query("insert into users values ($1) on conflict do nothing", [name]);
  await connection.query("insert into session values ($1, $2)", [hashOf(token), name]);
  // Add `secure` where you have TLS.
  (await cookies()).set("session", token, { httpOnly: true, sameSite: "lax" });
}

export async function userIdOf(): Promise<string | undefined> {
  const token = (await cookies()).get("session")?.value;
  if (!token) return undefined;
  const [row] = await connection.query("select name from session where hash = $1", [hashOf(token)]);
  return row?.[0] as string | undefined;
}
