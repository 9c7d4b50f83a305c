/** Ids as OpenAI has them. */
import { createHash } from "node:crypto";
import { v7 } from "uuid";

/** Such as `msg_0198…`, ordered by time; with a `seed` the same again for the same. */
export function newId(prefix: string, seed?: string): string {
  const name = seed === undefined ? v7().replaceAll("-", "") : createHash("sha256").update(seed).digest("hex");
  return `${prefix}_${name.slice(0, 32)}`;
}
