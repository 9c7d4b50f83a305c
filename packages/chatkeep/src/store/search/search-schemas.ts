/** What a search is given, checked and with sentences that say what is wrong. */
import * as z from "zod";
import { limits } from "../../limits.ts";
import { cursorSchema, flagSchema, idSchema, isStorable, limitSchema } from "../schemas.ts";
import { strictObject } from "../strict-object.ts";
import { messageRoles } from "../tables/message.ts";
import { searchFields } from "./texts.ts";

const moment = z
  .union([z.date(), z.string()], "must be a date, or a text such as 2026-11-23T09:30:00.000Z")
  .transform((given, context) => {
    const date = new Date(given);
    if (date.getTime() >= 0 && date.getTime() <= 253_402_300_799_999) return date;
    context.addIssue({ code: "custom", message: "must be a date, or a text such as 2026-11-23T09:30:00.000Z" });
    return z.NEVER;
  });

export const searchOptionsSchema = strictObject({
  text: z
    .string("must be a text")
    .max(limits.searchCharacters, `must have at most ${limits.searchCharacters} characters`)
    .refine(isStorable, "must not contain the character NUL, or half of a surrogate pair")
    .refine((text) => text.trim() !== "", "must not be empty"),
  limit: limitSchema.optional(),
  cursor: cursorSchema.optional(),
  in: z
    .array(z.enum(searchFields, `must be one of ${searchFields.join(", ")}`), "must be a list")
    .min(1, "must name at least one place to look in")
    .optional(),
  role: z.enum(messageRoles, `must be one of ${messageRoles.join(", ")}`).optional(),
  after: moment.optional(),
  before: moment.optional(),
  conversationId: idSchema.optional(),
  archived: flagSchema.optional(),
  sort: z.enum(["newest", "best"], 'must be "newest" or "best"').optional(),
});

/**
 * What to find: words that all must be there, also as beginnings of longer ones, `"phrases"` as they are, and `-without`. Case,
 * accents and width make no difference.
 */
export interface SearchOptions extends z.input<typeof searchOptionsSchema> {}
