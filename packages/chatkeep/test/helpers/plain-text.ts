/** A codec of one's own: a reply is pieces of plain text, and its message has one part of them. */
import type { Codec } from "chatkeep/replies";

export const plainText: Codec<string> = {
  toParts: (pieces) => [{ type: "text", text: pieces.join("") }],
  toEvents: (reply) => [reply.content],
  join: (pieces) => [pieces.join("")],
};
