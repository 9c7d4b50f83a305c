/** The shapes of the HTTP of a chatkeep server, as zod schemas: they validate and document there, and type the client. */
import * as z from "zod";
import type { ErrorCode } from "./errors.ts";
import type { TrashedConversation as StoredTrashed } from "./store/conversations/trash.ts";
import type { BranchMessage as StoredBranchMessage } from "./store/messages/branch.ts";
import {
  conversationMetadataSchema,
  flagSchema,
  idSchema,
  instructionsSchema,
  messageChangesSchema,
  messageStatusSchema,
  messagesOf,
  modelSchema,
  newConversationShape,
  partSchema,
  roleSchema,
  sentMessageSchema,
  seqSchema,
  titleSchema,
} from "./store/schemas.ts";
import type { SearchPage as StoredSearchPage } from "./store/search/search.ts";
import { searchFields } from "./store/search/texts.ts";
import { strictObject } from "./store/strict-object.ts";
import type { Conversation as StoredConversation } from "./store/tables/conversation.ts";
import type { StoredFile as FileInStore } from "./store/tables/file.ts";
import { finishReasons, messageRoles, type Part, type Message as StoredMessage } from "./store/tables/message.ts";
import { fileImportReport } from "./wire-import.ts";

export { type FileImportReport, fileImportReport, type ImportReport, importReport } from "./wire-import.ts";
export { asErasureReceipt, type ErasureReceipt, erasureReceipt } from "./wire-receipt.ts";
export { asQuotaUse, asUsageSum, type QuotaUse, quotaUse, type UsageSum, usageSum } from "./wire-usage.ts";

const time = z.iso.datetime().meta({ example: "2026-11-23T09:30:00.000Z" });
/** As it was given: a UUID, or any other text of 1 to 255 characters. */
const id = z.string().meta({ minLength: 1, maxLength: 255, example: "9b2f6a0e-3c1d-4f7a-8e55-0d6c1b2a3f44" });
const givenId = { type: "string", minLength: 1, maxLength: 255 } as const;

const part = partSchema.meta({
  type: "object",
  description: "A part of a message as the AI SDK has it; kept byte for byte.",
  properties: { type: { type: "string", example: "text" } },
  required: ["type"],
  additionalProperties: true,
});

const object = { type: "object", additionalProperties: true } as const;

/** A conversation as it goes out. */
export const conversation = z
  .object({
    id,
    title: z.string().nullable().meta({ example: "How do I bake bread?" }),
    titleBy: z
      .enum(["person", "model"])
      .nullable()
      .meta({ description: "Who gave the title; null for one that was made from the first question." }),
    createdAt: time,
    updatedAt: time,
    messageCount: z.int().min(0),
    headId: id.nullable().meta({ description: "The last message of the branch that is shown." }),
    pinned: z.boolean(),
    archived: z.boolean(),
    metadata: z.record(z.string(), z.unknown()).nullable().meta({ description: "Of the host's own." }),
    model: z.string().nullable().meta({ description: "The model that answers here; null for the usual one." }),
    instructions: z.string().nullable().meta({ description: "What the model is told before all messages." }),
    expiresAt: time.nullable().meta({ description: "Of a temporary one, which is in no list: when it is removed." }),
  })
  .meta({ id: "Conversation" });

/** A conversation, without its messages. */
export interface Conversation extends z.infer<typeof conversation> {}

const untilWhen = { deletedAt: time, expiresAt: time };
/** A conversation in the trash as it goes out; `expiresAt` says when it is removed for good. */
export const trashedConversation = conversation.extend(untilWhen).meta({ id: "TrashedConversation" });

/** A conversation in the trash. */
export interface TrashedConversation extends z.infer<typeof trashedConversation> {}

/** A message as it goes out. */
export const message = z
  .object({
    id,
    conversationId: id,
    role: roleSchema,
    content: z.string().meta({ description: "The plain text of parts." }),
    parts: z.array(part).nullable(),
    metadata: z.unknown().meta({ description: "Any JSON that its sender put beside it; null for nothing." }),
    seq: z.int().min(1).meta({ description: "Its place in the conversation, without gaps." }),
    parentId: id.nullable().meta({ description: "The message that it answers or follows." }),
    status: messageStatusSchema,
    createdAt: time,
    finishReason: z.enum(finishReasons).nullable().meta({
      description:
        "Why the model ended this reply: stop, or what cut it off. Null where no model of this server wrote it.",
    }),
    revision: z.int().min(1).meta({ description: "One more for each change in place." }),
    updatedAt: time.nullable().meta({ description: "Of its last change in place." }),
  })
  .meta({ id: "Message" });

/** A message as it is stored. */
export interface Message extends z.infer<typeof message> {}

