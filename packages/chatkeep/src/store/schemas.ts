/** What may come in, as zod schemas. A server validates and documents with the same ones; types are checked against the tables. */
import * as z from "zod";
import { limits } from "../limits.ts";
import { isUuid } from "./ids.ts";
import { strictObject } from "./strict-object.ts";
import { finishReasons, messageRoles, messageStatuses, type Part } from "./tables/message.ts";
import { runStatuses } from "./tables/run.ts";
import { textOf } from "./text-of.ts";
import { quotasSchema } from "./usage/quota-schemas.ts";

const {
  idCharacters,
  titleCharacters,
  messagesPerAppend,
  partsPerMessage,
  pageSize,
  issues: maxIssues,
  names,
} = limits;

/** A UUID of any version, made lower case as PostgreSQL prints it. */
export const uuidSchema = z
  .string("must be a UUID")
  .refine(isUuid, "must be a UUID, such as 9b2f6a0e-3c1d-4f7a-8e55-0d6c1b2a3f44")
  .transform((id) => id.toLowerCase());

/** The id of a conversation or a message: any text of 1 to 255 characters, given back as it was; a UUID in lower case. */
export const idSchema = z
  .string("must be a text")
  .refine((id) => isUuid(id) || id.trim() !== "", { error: "must not be empty, or of spaces only", abort: true })
  .refine((id) => hasFewCharacters(id, idCharacters), `must have at most ${idCharacters} characters`)
  .refine(isStorable, "must not contain the character NUL, or half of a surrogate pair")
  .transform((id) => (isUuid(id) ? id.toLowerCase() : id));

/** 1 to 200 characters after trimming, without NUL. */
export const titleSchema = z
  .string("must be a text")
  .trim()
  .min(1, "must not be empty")
  .refine((title) => hasFewCharacters(title, titleCharacters), `must have at most ${titleCharacters} characters`)
  .refine(isStorable, "must not contain the character NUL, or half of a surrogate pair");

/** 1 to 200 characters to look for in titles. */
export const searchSchema = titleSchema.describe("What to look for in titles.");

/** True or false. */
export const flagSchema = z.boolean("must be true or false");

/** One of `messageRoles`. */
export const roleSchema = z.enum(messageRoles, `must be one of ${messageRoles.join(", ")}`);

/** One of `messageStatuses`. */
export const messageStatusSchema = z.enum(messageStatuses);

const partRule = 'must be an object with a "type" that is a text';

/** Taken as it is, not copied, so that the order of its keys stays. */
export const partSchema = z.custom<Part>(isPart, partRule);

/** A list of those. Looked at one by one, and no further than the first faults, so that a wrong list costs no more than a right one. */
const partsSchema = z
  .custom<Part[]>(Array.isArray, { error: "must be a list of parts", abort: true })
  .refine((parts) => parts.length <= partsPerMessage, {
    error: `must be at most ${partsPerMessage} parts: send the others in a further message`,
    abort: true,
  })
  .superRefine((parts, context) => {
    let found = 0;
    for (const [index, part] of parts.entries()) {
      if (isPart(part)) continue;
      context.addIssue({ code: "custom", path: [index], message: partRule });
      found += 1;
      if (found === maxIssues) return;
    }
  });

/** What the metadata of a message may be: its size is looked at where it is stored. */
export const messageMetadataSchema = z.custom<unknown>(
  (value) =>
    value !== undefined && typeof value !== "function" && typeof value !== "symbol" && typeof value !== "bigint",
  "must be a value of JSON",
);

/** Also what a database can compare: that has no NUL in its texts, and no half of a surrogate pair. */
export const conversationMetadataSchema = z
  .custom<Record<string, unknown>>(isObject, { error: "must be an object", abort: true })
  .refine(isComparable, "must not contain the character NUL, or half of a surrogate pair");

/** The name of a model; at most 255 characters. */
export const modelSchema = z
  .string("must be a text")
  .min(1, "must not be empty")
  .max(names, `must have at most ${names} characters`)
  .refine(isStorable, "must not contain the character NUL, or half of a surrogate pair");

/** What a model is told; at most 64 KiB. */
export const instructionsSchema = z
  .string("must be a text")
  .refine((text) => encoder.encode(text).byteLength <= limits.instructionsBytes, {
    error: `must have at most ${limits.instructionsBytes} bytes`,
    abort: true,
  })
  .refine(isStorable, "must not contain the character NUL, or half of a surrogate pair");

const encoder = new TextEncoder();

/** What a message to append may have. */
export const newMessageShape = {
  id: idSchema.optional(),
  role: roleSchema,
  content: z.string("must be a text").optional(),
  parts: partsSchema.optional(),
  metadata: messageMetadataSchema.optional(),
  parentId: idSchema.nullable().optional(),
};

/** How a message ended; nothing is appended as deleted. */
const givenStatusSchema = z.enum(
  messageStatuses.filter((status) => status !== "deleted"),
  "must be complete, streaming, stopped, failed or interrupted",
);

