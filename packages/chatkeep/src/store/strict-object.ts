/** Objects that take no keys but their own: what nobody reads must not look as if it had been kept. */
import * as z from "zod";

/** Refuses other keys, by their names, and says which was meant, or which there are. */
export function strictObject<Shape extends z.ZodRawShape>(shape: Shape) {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === "unrecognized_keys" ? unknownKeys(issue["keys"] as string[], known) : "must be an object",
  });
}

function unknownKeys(keys: readonly string[], known: readonly string[]): string {
  const [key = ""] = keys;
  const meant =
    known.find((each) => plain(each) === plain(key)) ?? known.find((each) => isNear(plain(each), plain(key)));
  const hint = meant ? `did you mean ${meant}?` : `it takes ${known.join(", ")}`;
  return `must not have the key ${JSON.stringify(key.slice(0, 50))}: ${hint}`.replace(/\?$/, "");
}

/** `created_at` and `createdat` mean `createdAt`. */
function plain(key: string): string {
  return key.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
}

/** One begins as the other, or they differ in one place. */
function isNear(one: string, other: string): boolean {
  if (one.length < 3 || other.length < 3) return false;
  if (one.startsWith(other) || other.startsWith(one)) return true;
  if (Math.abs(one.length - other.length) > 1) return false;
  let start = 0;
  while (one[start] !== undefined && one[start] === other[start]) start += 1;
  let end = 0;
  while (end < Math.min(one.length, other.length) - start && one.at(-1 - end) === other.at(-1 - end)) end += 1;
  return Math.max(one.length, other.length) - start - end <= 1;
}
