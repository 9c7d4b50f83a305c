/** Changing a message in place, and taking its content away: its `seq`, its role and its place in the tree stay in both. */
import * as z from "zod";
import { ConflictError, InvalidInputError } from "../../errors.ts";
import { names, select } from "../../sql/columns.ts";
import { param, raw, sql } from "../../sql/sql.ts";
import { type Context, changing, owner, prepared } from "../context.ts";
import { titleFrom } from "../conversations/titles.ts";
import { inConversation, releasing, usesIn, usingFiles } from "../files/uses.ts";
import { conversationName, messageName } from "../ids.ts";
import { parse, parseId } from "../input.ts";
import { type MessageChanges, messageChangesSchema } from "../schemas.ts";
import { unindex } from "../search/unindex.ts";
import { strictObject } from "../strict-object.ts";
import { type Message, messageColumns, messageFrom } from "../tables/message.ts";
import type { UserId } from "../tables/tables.ts";
import { getMessage } from "./branch.ts";
import { body } from "./outgoing.ts";

/** Which state of a message is to be changed. */
export interface UpdateOptions {
  /** Of the message as it was read: one that was changed since is not changed again, but refused as `conflict`. */
  revision: number;
}

const optionsSchema = strictObject({
  revision: z.int("must be the revision of the message as it was read").min(1, "must be at least 1"),
});

/**
 * Changes what is given of a message, if it is as it was read.
 * @throws invalid_input, too_large, not_found, conflict with `details.revision`
 */
export async function updateMessage(
  context: Context,
  ownerId: UserId,
  conversationId: string,
  messageId: string,
  changes: MessageChanges,
  options: UpdateOptions,
): Promise<Message> {
  const givenId = parseId(conversationId, "conversationId");
  const id = parseId(messageId, "messageId");
  const given = parse(messageChangesSchema, changes, "changes");
  const { revision } = parse(optionsSchema, options, "options");
  const { id: inside } = conversationName(ownerId, givenId);
  const hasBody = given.content !== undefined || given.parts !== undefined;
  const values = {
    ...body(given),
    ownerId,
    conversationId: inside,
    messageId: messageName(ownerId, inside, id).id,
    revision,
    hasBody,
    hasMetadata: given.metadata !== undefined,
    status: given.status ?? null,
  };
  // One that search has indexed leaves its block in the same transaction, and one that names files is counted anew.
  const updateIndexed = (context: Context) =>
    changing(context, async (through) => {
      const [updated] = await updateStatement(through, givenId, false).execute(values);
      if (updated) await unindex(through, ownerId, { messageId: values.messageId });
      return updated;
    });
  const update = async (through: Context) =>
    (await updateStatement(through, givenId, true).execute(values))[0] ?? (await updateIndexed(through));
  const row = await usingFiles(context, ownerId, usesIn([{ id: values.messageId }], [given]), "required", update);
  if (row) {
    context.changed({ userId: ownerId, conversationId: givenId });
    return row;
  }
  const stored = await getMessage(context, ownerId, givenId, id);
  requireSettled(stored);
  throw new ConflictError(
    `The message was changed meanwhile: its revision is ${stored.revision}, not ${revision}. Read it again.`,
    { details: { revision: stored.revision } },
  );
}

/** A reply that is being written is its run's alone, and what was deleted stays so. @throws conflict */
function requireSettled({ id, status }: Message): void {
  if (status === "streaming") {
    throw new ConflictError(`The message ${id} is being written by its reply: wait for its end, or stop it.`);
  }
  if (status === "deleted") throw new ConflictError(`The message ${id} was deleted: append another one.`);
}

