/** What a user has set for all chats: what every model is told. */
import { instructionsSchema } from "chatkeep/internal";
import { eq, sql } from "drizzle-orm";
import { z } from "zod";
import type { Database } from "./database.ts";
import { preference } from "./models/index.ts";

/** `null`: nothing. */
export const preferencesSchema = z.strictObject({ instructions: instructionsSchema.nullable() });

export type Preferences = z.output<typeof preferencesSchema>;

export async function readPreferences(db: Database, userId: string): Promise<Preferences> {
  const [row] = await db
    .select({ instructions: preference.instructions })
    .from(preference)
    .where(eq(preference.userId, userId));
  return row ?? { instructions: null };
}

/** Words that are only spaces are none. */
export async function writePreferences(db: Database, userId: string, given: Preferences): Promise<Preferences> {
  const instructions = given.instructions?.trim() ? given.instructions : null;
  await db
    .insert(preference)
    .values({ userId, instructions })
    .onConflictDoUpdate({ target: preference.userId, set: { instructions, updatedAt: sql`excluded.updated_at` } });
  return { instructions };
}