/** A message of a branch as it goes out. */
export const branchMessage = message
  .extend({
    siblings: z
      .array(id)
      .meta({ description: "All messages that follow the same one with the same role, this one too, by seq." }),
    model: z.string().nullable().meta({
      description: "The name of the model that wrote it, as it was called then; null where no run of this server did.",
    }),
  })
  .meta({ id: "BranchMessage" });

/** A message of a branch, with what else could stand in its place. */
export interface BranchMessage extends z.infer<typeof branchMessage> {}

/** The body of every answer that is an error. */
export const errorBody = z
  .object({
    error: z.object({
      code: z.string().meta({ example: "not_found" }),
      message: z.string().meta({ example: "There is no conversation 9b2f6a0e-3c1d-4f7a-8e55-0d6c1b2a3f44." }),
      details: z.record(z.string(), z.unknown()).optional(),
    }),
  })
  .meta({ id: "Error" });

/** What every answer that is an error has as its body. */
export interface ErrorBody extends z.infer<typeof errorBody> {}

/** The codes of errors, a closed list; and a part of a message. */
export type { ErrorCode, Part };

/** What a client may append: how a message ended is for the server to say. */
export const newMessages = messagesOf(sentMessageSchema).meta({
  type: "array",
  maxItems: 100,
  items: {
    type: "object",
    properties: {
      id: { ...givenId, description: "The idempotency key; made when it is left out." },
      role: { type: "string", enum: [...messageRoles] },
      content: { type: "string", description: "At most 16 MiB. Left out when parts are given." },
      parts: { type: "array", items: { type: "object", additionalProperties: true } },
      metadata: { description: "Any JSON of at most 64 KiB." },
      parentId: { ...givenId, nullable: true },
    },
    required: ["role"],
    additionalProperties: false,
  },
});

type NewMessageShape = z.output<typeof newMessages>[number];

/** A message to append: its `content`, or its `parts`. Without `parentId` it follows the one before it, or the head. */
export interface NewMessage extends NewMessageShape {}

/** What a conversation has beside its title and its place. */
const ofHost = {
  metadata: conversationMetadataSchema
    .nullable()
    .optional()
    .meta({ ...object, nullable: true }),
  model: modelSchema.nullable().optional(),
  instructions: instructionsSchema.nullable().optional(),
};

/** The body that creates a conversation. */
export const newConversation = strictObject({
  ...newConversationShape,
  id: idSchema.optional().meta(givenId),
  ...ofHost,
  temporary: flagSchema.optional().meta({ description: "In no list, no search and no export; removed after a day." }),
  messages: newMessages.optional(),
}).meta({ id: "NewConversation" });

/** A conversation to create, with its first messages if there are any. */
export interface NewConversation extends z.output<typeof newConversation> {}

/** The body that changes a conversation: at least one of its fields. */
export const conversationChange = strictObject({
  title: titleSchema.optional(),
  pinned: flagSchema.optional(),
  archived: flagSchema.optional(),
  ...ofHost,
  headId: idSchema.optional().meta({
    ...givenId,
    description: "A message: its branch is shown, to its newest end.",
  }),
  lastMessageId: idSchema
    .nullable()
    .optional()
    .meta({
      ...givenId,
      nullable: true,
      description:
        "A message that the branch ends with from now on; null: nothing is shown. What is below it is not removed.",
    }),
}).refine(
  (given) => Object.keys(given).length > 0,
  "must have a title, pinned, archived, metadata, model, instructions, headId or lastMessageId",
);

/** What of a conversation is to be another than it is. */
export interface ConversationChange extends z.output<typeof conversationChange> {}

/** The body that changes a message, which has to be as it was read. */
export const messageChange = strictObject({
  content: z.string("must be a text").optional(),
  parts: messageChangesSchema.shape.parts.meta({ type: "array", items: object }),
  metadata: messageChangesSchema.shape.metadata.meta({ type: "object", description: "Any JSON of at most 64 KiB." }),
  revision: z.int("must be the revision of the message as it was read").min(1, "must be at least 1"),
});

/** What of a message is to be another than it is. */
export interface MessageChange extends z.output<typeof messageChange> {}

/** The body that appends messages, with the number of messages that the client knows of if it likes. */
export const appendBody = strictObject({ messages: newMessages, expectedSeq: seqSchema.optional() });

/** What an append is answered with: the messages as they are stored. */
export const appended = z.object({ items: z.array(message) });

/** One line of the answer to `POST /import/file`; the last is `done` or `failed`. */
export const fileImportEvent = z
  .discriminatedUnion("type", [
    z.object({ type: z.literal("progress"), bytes: z.int(), total: z.int() }),
    z.object({ type: z.literal("done"), report: fileImportReport }),
    errorBody.extend({ type: z.literal("failed") }),
  ])
  .meta({ id: "FileImportEvent" });

/** How far an import is, what became of it, or why it ended before its end; what was stored until then stays. */
export type FileImportEvent = z.infer<typeof fileImportEvent>;

