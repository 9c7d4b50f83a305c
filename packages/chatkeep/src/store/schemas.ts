/** What may come in, as zod schemas. A server validates and documents with the same ones; types are checked against the tables. */
import * as z from "zod";
import { limits } from "../limits.ts";
import { finishReasons, messageRoles, messageStatuses, type Part } from "./tables/message.ts";
import { runStatuses } from "./tables/run.ts";
import { textOf } from "./text-of.ts";

const { titleCharacters, messagesPerAppend, partsPerMessage, pageSize, issues: maxIssues, names } = limits;

/** A UUID of any version, made lower case as PostgreSQL prints it. */
export const idSchema = z
  .uuid("must be a UUID, such as 9b2f6a0e-3c1d-4f7a-8e55-0d6c1b2a3f44")
  .transform((id) => id.toLowerCase());

/** 1 to 200 characters after trimming, without NUL. */
export const titleSchema = z
  .string("must be a text")
  .trim()
  .min(1, "must not be empty")
  .refine(hasFewCharacters, `must have at most ${titleCharacters} characters`)
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

/** A message to append: `content` or `parts`, not empty unless it is unfinished. */
export const newMessageSchema = z
  .object({
    id: idSchema.optional(),
    role: roleSchema,
    content: z.string("must be a text").optional(),
    parts: partsSchema.optional(),
    parentId: idSchema.nullable().optional(),
    status: messageStatusSchema.optional(),
  })
  .refine(isNotEmpty, { error: "must not be empty: give content, or parts", path: ["content"] })
  .refine(agrees, { error: "must be the plain text of parts: leave it out, it is made from them", path: ["content"] });

/** The number is looked at before the messages are. */
export const newMessagesSchema = z
  .custom<NewMessageInput[]>(Array.isArray, { error: "must be a list of messages", abort: true })
  .refine((messages) => messages.length <= messagesPerAppend, {
    error: `must be at most ${messagesPerAppend} messages at once: send the others in a further request`,
    abort: true,
  })
  .pipe(z.array(newMessageSchema))
  .refine(hasDistinctIds, "must not name the same id twice");

export const someMessagesSchema = newMessagesSchema.refine(
  (messages) => messages.length > 0,
  "must have at least one message",
);

/** A conversation to create, with up to 100 first messages. */
export const newConversationSchema = z.object({
  id: idSchema.optional(),
  title: titleSchema.nullable().optional(),
  messages: newMessagesSchema.optional(),
});

/** The number of entries on a page: 1 to 100. */
export const limitSchema = z
  .int(`must be a whole number from 1 to ${pageSize}`)
  .min(1, `must be at least 1`)
  .max(pageSize, `must be at most ${pageSize}`);

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

const countSchema = z.int("must be a whole number").min(0, "must be at least 0");

export const newRunSchema = z.object({
  conversationId: idSchema,
  messageId: idSchema,
  server: nameSchema,
  model: nameSchema.optional(),
});

export const newReplySchema = z.object({
  conversationId: idSchema,
  question: newMessageSchema.refine(
    ({ role, status = "complete" }) => role === "user" && status === "complete",
    'must be a message of the role "user", and complete',
  ),
  regenerate: z.boolean("must be true or false").optional(),
  replyId: idSchema.optional(),
  server: nameSchema,
  model: nameSchema.optional(),
});

export const runKeySchema = z.object({ id: idSchema, epoch: z.int("must be a whole number").min(1) });

export const chunkRowsSchema = z.array(
  z.object({
    seq: seqSchema,
    chunk: z.string("must be a text").refine(isStorable, "must be well-formed text without the character NUL"),
  }),
  "must be a list of rows",
);

export const runEndSchema = z.object({
  status: z.enum(
    runStatuses.filter((status) => status !== "running"),
    "must be completed, stopped, failed or interrupted",
  ),
  parts: partsSchema,
  chunks: chunkRowsSchema.optional(),
  finishReason: z.enum(finishReasons, `must be one of ${finishReasons.join(", ")}`).optional(),
  errorCode: nameSchema.optional(),
  error: sentenceSchema.optional(),
  inputTokens: countSchema.optional(),
  outputTokens: countSchema.optional(),
});

type NewMessageInput = z.input<typeof newMessageSchema>;

/**
 * A reply to begin: its question, new or stored already, the process that generates, and the model, for people who read logs.
 * `regenerate` asks for another answer to a question that has one. Without `replyId` a UUID is made.
 */
export interface NewReply extends z.input<typeof newReplySchema> {}

/** A run to begin: its draft, the process that generates, and the model, for people who read logs. */
export interface NewRun extends z.input<typeof newRunSchema> {}

/** A message to append. `content` is made from `parts` when they are given; without `id` a UUID is made; without `parentId` it follows the one before it, or the conversation's `headId`. */
export interface NewMessage extends z.input<typeof newMessageSchema> {}

/** A conversation to create, with its first messages if there are any. */
export interface NewConversation extends z.input<typeof newConversationSchema> {}

/** Whether PostgreSQL's text can hold it. */
export function isStorable(text: string): boolean {
  return !text.includes("\0") && text.isWellFormed();
}

/** Counted only where the length leaves it open: a character has one or two places in a text. */
function hasFewCharacters(text: string): boolean {
  if (text.length <= titleCharacters) return true;
  return text.length <= 2 * titleCharacters && [...text].length <= titleCharacters;
}

function isPart(value: unknown): value is Part {
  return (
    typeof value === "object" && value !== null && typeof (value as Part).type === "string" && !Array.isArray(value)
  );
}

type Draft = { role: string; content?: string | undefined; parts?: Part[] | undefined; status?: string | undefined };

function isNotEmpty({ content, parts, status }: Draft): boolean {
  const unfinished = status !== undefined && status !== "complete";
  return unfinished || Boolean(content) || Boolean(parts?.length);
}

function agrees({ content, parts }: Draft): boolean {
  return content === undefined || parts === undefined || content === textOf(parts);
}

function hasDistinctIds(messages: readonly { id?: string | undefined }[]): boolean {
  const ids = messages.flatMap((message) => message.id ?? []);
  return new Set(ids).size === ids.length;
}
