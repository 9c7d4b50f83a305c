/** The shapes of HTTP, which validate, document, and type the web app's client. */
import { z } from "@hono/zod-openapi";
import {
  type BranchMessage,
  type Conversation,
  finishReasons,
  idSchema,
  limitSchema,
  type Message,
  messageStatusSchema,
  newMessagesSchema,
  partSchema,
  roleSchema,
  titleSchema,
} from "chatkeep";
import type { Task } from "../models/index.ts";

const time = z.iso.datetime().meta({ example: "2026-11-23T09:30:00.000Z" });
const uuid = z.uuid().meta({ example: "9b2f6a0e-3c1d-4f7a-8e55-0d6c1b2a3f44" });

const part = partSchema.meta({
  type: "object",
  description: "A part of a message as the AI SDK has it; kept byte for byte.",
  properties: { type: { type: "string", example: "text" } },
  required: ["type"],
  additionalProperties: true,
});

export const conversation = z
  .object({
    id: uuid,
    title: z.string().nullable().meta({ example: "How do I bake bread?" }),
    createdAt: time,
    updatedAt: time,
    messageCount: z.int().min(0),
    headId: uuid.nullable().meta({ description: "The last message of the branch that is shown." }),
    pinned: z.boolean(),
    archived: z.boolean(),
  })
  .meta({ id: "Conversation" });

export const message = z
  .object({
    id: uuid,
    conversationId: uuid,
    role: roleSchema,
    content: z.string().meta({ description: "The plain text of parts." }),
    parts: z.array(part).nullable(),
    seq: z.int().min(1).meta({ description: "Its place in the conversation, without gaps." }),
    parentId: uuid.nullable().meta({ description: "The message that it answers or follows." }),
    status: messageStatusSchema,
    createdAt: time,
    finishReason: z.enum(finishReasons).nullable().meta({
      description:
        "Why the model ended this reply: stop, or what cut it off. Null where no model of this server wrote it.",
    }),
  })
  .meta({ id: "Message" });

export const branchMessage = message
  .extend({
    siblings: z
      .array(uuid)
      .meta({ description: "All messages that follow the same one with the same role, this one too, by seq." }),
  })
  .meta({ id: "BranchMessage" });

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

export const errorSchema = z
  .object({
    error: z.object({
      code: z.string().meta({ example: "not_found" }),
      message: z.string().meta({ example: "There is no conversation 9b2f6a0e-3c1d-4f7a-8e55-0d6c1b2a3f44." }),
      details: z.record(z.string(), z.unknown()).optional(),
    }),
  })
  .meta({ id: "Error" });

export const idParam = () => z.object({ id: idSchema.meta({ type: "string", format: "uuid" }) });

const numeric = <Schema extends z.ZodType>(schema: Schema) =>
  z.preprocess((text) => (typeof text === "string" && text.trim() !== "" ? Number(text) : text), schema);

export const limitQuery = numeric(limitSchema.optional()).meta({ type: "integer", minimum: 1, maximum: 100 });
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

export const newConversationBody = z
  .object({
    id: idSchema.optional().meta({ type: "string", format: "uuid" }),
    title: titleSchema.nullable().optional(),
    messages: messagesBody().optional(),
  })
  .meta({ id: "NewConversation" });

/** What a client may append: how a message ended is for the server to say. */
export function messagesBody() {
  return newMessagesSchema
    .transform((messages) => messages.map(({ status: _, ...given }) => given))
    .meta({
      type: "array",
      maxItems: 100,
      items: {
        type: "object",
        properties: {
          id: { type: "string", format: "uuid", description: "The idempotency key; made when it is left out." },
          role: { type: "string", enum: ["user", "assistant"] },
          content: { type: "string", description: "At most 16 MiB. Left out when parts are given." },
          parts: { type: "array", items: { type: "object", additionalProperties: true } },
          parentId: { type: "string", format: "uuid", nullable: true },
        },
        required: ["role"],
      },
    });
}

export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({ items: z.array(item), nextCursor: z.string().nullable() });
}

export function asConversation({ createdAt, updatedAt, ...row }: Conversation): z.infer<typeof conversation> {
  return { ...row, createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString() };
}

export function asMessage({ createdAt, ...row }: Message): z.infer<typeof message> {
  return { ...row, createdAt: createdAt.toISOString() };
}

export function asBranchMessage({ siblings, ...row }: BranchMessage): z.infer<typeof branchMessage> {
  return { ...asMessage(row), siblings };
}

export function asTask({ createdAt, updatedAt, ...row }: Task): z.infer<typeof task> {
  return { ...row, createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString() };
}

const json = <Schema extends z.ZodType>(schema: Schema, description: string) => ({
  description,
  content: { "application/json": { schema } },
});

const errors = {
  401: json(errorSchema, "Not signed in: unauthenticated"),
  404: json(errorSchema, "Not there, or someone else's: not_found"),
  409: json(errorSchema, "Contradicts what is stored: conflict"),
  413: json(errorSchema, "Too large: too_large"),
  422: json(errorSchema, "Breaks a rule that the sentence names: invalid_input"),
  503: json(errorSchema, "The database is away; safe to retry: unavailable"),
};

/**
 * The answer of a route; the document also names the errors that every route of a signed-in user can have. These are thrown,
 * so the types, and with them the web app's client, know only the answer.
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
