/** What may be brought in from elsewhere. */
import * as z from "zod";
import {
  agrees,
  contentRule,
  conversationMetadataSchema,
  emptyRule,
  flagSchema,
  hasDistinctIds,
  idSchema,
  instructionsSchema,
  isNotEmpty,
  modelSchema,
  newMessageShape,
  titleSchema,
} from "./schemas.ts";
import { strictObject } from "./strict-object.ts";

const [earliest, aheadMs] = [0, 60_000];

/** From 1970 until now. */
export const pastTimeSchema = z
  .custom<Date | string>(isTime, { error: "must be a Date, or a time as ISO 8601 has it", abort: true })
  .transform((time) => new Date(time))
  .refine((time) => time.getTime() >= earliest, "must not be before 1970")
  .refine((time) => time.getTime() <= Date.now() + aheadMs, "must not be in the future");

/** A message as another place has kept it. */
const importedMessageSchema = strictObject({
  ...newMessageShape,
  id: idSchema,
  status: z
    .enum(["complete", "stopped", "failed", "interrupted"], "must be complete, stopped, failed or interrupted")
    .optional(),
  createdAt: pastTimeSchema.optional(),
})
  .refine((message) => message.role !== "user" || isNotEmpty(message), emptyRule)
  .refine(agrees, contentRule);

/** A conversation as another place has kept it, with all its messages. */
const importedConversationSchema = strictObject({
  id: idSchema,
  title: titleSchema.nullable().optional(),
  pinned: flagSchema.optional(),
  archived: flagSchema.optional(),
  metadata: conversationMetadataSchema.nullable().optional(),
  model: modelSchema.nullable().optional(),
  instructions: instructionsSchema.nullable().optional(),
  createdAt: pastTimeSchema.optional(),
  updatedAt: pastTimeSchema.optional(),
  headId: idSchema.nullable().optional(),
  messages: z
    .array(importedMessageSchema, "must be a list of messages")
    .refine(hasDistinctIds, "must not name the same id twice"),
});

/** Some of those. */
export const importedConversationsSchema = z
  .array(importedConversationSchema)
  .refine(hasDistinctIds, "must not name the same id twice");

/**
 * A conversation to bring in from elsewhere: its messages in their order, with their ids and times. One without `parentId` follows
 * the one before it; one without a time has the conversation's. `updatedAt` is the newest time of a message when it is left out.
 */
export interface ImportedConversation extends z.input<typeof importedConversationSchema> {}

function isTime(value: unknown): boolean {
  if (value instanceof Date) return Number.isFinite(value.getTime());
  return z.iso.datetime({ offset: true }).safeParse(value).success;
}