export const emptyRule = { error: "must not be empty: give content, or parts", path: ["content"] };
export const contentRule = {
  error: "must be the plain text of parts: leave it out, it is made from them",
  path: ["content"],
};

/** A message to append: `content` or `parts`, not empty unless it is unfinished. */
export const newMessageSchema = strictObject({ ...newMessageShape, status: givenStatusSchema.optional() })
  .refine(isNotEmpty, emptyRule)
  .refine(agrees, contentRule);

/** The same without its status, as a client may send it: how a message ended is for the server to say. */
export const sentMessageSchema = strictObject(newMessageShape)
  .refine(isNotEmpty, emptyRule)
  .refine(agrees, contentRule);

/** A list of messages whose number is looked at before they are. */
export function messagesOf<Schema extends z.ZodType<{ id?: string | undefined }>>(message: Schema) {
  return z
    .custom<z.input<Schema>[]>(Array.isArray, { error: "must be a list of messages", abort: true })
    .refine((messages) => messages.length <= messagesPerAppend, {
      error: `must be at most ${messagesPerAppend} messages at once: send the others in a further request`,
      abort: true,
    })
    .pipe(z.array(message))
    .refine(hasDistinctIds, "must not name the same id twice");
}

/** Up to 100 messages to append. */
export const newMessagesSchema = messagesOf(newMessageSchema);

export const someMessagesSchema = newMessagesSchema.refine(
  (messages) => messages.length > 0,
  "must have at least one message",
);

/** What of a message can be changed in place. */
export const messageChangesSchema = strictObject({
  content: z.string("must be a text").optional(),
  parts: partsSchema.optional(),
  metadata: messageMetadataSchema.optional(),
  status: z
    .enum(["complete", "stopped", "failed", "interrupted"], "must be complete, stopped, failed or interrupted")
    .optional(),
})
  .refine(
    (given) => Object.values(given).some((value) => value !== undefined),
    "must have at least one of content, parts, metadata, status",
  )
  .refine(agrees, contentRule);

/** A message of a transcript. */
const savedMessageSchema = strictObject({
  ...newMessageShape,
  id: idSchema,
  parentId: z.undefined("is given by the order of the messages: leave it out").optional(),
})
  .refine(isNotEmpty, emptyRule)
  .refine(agrees, contentRule);

/** As many as there are. */
export const savedMessagesSchema = z
  .array(savedMessageSchema, "must be a list of messages")
  .refine(hasDistinctIds, "must not name the same id twice");

/** What a conversation to create may have. */
export const newConversationShape = {
  id: idSchema.optional(),
  title: titleSchema.nullable().optional(),
  pinned: flagSchema.optional(),
  archived: flagSchema.optional(),
  metadata: conversationMetadataSchema.nullable().optional(),
  model: modelSchema.nullable().optional(),
  instructions: instructionsSchema.nullable().optional(),
};

/** The same, with up to 100 first messages; `temporary`: it is in no list, and removed after a day. */
export const newConversationSchema = strictObject({
  ...newConversationShape,
  temporary: flagSchema.optional(),
  messages: newMessagesSchema.optional(),
});

/** What of a conversation can be changed. */
export const conversationChangesSchema = strictObject({
  title: titleSchema.optional(),
  pinned: flagSchema.optional(),
  archived: flagSchema.optional(),
  metadata: conversationMetadataSchema.nullable().optional(),
  model: modelSchema.nullable().optional(),
  instructions: instructionsSchema.nullable().optional(),
}).refine(
  (given) => Object.values(given).some((value) => value !== undefined),
  "must have at least one of title, pinned, archived, metadata, model, instructions",
);

const limitTo = (most: number) =>
  z.int(`must be a whole number from 1 to ${most}`).min(1, `must be at least 1`).max(most, `must be at most ${most}`);

/** The number of entries on a page: 1 to 100. */
export const limitSchema = limitTo(pageSize);

/** The number of messages on a page: 1 to 500. */
export const messageLimitSchema = limitTo(limits.messagePageSize);

/** As a page gave it; what it holds is looked at where it is used. */
export const cursorSchema = z
  .string("must be the nextCursor of a page")
  .max(limits.cursor, "must be the nextCursor of a page");

/** A place in a conversation; 0 stands before the first message. */
export const seqSchema = z
  .int("must be a whole number")
  .min(0, "must be at least 0")
  .max(2_147_483_647, "is too large");

/** Names of servers, tables and codes: for people who read logs. */
const nameSchema = z
  .string("must be a text")
  .min(1, "must not be empty")
  .max(names, `must have at most ${names} characters`)
  .refine(isStorable, "must not contain the character NUL, or half of a surrogate pair");

const sentenceSchema = z
  .string("must be a text")
  .max(limits.sentence, `must have at most ${limits.sentence} characters`)
  .refine(isStorable, "must not contain the character NUL, or half of a surrogate pair");

export const countSchema = z.int("must be a whole number").min(0, "must be at least 0");

