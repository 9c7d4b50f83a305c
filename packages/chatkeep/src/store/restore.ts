/** Bringing back what an export has, as it was: every id, time, `seq`, state and revision. For operators: a user may not say all of that. */
import * as z from "zod";
import { ConflictError, InvalidInputError } from "../errors.ts";
import { type Column, type ColumnsOf, integer, listsOf, names, text, unnest, uuid, values } from "../sql/columns.ts";
import { sql } from "../sql/sql.ts";
import { isUniqueViolation } from "../sql/sqlstate.ts";
import { type Context, changing, owner, prepared } from "./context.ts";
import { findConversation } from "./conversations/conversations.ts";
import { requireNotInTrash } from "./conversations/trash.ts";
import { usesIn, usingFiles } from "./files/uses.ts";
import { conversationName, messageName } from "./ids.ts";
import { pastTimeSchema } from "./import-schemas.ts";
import { parse } from "./input.ts";
import { batchesOf } from "./messages/batches.ts";
import { metadataJson, outgoing } from "./messages/outgoing.ts";
import { idSchema, messageStatusSchema, newConversationShape, newMessageShape, seqSchema } from "./schemas.ts";
import { strictObject } from "./strict-object.ts";
import { type NewConversationRow, newConversationColumns } from "./tables/conversation.ts";
import { type FinishReason, finishReasons, type PlacedMessage, placedColumns } from "./tables/message.ts";
import type { UserId } from "./tables/tables.ts";

const countSchema = z.int("must be a whole number").min(0, "must be at least 0");

const restoredMessageSchema = strictObject({
  ...newMessageShape,
  id: idSchema,
  conversationId: idSchema,
  content: z.string("must be a text"),
  parts: newMessageShape.parts.nullable(),
  parentId: idSchema.nullable(),
  seq: seqSchema,
  status: messageStatusSchema,
  finishReason: z.enum(finishReasons, `must be one of ${finishReasons.join(", ")}`).nullable(),
  revision: countSchema,
  createdAt: pastTimeSchema,
  updatedAt: pastTimeSchema.nullable(),
});

const restoredSchema = strictObject({
  conversation: strictObject({
    ...newConversationShape,
    id: idSchema,
    titleBy: z.enum(["person", "model"], "must be person, model or null").nullish(),
    messageCount: countSchema,
    headId: idSchema.nullable(),
    createdAt: pastTimeSchema,
    updatedAt: pastTimeSchema,
    expiresAt: z.null("must be null: temporary conversations are in no export").optional(),
  }),
  messages: z.array(restoredMessageSchema, "must be a list of messages"),
});

/** A conversation as `get` gave it, and all its messages as `list` gave them, in the order of their `seq`; times also as ISO 8601. */
export interface RestoredConversation extends z.input<typeof restoredSchema> {}

type Parsed = z.output<typeof restoredSchema>;

const moment = <Time = string>(name: string): Column<Time> => ({ name, type: "timestamptz" });

/**
 * Brings back a conversation of a user's, all or nothing. `false` when there is one of its id: then nothing is changed. A reply that
 * was being written is interrupted.
 * @throws invalid_input; too_large; conflict when an id of it is in use for something else
 */
export async function restoreConversation(
  context: Context,
  ownerId: UserId,
  input: RestoredConversation,
): Promise<boolean> {
  const given = parse(restoredSchema, input, "restored");
  const { id: rowId } = conversationName(ownerId, given.conversation.id);
  const rows = rowsOf(ownerId, rowId, given);
  try {
    const isNew = await changing(context, async (through) => {
      const lists = listsOf(conversationColumns, [conversationRow(ownerId, given)]);
      const [made] = await conversationStatement(through).execute({ ownerId, ...lists });
      if (!made) return false;
      await usingFiles(through, ownerId, usesIn(rows, given.messages), "if there", async (inside) => {
        for (const some of batchesOf(rows)) {
          await messagesStatement(inside).execute({ ownerId, ...listsOf(messageColumns, some) });
        }
      });
      return true;
    });
    if (isNew) context.changed({ userId: ownerId, conversationId: given.conversation.id });
    else if (!(await findConversation(context, ownerId, given.conversation.id))) {
      await requireNotInTrash(context, ownerId, given.conversation.id);
      throw new ConflictError(`The id ${given.conversation.id} is in use already, by another user.`);
    }
    return isNew;
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    throw new ConflictError("An id of these messages is in use already, for another message.");
  }
}

