/** The title that a conversation gets from its first question, until its owner gives it one. */

import type { Part } from "./models/chat.ts";
import { textOf } from "./models/schemas.ts";

const longestTitle = 60;

interface Titled {
  role: string;
  content?: string | undefined;
  parts?: Part[] | undefined;
}

/** The first line of the first question, cut at a word; `null` when there is none with text. */
export function titleFrom(messages: readonly Titled[]): string | null {
  const question = messages.find((message) => message.role === "user");
  if (!question) return null;
  const text = (question.content ?? textOf(question.parts ?? [])).slice(0, 2_000);
  const line = text.toWellFormed().replaceAll("\0", "").trim().split(/\r?\n/, 1)[0]?.replace(/\s+/g, " ") ?? "";
  return shorten(line) || null;
}

function shorten(line: string): string {
  const characters = [...line];
  if (characters.length <= longestTitle) return line;
  const cut = characters.slice(0, longestTitle).join("");
  const word = cut.lastIndexOf(" ");
  return `${word > longestTitle / 2 ? cut.slice(0, word) : cut}…`;
}
