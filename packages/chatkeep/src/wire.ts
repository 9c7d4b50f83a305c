/** The shapes of the HTTP of a chatkeep server, as zod schemas: they validate and document there, and type the client. */
import * as z from "zod";
import type { ErrorCode } from "./errors.ts";
import type { BranchMessage as StoredBranchMessage } from "./store/messages/branch.ts";
import {
  flagSchema,
  idSchema,
  messageStatusSchema,
  newMessagesSchema,
  partSchema,
  roleSchema,
  seqSchema,
  titleSchema,
} from "./store/schemas.ts";
import type { Conversation as StoredConversation } from "./store/tables/conversation.ts";
import { finishReasons, type Part, type Message as StoredMessage } from "./store/tables/message.ts";

const time = z.iso.datetime().meta({ example: "2026-11-23T09:30:00.000Z" });
const uuid = z.uuid().meta({ example: "9b2f6a0e-3c1d-4f7a-8e55-0d6c1b2a3f44" });

const part = partSchema.meta({
  type: "object",
  description: "A part of a message as the AI SDK has it; kept byte for byte.",
  properties: { type: { type: "string", example: "text" } },
  required: ["type"],
  additionalProperties: true,
});

/** A conversation as it goes out. */
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

/** A conversation, without its messages. */
export interface Conversation extends z.infer<typeof conversation> {}

/** A message as it goes out. */
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

/** A message as it is stored. */
export interface Message extends z.infer<typeof message> {}

/** A message of a branch as it goes out. */
export const branchMessage = message
  .extend({
    siblings: z
      .array(uuid)
      .meta({ description: "All messages that follow the same one with the same role, this one too, by seq." }),
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
export const newMessages = newMessagesSchema
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

type NewMessageShape = z.output<typeof newMessages>[number];

/** A message to append: its `content`, or its `parts`. Without `parentId` it follows the one before it, or the head. */
export interface NewMessage extends NewMessageShape {}

/** The body that creates a conversation. */
export const newConversation = z
  .object({
    id: idSchema.optional().meta({ type: "string", format: "uuid" }),
    title: titleSchema.nullable().optional(),
    messages: newMessages.optional(),
  })
  .meta({ id: "NewConversation" });

/** A conversation to create, with its first messages if there are any. */
export interface NewConversation extends z.output<typeof newConversation> {}

/** The body that changes a conversation: at least one of its fields. */
export const conversationChange = z
  .object({
    title: titleSchema.optional(),
    pinned: flagSchema.optional(),
    archived: flagSchema.optional(),
    headId: idSchema.optional().meta({
      type: "string",
      format: "uuid",
      description: "A message: its branch is shown, to its newest end.",
    }),
  })
  .refine((given) => Object.keys(given).length > 0, "must have a title, pinned, archived or headId");

/** What of a conversation is to be another than it is. */
export interface ConversationChange extends z.output<typeof conversationChange> {}

/** The body that appends messages, with the number of messages that the client knows of if it likes. */
export const appendBody = z.object({ messages: newMessages, expectedSeq: seqSchema.optional() });

/** What an append is answered with: the messages as they are stored. */
export const appended = z.object({ items: z.array(message) });

/** What an import is answered with. */
export const importReport = z
  .object({
    imported: z.int(),
    alreadyThere: z.int(),
    failed: z.int(),
    messages: z.int(),
    omitted: z.int().optional().meta({ description: "Lines that are counted, and not listed." }),
    stopped: z.string().optional().meta({ description: "Why the lines that follow were not looked at." }),
    conversations: z.array(
      z.object({
        line: z.int(),
        source: z.string().optional(),
        conversationId: z.string().optional(),
        messages: z.int(),
        outcome: z.enum(["imported", "already there", "failed"]),
        error: z.string().optional(),
      }),
    ),
  })
  .meta({ id: "ImportReport" });

/** What became of each line of a file. */
export interface ImportReport extends z.infer<typeof importReport> {}

/** One event of `GET /events`. */
export const liveEvent = z.discriminatedUnion("type", [
  z.object({ type: z.literal("ready") }),
  z.object({ type: z.literal("conversation"), conversation, runId: z.uuid().nullable() }),
  z.object({ type: z.literal("deleted"), conversationId: z.uuid() }),
]);

/**
 * What an open page is told. After `ready`, read what you show: from then on each change comes, a conversation as it is now,
 * with the reply that is being written in it (`runId`) or `null`.
 */
export type LiveEvent = z.infer<typeof liveEvent>;

/** A page of something; `nextCursor` leads to the next one, and is `null` on the last. */
export interface Page<Item> {
  items: Item[];
  nextCursor: string | null;
}

/** The schema of a page of something. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({ items: z.array(item), nextCursor: z.string().nullable() });
}

/** A conversation of the store as it goes out. */
export function asConversation({ createdAt, updatedAt, ...row }: StoredConversation): Conversation {
  return { ...row, createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString() };
}

/** A message of the store as it goes out. */
export function asMessage({ createdAt, ...row }: StoredMessage): Message {
  return { ...row, createdAt: createdAt.toISOString() };
}

/** A message of a branch as it goes out. */
export function asBranchMessage({ siblings, ...row }: StoredBranchMessage): BranchMessage {
  return { ...asMessage(row), siblings };
}
