/** Where a page of a list ends, opaque. A cursor carries a checksum, so that a damaged one is refused instead of showing a wrong page. */
import { createHash } from "node:crypto";
import { InvalidInputError } from "../errors.ts";

/** Makes a cursor of the values that order a list. */
export function encodeCursor(values: readonly (string | number)[]): string {
  const body = JSON.stringify(values);
  return encoded(`${checksum(body)}${body}`);
}

function decodeCursor(cursor: string, length: number): (string | number)[] {
  const text = textIn(cursor);
  const body = text.slice(8);
  const values: unknown = checksum(body) === text.slice(0, 8) && encoded(text) === cursor ? valuesIn(body) : undefined;
  if (!Array.isArray(values) || values.length !== length) throw damaged();
  return values;
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** The last millisecond of the year 9999. */
const lastTime = 253_402_300_799_999;

/**
 * What stands after a row in a list that is ordered by a time and an id.
 * @throws invalid_input when the cursor is damaged, or was made for another list
 */
export function keyOf(cursor: string): { time: string; id: string } {
  const [time, id] = decodeCursor(cursor, 2);
  const isTime = Number.isInteger(time) && Number(time) >= 0 && Number(time) <= lastTime;
  if (!isTime || typeof id !== "string" || !uuid.test(id)) throw damaged();
  return { time: new Date(Number(time)).toISOString(), id };
}

/**
 * The values of a cursor that was made of numbers, such as times, and ids, each looked at.
 * @throws invalid_input when the cursor is damaged, or was made for another list
 */
export function decodeCursorOf(cursor: string, kinds: readonly ("number" | "id")[]): (string | number)[] {
  const values = decodeCursor(cursor, kinds.length);
  const isRight = (value: string | number, index: number) =>
    kinds[index] === "id"
      ? typeof value === "string" && uuid.test(value)
      : Number.isInteger(value) && Number(value) >= 0 && Number(value) <= lastTime;
  if (!values.every(isRight)) throw damaged();
  return values;
}

function valuesIn(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function damaged(): InvalidInputError {
  return new InvalidInputError(
    "This cursor is damaged: use nextCursor as it was given, or leave it out to begin anew.",
  );
}

function checksum(body: string): string {
  return createHash("sha256").update(body).digest("hex").slice(0, 8);
}

/** As base64url. What it holds is ASCII. */
function encoded(text: string): string {
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function textIn(cursor: string): string {
  try {
    return atob(cursor.replaceAll("-", "+").replaceAll("_", "/"));
  } catch {
    return "";
  }
}
