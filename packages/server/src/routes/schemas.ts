/** What routes are described with: parameters, answers and errors. The shapes themselves are in `chatkeep/wire`; tasks are ours. */
import { z } from "@hono/zod-openapi";
import { idSchema, limitSchema, limits, messageLimitSchema, uuidSchema } from "chatkeep";
import { errorBody } from "chatkeep/wire";
import type { Task } from "../models/index.ts";

const time = z.iso.datetime().meta({ example: "2026-11-23T09:30:00.000Z" });
const uuid = z.uuid().meta({ example: "9b2f6a0e-3c1d-4f7a-8e55-0d6c1b2a3f44" });

export const task = z
  .object({
    id: uuid,
    title: z.string(),
    description: z.string().nullable(),
    completed: z.boolean(),
    createdAt: time,
    updatedAt: time,
  })
  .meta({ id: "Task" });

export const apiKey = z
  .object({
    id: uuid,
    name: z.string(),
    start: z.string().meta({ description: "Its first characters, by which people know it again." }),
    isReadOnly: z.boolean(),
    expiresAt: time.nullable(),
    lastUsedAt: time.nullable().meta({ description: "To the hour." }),
    createdAt: time,
  })
  .meta({ id: "ApiKey" });

/** Of conversations and messages: any text. */
export const idMeta = { type: "string", minLength: 1, maxLength: 255 } as const;

export const idParam = () => z.object({ id: idSchema.meta(idMeta) });

/** Of what is ours alone. */
export const uuidParam = () => z.object({ id: uuidSchema.meta({ type: "string", format: "uuid" }) });

const numeric = <Schema extends z.ZodType>(schema: Schema) =>
  z.preprocess((text) => (typeof text === "string" && text.trim() !== "" ? Number(text) : text), schema);

export const limitQuery = numeric(limitSchema.optional()).meta({
  type: "integer",
  minimum: 1,
  maximum: limits.pageSize,
});
export const messageLimitQuery = numeric(messageLimitSchema.optional()).meta({
  type: "integer",
  minimum: 1,
  maximum: limits.messagePageSize,
});
export const markQuery = z
  .enum(["true", "false"], 'must be "true" or "false"')
  .transform((text) => text === "true")
  .optional()
  .meta({ type: "string", enum: ["true", "false"] });
export const cursorQuery = z.string().optional().meta({ description: "The nextCursor of the page before." });
export const seqQuery = numeric(z.int("must be a whole number").min(0, "must be at least 0").optional()).meta({
  type: "integer",
  minimum: 0,
});

/** An object as JSON; what it may hold is looked at by the store. */
export const metadataQuery = z
  .string()
  .transform((text, context): Record<string, string | number | boolean | null | (string | number | boolean)[]> => {
    try {
      const value: unknown = JSON.parse(text);
      if (typeof value === "object" && value !== null) return value as Record<string, string>;
    } catch {}
    context.addIssue({ code: "custom", message: "must be an object as JSON" });
    return z.NEVER;
  })
  .optional()
  .meta({
    type: "string",
    description:
      'Only those whose metadata has these keys and values: {"projectId":"x"}. Of a list, all that are given: {"tags":["x"]}.',
  });

export function asTask({ createdAt, updatedAt, ...row }: Task): z.infer<typeof task> {
  return { ...row, createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString() };
}

const json = <Schema extends z.ZodType>(schema: Schema, description: string) => ({
  description,
  content: { "application/json": { schema } },
});

const errors = {
  401: json(errorBody, "Not signed in: unauthenticated"),
  404: json(errorBody, "Not there, or someone else's: not_found"),
  409: json(errorBody, "Contradicts what is stored: conflict"),
  413: json(errorBody, "Too large: too_large"),
  422: json(errorBody, "Breaks a rule that the sentence names: invalid_input"),
  503: json(errorBody, "The database is away; safe to retry: unavailable"),
};

/**
 * The answer of a route; the document also names the errors that every route of a signed-in user can have. These are thrown,
 * so the types know only the answer.
 */
export function responses<Status extends number, Schema extends z.ZodType>(
  status: Status,
  schema: Schema,
  description: string,
) {
  return { ...errors, [status]: json(schema, description) } as unknown as Record<
    Status,
    { description: string; content: { "application/json": { schema: Schema } } }
  >;
}

export function noContent(description: string) {
  return { ...errors, 204: { description } } as unknown as Record<204, { description: string }>;
}

export function jsonBody<Schema extends z.ZodType>(schema: Schema) {
  return { required: true as const, content: { "application/json": { schema } } };
}
