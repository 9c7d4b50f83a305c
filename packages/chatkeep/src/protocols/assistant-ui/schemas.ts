/** What assistant-ui's client may send, as zod schemas. */
import * as z from "zod";
import { limits } from "../../limits.ts";
import { idSchema, titleSchema } from "../../store/schemas.ts";
import { strictObject } from "../../store/strict-object.ts";

const messagesPerPage = 200;
const threadsPerPage = 20;
const commentCharacters = 4_000;
const maxDeleted = 1_000;

const timeSchema = z.iso.datetime({ offset: true, error: "must be a time as ISO 8601 has it" });
const flagSchema = z.boolean("must be true or false");
const textSchema = z.string("must be a text");
const nonEmptySchema = textSchema.min(1, "must not be empty");

const objectSchema = z.custom<Record<string, unknown>>(
  (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  "must be an object",
);

function limitOf(most: number, preset: number) {
  const rule = `must be a whole number from 1 to ${most}`;
  return z.coerce.number(rule).int(rule).min(1, rule).max(most, rule).default(preset);
}

export const threadListSchema = strictObject({
  is_archived: z
    .enum(["true", "false"], "must be true or false")
    .default("false")
    .transform((text) => text === "true"),
  limit: limitOf(limits.pageSize, threadsPerPage),
  after: nonEmptySchema.optional(),
});

export const newThreadSchema = strictObject({
  title: titleSchema.optional(),
  last_message_at: timeSchema.optional(),
  metadata: z.unknown().optional(),
  external_id: idSchema.optional(),
  upsert: flagSchema.optional(),
}).refine(({ external_id, upsert }) => !upsert || external_id !== undefined, {
  error: "must be given with upsert",
  path: ["external_id"],
});

export const threadChangesSchema = strictObject({
  title: titleSchema.optional(),
  last_message_at: timeSchema.optional(),
  metadata: z.unknown().optional(),
  is_archived: flagSchema.optional(),
});

export const messageListSchema = strictObject({
  format: nonEmptySchema.optional(),
  limit: limitOf(messagesPerPage, messagesPerPage),
  after: idSchema.optional(),
});

export const newMessageSchema = strictObject({
  parent_id: idSchema.nullable(),
  format: nonEmptySchema.max(limits.names, `must have at most ${limits.names} characters`),
  content: objectSchema,
  external_id: idSchema.optional(),
  parent_external_id: idSchema.optional(),
  open_run: flagSchema.optional(),
  lease_id: nonEmptySchema.optional(),
}).refine(({ lease_id, external_id }) => lease_id === undefined || external_id !== undefined, {
  error: "must be given with lease_id",
  path: ["external_id"],
});

export const messageChangesSchema = strictObject({ content: objectSchema, lease_id: nonEmptySchema.optional() });

export const deletedMessagesSchema = strictObject({
  message_ids: z.array(idSchema, "must be a list of ids").min(1).max(maxDeleted, `must be at most ${maxDeleted} ids`),
});

export const feedbackSchema = strictObject({
  type: z.enum(["positive", "negative"], "must be positive or negative"),
  comment: textSchema.max(commentCharacters, `must have at most ${commentCharacters} characters`).optional(),
});

export const runEndSchema = strictObject({
  reason: z.enum(["done", "cancelled", "error"], "must be done, cancelled or error").default("done"),
});

export const titleRequestSchema = strictObject({
  thread_id: idSchema,
  assistant_id: z.literal("system/thread_title", 'must be "system/thread_title": nothing else is answered here'),
  messages: z.array(objectSchema, "must be a list of messages"),
  response_format: z.string().optional(),
});

export const tokenSchema = strictObject({ refresh_token: nonEmptySchema });

/** A score is kept with its message. */
export const scoreSchema = strictObject({
  name: nonEmptySchema.max(limits.names, `must have at most ${limits.names} characters`),
  data_type: z.enum(["numeric", "categorical", "boolean"], "must be numeric, categorical or boolean"),
  value: z.union([z.number(), z.boolean()], "must be a number, true or false").optional(),
  string_value: textSchema.max(commentCharacters, `must have at most ${commentCharacters} characters`).optional(),
  comment: textSchema.max(commentCharacters, `must have at most ${commentCharacters} characters`).optional(),
  thread_id: idSchema.optional(),
  message_id: idSchema.optional(),
  run_id: textSchema.optional(),
});

/** Whatever a client tells of itself, which nobody here reads. */
export const telemetrySchema = objectSchema;

export type NewThread = z.output<typeof newThreadSchema>;
export type ThreadChanges = z.output<typeof threadChangesSchema>;
export type NewCloudMessage = z.output<typeof newMessageSchema>;
export type Feedback = z.output<typeof feedbackSchema>;
export type Score = z.output<typeof scoreSchema>;
export type EndReason = z.output<typeof runEndSchema>["reason"];
