/** The title that a conversation gets from its first question, until its owner gives it one. */

import type { Part } from "../tables/message.ts";
import { textOf } from "../text-of.ts";

const maxTitle = 60;
/** Of the question: a letter may take two, and many spaces become one. */
const maxChars = 200;

interface Titled {
  role: string;
  content?: string | undefined;
  parts?: Part[] | undefined;
}

/** The first line of the first question, cut at a word, or the name of its first file; `null` when there is neither. */
export function titleFrom(messages: readonly Titled[]): string | null {
  const question = messages.find((message) => message.role === "user");
  if (!question) return null;
  const words = question.content || textOf(question.parts ?? []);
  const beginning = (words.trim() === "" ? fileNameIn(question.parts) : words).trimStart().slice(0, maxChars);
  const text = beginning.toWellFormed().replaceAll("\0", "").trim();
  const line = /^.*/.exec(text)?.[0] ?? "";
  return shorten((oddSpace.test(line) ? line.replace(/\s+/g, " ") : line).trimEnd()) || null;
}

const oddSpace = /[^\S ]| {2}/;
const astral = /[\ud800-\udbff]/;

function fileNameIn(parts: readonly Part[] | undefined): string {
  for (const { type, filename } of parts ?? []) if (type === "file" && typeof filename === "string") return filename;
  return "";
}

function shorten(line: string): string {
  if (line.length <= maxTitle) return line;
  let end = astral.test(line) ? 0 : maxTitle;
  for (let count = end; count < maxTitle && end < line.length; count += 1) {
    end += (line.codePointAt(end) ?? 0) > 0xffff ? 2 : 1;
  }
  if (end === line.length) return line;
  const cut = line.slice(0, end);
  const word = cut.lastIndexOf(" ");
  return `${word > maxTitle / 2 ? cut.slice(0, word) : cut}…`;
}
