/** What may come in, as zod schemas. A server validates and documents with the same ones; types are checked against the tables. */
import { z } from "zod";
import { messageRoles, messageStatuses, type Part } from "./chat.ts";
import { limits } from "./limits.ts";

const { titleCharacters, messagesPerAppend, pageSize } = limits;

/** A UUID of any version, made lower case as PostgreSQL prints it. */
export const idSchema = z
  .uuid("must be a UUID, such as 9b2f6a0e-3c1d-4f7a-8e55-0d6c1b2a3f44")
  .transform((id) => id.toLowerCase());

/** 1 to 200 characters after trimming, without NUL. */
export const titleSchema = z
  .string("must be a text")
  .trim()
  .min(1, "must not be empty")
  .refine((title) => [...title].length <= titleCharacters, `must have at most ${titleCharacters} characters`)
  .refine(isStorable, "must not contain the character NUL, or half of a surrogate pair");

/** What to look for in titles. */
export const searchSchema = z
  .string("must be a text")
  .trim()
  .min(1, "must not be empty")
  .refine((text) => [...text].length <= titleCharacters, `must have at most ${titleCharacters} characters`)
  .refine(isStorable, "must not contain the character NUL, or half of a surrogate pair");

export const markSchema = z.boolean("must be true or false");

export const roleSchema = z.enum(messageRoles, `must be one of ${messageRoles.join(", ")}`);
export const messageStatusSchema = z.enum(messageStatuses);

/** Taken as it is, not copied, so that the order of its keys stays. */
export const partSchema = z.custom<Part>(isPart, 'must be an object with a "type" that is a text');

export const newMessageSchema = z
  .object({
    id: idSchema.optional(),
    role: roleSchema,
    content: z.string("must be a text").optional(),
    parts: z.array(partSchema, "must be a list of parts").optional(),
    parentId: idSchema.nullable().optional(),
    status: messageStatusSchema.optional(),
  })
  .refine(isNotEmpty, { error: "must not be empty: give content, or parts", path: ["content"] })
  .refine(agrees, { error: "must be the plain text of parts: leave it out, it is made from them", path: ["content"] });

export const newMessagesSchema = z
  .array(newMessageSchema, "must be a list of messages")
  .max(messagesPerAppend, `must be at most ${messagesPerAppend} messages at once: send the others in a further request`)
  .refine(hasDistinctIds, "must not name the same id twice");

export const newConversationSchema = z.object({
  id: idSchema.optional(),
  title: titleSchema.nullable().optional(),
  messages: newMessagesSchema.optional(),
});

export const limitSchema = z
  .int(`must be a whole number from 1 to ${pageSize}`)
  .min(1, `must be at least 1`)
  .max(pageSize, `must be at most ${pageSize}`);

export const seqSchema = z
  .int("must be a whole number")
  .min(0, "must be at least 0")
  .max(2_147_483_647, "is too large");

/** A message to append. `content` is made from `parts` when they are given; without `id` a UUID is made; without `parentId` it follows the one before it, or the conversation's `headId`. */
export type NewMessage = z.input<typeof newMessageSchema>;

/** A conversation to create, with its first messages if there are any. */
export type NewConversation = z.input<typeof newConversationSchema>;

/** The plain text of parts: the text of each part of type `text`, one below the other. */
export function textOf(parts: readonly Part[]): string {
  return parts
    .filter((part) => part.type === "text" && typeof part["text"] === "string")
    .map((part) => part["text"])
    .join("\n");
}

/** Whether PostgreSQL's text can hold it. */
export function isStorable(text: string): boolean {
  return !text.includes("\0") && text.isWellFormed();
}

function isPart(value: unknown): boolean {
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