/** Looks at all of it that can be seen without a database. @throws what `restoreConversation` would throw of it */
export function requireRestorable(ownerId: UserId, input: unknown): void {
  const given = parse(restoredSchema, input, "restored");
  rowsOf(ownerId, conversationName(ownerId, given.conversation.id).id, given);
}

interface RestoredRow extends PlacedMessage {
  conversationId: string;
  seq: number;
  finishReason: FinishReason | null;
  revision: number;
  createdAt: string;
  updatedAt: string | null;
}

const messageColumns: ColumnsOf<RestoredRow> = {
  ...placedColumns,
  conversationId: uuid("conversation_id"),
  seq: integer("seq"),
  finishReason: text<FinishReason | null>("finish_reason"),
  revision: integer("revision"),
  createdAt: moment("created_at"),
  updatedAt: moment<string | null>("updated_at"),
};

function rowsOf(ownerId: UserId, rowId: string, { conversation, messages }: Parsed): RestoredRow[] {
  if (messages.length !== conversation.messageCount) {
    throw new InvalidInputError(
      `restored.messages must be all ${conversation.messageCount} messages of the conversation: there are ${messages.length}.`,
    );
  }
  const known = new Set<string>();
  const said = messages.map((message, index) => {
    const { id, parentId, seq, parts } = message;
    if (seq !== index + 1) throw new InvalidInputError(`restored.messages.${index}.seq must be ${index + 1}.`);
    if (parentId !== null && !known.has(parentId)) {
      throw new InvalidInputError(`restored.messages.${index}.parentId must be the id of a message before it.`);
    }
    if (known.has(id)) throw new InvalidInputError(`restored.messages.${index}.id must be no other message's.`);
    known.add(id);
    return { ...message, parts: parts ?? undefined, status: undefined, storedStatus: message.status };
  });
  if (conversation.headId !== null && !known.has(conversation.headId)) {
    throw new InvalidInputError("restored.conversation.headId must be the id of one of its messages.");
  }
  return outgoing(ownerId, rowId, said).map(({ hasParent: _, ...row }, index) => {
    const {
      seq,
      storedStatus: status,
      finishReason,
      revision,
      createdAt,
      updatedAt,
    } = said[index] as (typeof said)[number];
    return {
      ...row,
      // Nobody writes it any more.
      status: status === "streaming" ? "interrupted" : status,
      conversationId: rowId,
      seq,
      finishReason,
      revision,
      createdAt: createdAt.toISOString(),
      updatedAt: updatedAt?.toISOString() ?? null,
    };
  });
}

function messagesStatement(context: Context) {
  const build = () => sql`
    insert into ${context.tables.message} (user_id, ${names(messageColumns)})
    select ${owner(context)}, ${values(messageColumns, "m")}
    from ${unnest(messageColumns, "m")}`;
  return prepared(context, "restore_messages", build, () => undefined);
}

interface ConversationRow extends NewConversationRow {
  createdAt: string;
  updatedAt: string;
}

const conversationColumns: ColumnsOf<ConversationRow> = {
  ...newConversationColumns,
  createdAt: moment("created_at"),
  updatedAt: moment("updated_at"),
};

function conversationRow(ownerId: UserId, { conversation }: Parsed): ConversationRow {
  const {
    headId,
    title = null,
    titleBy = null,
    pinned = false,
    archived = false,
    model = null,
    instructions = null,
  } = conversation;
  const { id, externalId } = conversationName(ownerId, conversation.id);
  const head = headId === null ? undefined : messageName(ownerId, id, headId);
  return {
    id,
    externalId,
    title,
    titleBy,
    messageCount: conversation.messageCount,
    headId: head?.id ?? null,
    headExternalId: head?.externalId ?? null,
    pinned,
    archived,
    metadata: metadataJson(conversation.metadata),
    model,
    instructions,
    createdAt: conversation.createdAt.toISOString(),
    updatedAt: conversation.updatedAt.toISOString(),
  };
}

function conversationStatement(context: Context) {
  const build = () => sql`
    insert into ${context.tables.conversation} (user_id, ${names(conversationColumns)})
    select ${owner(context)}, ${values(conversationColumns, "c")}
    from ${unnest(conversationColumns, "c")}
    on conflict do nothing
    returning id`;
  return prepared(context, "restore_conversation", build, ([id]) => id as string);
}