/** One event of `GET /events`. */
export const liveEvent = z.discriminatedUnion("type", [
  z.object({ type: z.literal("ready") }),
  z.object({ type: z.literal("conversation"), conversation, runId: z.uuid().nullable() }),
  z.object({ type: z.literal("deleted"), conversationId: id }),
]);

/**
 * What an open page is told. After `ready`, read what you show: from then on each change comes, a conversation as it is now,
 * with the reply that is being written in it (`runId`) or `null`.
 */
export type LiveEvent = z.infer<typeof liveEvent>;

const marks = z.array(z.object({ start: z.int().min(0), end: z.int().min(0) })).meta({
  description: "Where the words are, as offsets in UTF-16 code units; end is behind the last.",
});

/** A message that was found, as it goes out. */
export const searchHit = z
  .object({
    conversationId: id,
    title: z.string().nullable().meta({ description: "Of the conversation." }),
    archived: z.boolean(),
    messageId: id,
    seq: z.int().min(1),
    role: roleSchema,
    createdAt: time,
    field: z.enum(searchFields).meta({ description: "Where in the message the snippet is from." }),
    snippet: z.object({ text: z.string(), marks }),
  })
  .meta({ id: "SearchHit" });

/** A message that was found, with a piece of it in which the words are marked. */
export interface SearchHit extends z.infer<typeof searchHit> {}

/** A conversation whose title was found, as it goes out. */
export const foundTitle = z
  .object({ conversationId: id, title: z.string(), marks, archived: z.boolean(), updatedAt: time })
  .meta({ id: "FoundTitle" });

/** A conversation whose title was found. */
export interface FoundTitle extends z.infer<typeof foundTitle> {}

/** A page of what was found, as it goes out. */
export const searchPage = z
  .object({
    items: z.array(searchHit),
    nextCursor: z.string().nullable(),
    conversations: z.array(foundTitle).meta({
      description: "Conversations whose titles have all the words; only on the first page.",
    }),
  })
  .meta({ id: "SearchPage" });

/** A page of what was found. */
export interface SearchPage extends z.infer<typeof searchPage> {}

/** A page of something; `nextCursor` leads to the next one, and is `null` on the last. */
export interface Page<Item> {
  items: Item[];
  nextCursor: string | null;
}

/** The schema of a page of something. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({ items: z.array(item), nextCursor: z.string().nullable() });
}

/** A file as it goes out. */
export const storedFile = z
  .object({
    id: z.uuid(),
    name: z.string().meta({ example: "bread.png" }),
    mediaType: z.string().meta({ description: "What its bytes are.", example: "image/png" }),
    size: z.int().min(1).meta({ description: "In bytes." }),
    hash: z.string().meta({ description: "SHA-256 of its bytes, in hexadecimal digits." }),
    createdAt: time,
    url: z.string().meta({
      description: "What messages name it by, and where its bytes are.",
      example: "/api/files/9b2f6a0e-3c1d-4f7a-8e55-0d6c1b2a3f44",
    }),
  })
  .meta({ id: "File" });

/** A file, without its bytes. */
export interface StoredFile extends z.infer<typeof storedFile> {}

/** A conversation of the store as it goes out. */
export function asConversation({ createdAt, updatedAt, expiresAt, ...row }: StoredConversation): Conversation {
  const times = { createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString() };
  return { ...row, ...times, expiresAt: expiresAt?.toISOString() ?? null };
}

/** A conversation in the trash as it goes out. */
export function asTrashedConversation({ deletedAt, ...row }: StoredTrashed): TrashedConversation {
  const expiresAt = (row.expiresAt ?? deletedAt).toISOString();
  return { ...asConversation(row), expiresAt, deletedAt: deletedAt.toISOString() };
}

/** A message of the store as it goes out. */
export function asMessage({ createdAt, updatedAt, ...row }: StoredMessage): Message {
  return { ...row, createdAt: createdAt.toISOString(), updatedAt: updatedAt?.toISOString() ?? null };
}

/** A message of a branch as it goes out. */
export function asBranchMessage({ siblings, model, ...row }: StoredBranchMessage): BranchMessage {
  return { ...asMessage(row), siblings, model };
}

/** What the store has found as it goes out. */
export function asSearchPage({ items, nextCursor, conversations }: StoredSearchPage): SearchPage {
  return {
    items: items.map(({ createdAt, ...hit }) => ({ ...hit, createdAt: createdAt.toISOString() })),
    nextCursor,
    conversations: conversations.map(({ updatedAt, ...found }) => ({ ...found, updatedAt: updatedAt.toISOString() })),
  };
}

/** A file of the store as it goes out. */
export function asFile({ createdAt, ...file }: FileInStore): StoredFile {
  return { ...file, createdAt: createdAt.toISOString() };
}
