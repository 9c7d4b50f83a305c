/** What a chat request asks: of all that the client sends, only the newest user message is taken; history comes from the database. */
import * as z from "zod";
import { InvalidInputError } from "../../errors.ts";
import type { Question } from "../../replies/question.ts";
import { parse } from "../../store/input.ts";
import {
  idSchema,
  messageMetadataSchema,
  modelSchema,
  type NewMessage,
  newMessageSchema,
  partSchema,
} from "../../store/schemas.ts";
import { strictObject } from "../../store/strict-object.ts";
import type { Part } from "../../store/tables/message.ts";

const uiMessage = strictObject({
  id: idSchema.optional(),
  role: z.string("must be a text"),
  parts: z.array(partSchema, "must be a list of parts").optional(),
  content: z.string("must be a text").optional(),
  metadata: messageMetadataSchema.optional(),
});

/** What is not taken does not matter. */
const otherMessage = z.looseObject({ role: z.string("must be a text") });

/** The body of a chat request, as `useChat` sends it, with `parentId`, `wait` and `model` as well. */
export const chatRequestSchema = strictObject({
  id: idSchema,
  message: uiMessage.optional(),
  messages: z.array(otherMessage, "must be a list of messages").optional(),
  trigger: z.enum(["submit-message", "regenerate-message"]).optional(),
  messageId: z.string().optional(),
  parentId: idSchema.nullable().optional(),
  wait: z.boolean("must be true or false").optional(),
  model: modelSchema.optional(),
});

/** A body, and what it has beside that: a host's own keys. @throws invalid_input */
export function readRequest(body: unknown): { input: ChatRequest; others: Record<string, unknown> } {
  if (typeof body !== "object" || body === null) return { input: parse(chatRequestSchema, body, "body"), others: {} };
  const isOurs = ([key]: [string, unknown]) => Object.hasOwn(chatRequestSchema.shape, key);
  const entries = Object.entries(body);
  const input = parse(chatRequestSchema, Object.fromEntries(entries.filter(isOurs)), "body");
  return { input, others: Object.fromEntries(entries.filter((entry) => !isOurs(entry))) };
}

export type ChatRequest = z.output<typeof chatRequestSchema>;

/** What the model would choke on in every later turn is refused when it is asked. */
function requireAskable(part: Part): void {
  const isText = part.type === "text" && typeof part["text"] === "string";
  const isFile = part.type === "file" && typeof part["mediaType"] === "string" && typeof part["url"] === "string";
  if (isText || isFile || (part.type !== "text" && part.type !== "file")) return;
  throw new InvalidInputError('message.parts must be texts, or files with a "mediaType" and a "url".');
}

const replySchema = z.looseObject({ id: idSchema, parts: z.array(partSchema, "must be a list of parts") });

/** The reply that a client has added something to, where its request ends with one. @throws invalid_input */
export function continuedIn({ message, messages, trigger }: ChatRequest): { id: string; parts: Part[] } | undefined {
  const last = message ?? messages?.at(-1);
  if (last?.role !== "assistant" || trigger === "regenerate-message") return undefined;
  return parse(replySchema, last, "message");
}

/** @throws invalid_input when there is no user message, or it is not one */
export function questionOf(request: ChatRequest): Question {
  const { id: conversationId, message, messages, trigger, parentId, model: replyModel } = request;
  const newest = message ?? messages?.findLast(({ role }) => role === "user");
  if (!newest) throw new InvalidInputError("message must be the user's question, or messages must have one.");
  const { id, role, parts, content, metadata } = parse(uiMessage, newest, "message");
  if (role !== "user")
    throw new InvalidInputError('message.role must be "user": the server writes the replies itself.');
  const given = {
    ...(id && { id }),
    role,
    ...(parts ? { parts } : { content }),
    ...(metadata !== undefined && { metadata }),
    ...(parentId !== undefined && { parentId }),
  };
  parse(newMessageSchema, given, "message");
  for (const part of parts ?? []) requireAskable(part);
  const regenerate = trigger === "regenerate-message";
  return { conversationId, message: given as NewMessage, regenerate, ...(replyModel !== undefined && { replyModel }) };
}
