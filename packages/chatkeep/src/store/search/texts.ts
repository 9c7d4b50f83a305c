/** What of a message can be searched: its words, what it thought, what went into tools and came out of them, names of files. */
import type { Part } from "../tables/message.ts";

/** Where search looks in a message. */
export const searchFields = ["text", "reasoning", "tools", "files"] as const;

/** Where search looks in a message: one of `searchFields`. */
export type SearchField = (typeof searchFields)[number];

export interface SearchedText {
  field: SearchField;
  text: string;
}

/** In the order of `searchFields`. */
export function textsOf(
  content: string,
  parts: readonly Part[] | null,
  fields: readonly SearchField[],
): SearchedText[] {
  const texts: SearchedText[] = fields.includes("text") && content ? [{ field: "text", text: content }] : [];
  if (!parts) return texts;
  for (const field of searchFields) {
    if (field === "text" || !fields.includes(field)) continue;
    const found: string[] = [];
    for (const part of parts) collect[field](part, (text) => found.push(text));
    if (found.length > 0) texts.push({ field, text: found.join("\n") });
  }
  return texts;
}

const collect: Record<Exclude<SearchField, "text">, (part: Part, add: (text: string) => void) => void> = {
  reasoning: (part, add) => {
    if (part.type === "reasoning" && typeof part["text"] === "string") add(part["text"]);
  },
  tools: (part, add) => {
    if (part.type !== "dynamic-tool" && !part.type.startsWith("tool-")) return;
    add(part.type === "dynamic-tool" ? String(part["toolName"] ?? "") : part.type.slice(5));
    for (const key of ["input", "output", "errorText"]) addStrings(part[key], add);
  },
  files: (part, add) => {
    for (const key of ["filename", "title"]) {
      if (part.type !== "text" && part.type !== "reasoning" && typeof part[key] === "string") add(part[key]);
    }
  },
};

/** Every text and number in a JSON value, however deep it is. */
function addStrings(value: unknown, add: (text: string) => void): void {
  const waiting: unknown[] = [value];
  while (waiting.length > 0) {
    const next = waiting.pop();
    if (typeof next === "string" || typeof next === "number") add(String(next));
    else if (typeof next === "object" && next !== null) waiting.push(...Object.values(next).reverse());
  }
}
