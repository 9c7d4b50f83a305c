/** Names of files, as they may be shown beside others and put into headers. */
import * as z from "zod";
import { limits } from "../../limits.ts";

/** Control characters, line ends of Unicode, what turns the direction of writing, and what cannot be seen. */
const unseen = /[\p{Cc}\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu;

/** The same without what deceives or breaks: unseen characters go, separators of folders become `_`. */
function cleanName(name: string): string {
  return name.toWellFormed().normalize("NFC").replace(unseen, "").replace(/[/\\]/g, "_").trim();
}

export const fileNameSchema = z
  .string("must be a text")
  .max(64 * limits.fileNameCharacters, `must have at most ${limits.fileNameCharacters} characters`)
  .transform(cleanName)
  .refine((name) => name !== "", "must not be empty")
  .refine(
    (name) => [...name].length <= limits.fileNameCharacters,
    `must have at most ${limits.fileNameCharacters} characters`,
  );
