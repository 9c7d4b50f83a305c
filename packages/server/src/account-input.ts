/** What people may write into their account. */
import { InvalidInputError } from "chatkeep";
import { isStorable } from "chatkeep/internal";

/** Characters of what people may write into their account: an index takes 2,700 bytes, and nobody needs as many. */
export const maxChars = { name: 200, email: 254, image: 2_000, userAgent: 500 };

/** @throws invalid_input */
export function requireShort({ name, email, image }: { name?: unknown; email?: unknown; image?: unknown }): void {
  for (const [key, value] of Object.entries({ name, email, image: image ?? undefined })) {
    if (value !== undefined && typeof value !== "string") throw new InvalidInputError(`${key} must be a text.`);
  }
  if (typeof name === "string" && name.trim() === "") throw new InvalidInputError("name must not be empty.");
  for (const [key, value] of Object.entries({ name, email, image })) {
    const max = maxChars[key as "name"];
    if (typeof value === "string" && value.length > max) {
      throw new InvalidInputError(`${key} must have at most ${max} characters.`);
    }
    if (typeof value === "string" && !isStorable(value)) {
      throw new InvalidInputError(`${key} must not contain the character NUL, or half of a surrogate pair.`);
    }
  }
}
