/** The words of a message that has parts. */

/** The plain text of parts: the text of each part of type `text`, one below the other. */
export function textOf(parts: readonly { type: string; [key: string]: unknown }[]): string {
  return parts
    .filter((part) => part.type === "text" && typeof part["text"] === "string")
    .map((part) => part["text"])
    .join("\n");
}