export const tokenCountsShape = {
  inputTokens: countSchema.optional(),
  outputTokens: countSchema.optional(),
  cachedTokens: countSchema.optional(),
  reasoningTokens: countSchema.optional(),
};

export const newRunSchema = strictObject({
  conversationId: idSchema,
  messageId: idSchema,
  server: nameSchema,
  model: nameSchema.optional(),
  quotas: quotasSchema.optional(),
});

export const newReplySchema = strictObject({
  conversationId: idSchema,
  question: newMessageSchema.refine(
    ({ role, status = "complete" }) => role === "user" && status === "complete",
    'must be a message of the role "user", and complete',
  ),
  regenerate: z.boolean("must be true or false").optional(),
  replyId: idSchema.optional(),
  server: nameSchema,
  model: nameSchema.optional(),
  quotas: quotasSchema.optional(),
  replyModel: modelSchema.optional(),
});

export const proceedingSchema = strictObject({
  conversationId: idSchema,
  messageId: idSchema,
  parts: partsSchema,
  revision: z.int("must be the revision of the message as it was read").min(1, "must be at least 1"),
  server: nameSchema,
  model: nameSchema.optional(),
  quotas: quotasSchema.optional(),
});

export const runKeySchema = z.object({ id: uuidSchema, epoch: z.int("must be a whole number").min(1) });

export const chunkRowsSchema = z.array(
  z.object({
    seq: seqSchema,
    chunk: z.string("must be a text").refine(isStorable, "must be well-formed text without the character NUL"),
  }),
  "must be a list of rows",
);

export const runEndSchema = strictObject({
  status: z.enum(
    runStatuses.filter((status) => status !== "running"),
    "must be completed, stopped, failed or interrupted",
  ),
  parts: partsSchema,
  metadata: messageMetadataSchema.optional(),
  chunks: chunkRowsSchema.optional(),
  finishReason: z.enum(finishReasons, `must be one of ${finishReasons.join(", ")}`).optional(),
  errorCode: nameSchema.optional(),
  error: sentenceSchema.optional(),
  ...tokenCountsShape,
});

/**
 * A reply to begin: its question, new or stored already, the process that generates, and the model, for people who read logs.
 * `regenerate` asks for another answer to a question that has one. Without `replyId` a UUID is made. `quotas` are looked at before it
 * begins.
 */
export interface NewReply extends z.input<typeof newReplySchema> {}

/** A reply to go on with: its parts as they are by now, and the `revision` of the message as it was read. */
export interface Proceeding extends z.input<typeof proceedingSchema> {}

/** A run to begin: its draft, the process that generates, and the model, for people who read logs. */
export interface NewRun extends z.input<typeof newRunSchema> {}

/** A message to append. `content` is made from `parts` when they are given; without `id` a UUID is made; without `parentId` it follows the one before it, or the conversation's `headId`. */
export interface NewMessage extends z.input<typeof newMessageSchema> {}

/** A conversation to create, with its first messages if there are any. */
export interface NewConversation extends z.input<typeof newConversationSchema> {}

/** What of a message is to be another than it is; `metadata: null` takes it away. */
export interface MessageChanges extends z.input<typeof messageChangesSchema> {}

/** A message of a transcript, such as a `UIMessage` of the AI SDK. */
export interface SavedMessage extends z.input<typeof savedMessageSchema> {}

/** What of a conversation is to be another than it is. */
export interface ConversationChanges extends z.input<typeof conversationChangesSchema> {}

/** Whether PostgreSQL's text can hold it. */
export function isStorable(text: string): boolean {
  return !text.includes("\0") && text.isWellFormed();
}

/** Counted only where the length leaves it open: a character has one or two places in a text. */
function hasFewCharacters(text: string, most: number): boolean {
  if (text.length <= most) return true;
  return text.length <= 2 * most && [...text].length <= most;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isComparable(value: object): boolean {
  try {
    // What JSON escapes of a text is what the database cannot compare.
    return !/\\u(?:0000|d[89a-f])/.test(JSON.stringify(value).replaceAll("\\\\", ""));
  } catch {
    return true;
  }
}

function isPart(value: unknown): value is Part {
  return (
    typeof value === "object" && value !== null && typeof (value as Part).type === "string" && !Array.isArray(value)
  );
}

type Draft = { role?: string; content?: string | undefined; parts?: Part[] | undefined; status?: string | undefined };

export function isNotEmpty({ role, content, parts, status }: Draft): boolean {
  const unfinished = status !== undefined && status !== "complete";
  // An answer may be empty, and say so by parts that are none.
  const isEmptyAnswer = role === "assistant" && parts !== undefined;
  return unfinished || Boolean(content) || Boolean(parts?.length) || isEmptyAnswer;
}

export function agrees({ content, parts }: Draft): boolean {
  return content === undefined || parts === undefined || content === textOf(parts);
}

export function hasDistinctIds(messages: readonly { id?: string | undefined }[]): boolean {
  const ids = messages.flatMap((message) => message.id ?? []);
  return new Set(ids).size === ids.length;
}
