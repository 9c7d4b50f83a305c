/** Opaque places in a list. A cursor carries a checksum, so that a damaged one is refused instead of showing a wrong page. */
import { createHash } from "node:crypto";
import { InvalidInputError } from "./errors.ts";

/** Makes a cursor of the values that order a list. */
export function encodeCursor(values: readonly (string | number)[]): string {
  const body = JSON.stringify(values);
  return Buffer.from(`${checksum(body)}${body}`).toString("base64url");
}

/**
 * Reads a cursor that `encodeCursor` made.
 * @throws invalid_input when it is damaged, or was made for another list.
 */
export function decodeCursor(cursor: string, length: number): (string | number)[] {
  const text = Buffer.from(cursor, "base64url").toString();
  const body = text.slice(8);
  const intact = checksum(body) === text.slice(0, 8) && Buffer.from(text).toString("base64url") === cursor;
  const values: unknown = intact ? JSON.parse(body) : undefined;
  if (!Array.isArray(values) || values.length !== length) {
    throw new InvalidInputError(
      "This cursor is damaged: use nextCursor as it was given, or leave it out to begin anew.",
    );
  }
  return values;
}

function checksum(body: string): string {
  return createHash("sha256").update(body).digest("hex").slice(0, 8);
}
