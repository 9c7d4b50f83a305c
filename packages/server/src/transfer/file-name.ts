/** The name of a file that people keep, made from a title that may hold anything. */
import type { Conversation } from "chatkeep";

const maxChars = 80;

/** The title without what a file system, a terminal or a header could take for more than a letter; then the day, and the ending. */
export function fileNameOf({ title, updatedAt }: Pick<Conversation, "title" | "updatedAt">, ending: string): string {
  const letters = (title ?? "")
    .normalize("NFC")
    .replaceAll(/[\p{C}\p{Zl}\p{Zp}/\\:*?"<>|%]/gu, " ")
    .replaceAll(/\s+/g, " ")
    .replace(/^[ .]+/, "");
  const name = [...letters].slice(0, maxChars).join("").trim();
  return `${name || "Conversation"} ${updatedAt.toISOString().slice(0, 10)}.${ending}`;
}
