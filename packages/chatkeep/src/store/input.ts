/** Input checked against a schema, with one sentence that names what is wrong. */
import type * as z from "zod";
import { InvalidInputError } from "../errors.ts";
import { limits } from "../limits.ts";
import { isUuid } from "./ids.ts";
import { idSchema } from "./schemas.ts";

/**
 * Parses `input`, or throws the first thing that is wrong with it as a sentence, and the first twenty in `details.issues`.
 * @throws invalid_input
 */
export function parse<Schema extends z.ZodType>(schema: Schema, input: unknown, what: string): z.output<Schema> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  throw invalidInput(result.error, what);
}

/** An id as `idSchema` has it; nearly all are UUIDs, of which nothing else has to be asked. @throws invalid_input */
export function parseId(id: unknown, what: string): string {
  return typeof id === "string" && isUuid(id) ? id.toLowerCase() : parse(idSchema, id, what);
}

/** A zod error as `invalid_input`: paths and rules, never the values. */
export function invalidInput(error: z.ZodError, what: string): InvalidInputError {
  const issues = error.issues
    .slice(0, limits.issues)
    .map((issue) => ({ path: issue.path.map(String).join("."), message: issue.message }));
  const [first] = issues;
  const where = first?.path ? `${what}.${first.path}` : what;
  return new InvalidInputError(`${where} ${first?.message ?? "is not valid"}.`, { details: { issues } });
}
