/** The users that import and export are for. */
import { InvalidInputError } from "chatkeep";
import { eq } from "drizzle-orm";
import type { Database } from "../database.ts";
import { type User, user } from "../models/index.ts";

/** @throws invalid_input when nobody has signed up with this address */
export async function userByEmail(db: Database, email: string): Promise<User> {
  const [found] = await db.select().from(user).where(eq(user.email, email.trim().toLowerCase()));
  if (!found)
    throw new InvalidInputError(`Nobody has signed up as ${email}: sign up in the app first, or check --user.`);
  return found;
}