function updateStatement(context: Context, givenId: string, plain: boolean) {
  const { conversation, fileUse, message } = context.tables;
  const [mine, conversationId] = [owner(context), param("conversationId", "uuid")];
  const hasBody = param("hasBody", "boolean");
  const isPlain = sql`(m.seq > locked.indexed_count and not (${hasBody} and exists (
          select from ${fileUse} u where u.user_id = ${mine} and u.conversation_id = locked.id and u.message_id = m.id)))`;
  const build = () => sql`
    with locked as (
      select c.id, c.user_id, c.indexed_count
      from ${conversation} c
      where c.user_id = ${mine} and c.id = ${conversationId} and c.deleted_at is null
      for no key update
    ),
    updated as (
      update ${message} m
      set content = case when ${hasBody} then ${param("content", "text")} else m.content end,
        parts = case when ${hasBody} then ${param("parts", "json")} else m.parts end,
        metadata = case when ${param("hasMetadata", "boolean")} then ${param("metadata", "json")} else m.metadata end,
        status = coalesce(${param("status", "text")}, m.status),
        -- Whoever changes the parts of a reply makes it a message that no run wrote.
        finish_reason = case when ${hasBody} then null else m.finish_reason end,
        revision = m.revision + 1,
        updated_at = clock_timestamp()
      from locked
      where m.user_id = ${mine} and m.id = ${param("messageId", "uuid")}
        and (m.conversation_id = locked.id) is true and m.revision = ${param("revision", "int")}
        and m.status not in ('streaming', 'deleted')
        and ${plain ? isPlain : sql`not ${isPlain}`}
      returning ${names(messageColumns, "m")}
    ),
    ${plain ? raw("") : sql`${releasing(context, mine, raw("updated"), sql`${hasBody} and ${inConversation} and u.message_id = updated.id`)},`}
    touched as (
      update ${conversation} c
      set updated_at = greatest(c.updated_at, clock_timestamp())
      from locked
      where c.user_id = ${mine} and c.id = locked.id and exists (select from updated)
    )
    select ${select(messageColumns, "updated")} from updated`;
  return prepared(context, plain ? "update_message" : "update_all", build, (row) => messageFrom(row, givenId));
}

/**
 * Takes the content of a message away, wherever it is: its words, parts and metadata, what was streamed of it, and a title that was
 * made of it. Its row, `id` and `seq` stay, with the status `deleted`. Again it changes nothing.
 * @throws invalid_input, not_found, conflict
 */
export async function redactMessage(
  context: Context,
  ownerId: UserId,
  conversationId: string,
  messageId: string,
): Promise<Message> {
  const givenId = parseId(conversationId, "conversationId");
  const redacted = await changing(context, async (through) => {
    const stored = await getMessage(through, ownerId, givenId, messageId);
    if (stored.status === "deleted") return stored;
    requireSettled(stored);
    const { id: inside } = conversationName(ownerId, givenId);
    const [row] = await redactStatement(through, givenId).execute({
      ownerId,
      conversationId: inside,
      messageId: messageName(ownerId, inside, stored.id).id,
      title: titleFrom([{ role: stored.role, content: stored.content, parts: stored.parts ?? undefined }]),
    });
    if (!row) throw new InvalidInputError("The message changes while it is to be deleted: try again.");
    await unindex(through, ownerId, { messageId: messageName(ownerId, inside, stored.id).id });
    return row;
  });
  context.changed({ userId: ownerId, conversationId: givenId });
  return redacted;
}

function redactStatement(context: Context, givenId: string) {
  const { conversation, message, run, runChunk } = context.tables;
  const [mine, conversationId] = [owner(context), param("conversationId", "uuid")];
  // A model makes it of the first question and its answer.
  const isMadeOfIt = sql`(c.title = ${param("title", "text")} or (c.title_by = 'model' and redacted.seq <= 2))`;
  const build = () => sql`
    with locked as (
      select c.id, c.user_id
      from ${conversation} c
      where c.user_id = ${mine} and c.id = ${conversationId} and c.deleted_at is null
      for no key update
    ),
    redacted as (
      update ${message} m
      set content = '', parts = null, metadata = null, status = 'deleted', revision = m.revision + 1,
        updated_at = clock_timestamp()
      from locked
      where m.user_id = ${mine} and m.id = ${param("messageId", "uuid")}
        and (m.conversation_id = locked.id) is true and m.status <> 'streaming'
      returning ${names(messageColumns, "m")}
    ),
    ${releasing(context, mine, raw("redacted"), sql`${inConversation} and u.message_id = redacted.id`)},
    runs as (
      update ${run} r
      set error = null
      from redacted
      where r.user_id = ${mine} and r.conversation_id = ${conversationId} and r.message_id = redacted.id
      returning r.id
    ),
    chunks as (
      delete from ${runChunk} c
      using runs
      where c.user_id = ${mine} and c.run_id = runs.id
    ),
    touched as (
      update ${conversation} c
      set title = case when ${isMadeOfIt} then null else c.title end,
        title_by = case when ${isMadeOfIt} then null else c.title_by end,
        updated_at = greatest(c.updated_at, clock_timestamp())
      from redacted
      where c.user_id = ${mine} and c.id = ${conversationId}
    )
    select ${select(messageColumns, "redacted")} from redacted`;
  return prepared(context, "redact_message", build, (row) => messageFrom(row, givenId));
}
