/**
 * The beginning of a reply: the question and a draft of the answer are stored, and a run for it begins. Nearly always that is one
 * statement and one round trip, in a chat that is there or is not yet, for a new question, an edited one, or another answer.
 */
import { ConflictError, NotFoundError } from "../../errors.ts";
import { isSame, isTrue, names, nth, rows, valuesOf } from "../../sql/columns.ts";
import { raw, type Sql, sql } from "../../sql/sql.ts";
import { isUniqueViolation } from "../../sql/sqlstate.ts";
import { type Context, changing, inLane, prepared, savepointed } from "../context.ts";
import { createConversation, findConversation, getConversation } from "../conversations/conversations.ts";
import { titleFrom } from "../conversations/titles.ts";
import { usesIn, usingFiles } from "../files/uses.ts";
import { conversationName, messageName, newId } from "../ids.ts";
import { parse } from "../input.ts";
import { appendMessages } from "../messages/append.ts";
import { getMessage } from "../messages/branch.ts";
import { type OutgoingMessage, outgoing } from "../messages/outgoing.ts";
import { listMessages } from "../messages/page.ts";
import { type NewReply, newReplySchema } from "../schemas.ts";
import {
  comparedColumns,
  type Message,
  type Parent,
  type PlacedMessage,
  placedColumns,
  sentColumns,
  storedMessage,
} from "../tables/message.ts";
import type { RunKey } from "../tables/run.ts";
import type { UserId } from "../tables/tables.ts";
import type { Quota } from "../usage/quota-schemas.ts";
import { beginRun, isRunning } from "./begin-draft.ts";
import { interruptRuns } from "./expire.ts";

/**
 * What a question comes to: a run of its own, which whoever began it has to write and end; the run that is answering it already;
 * or the answer that it has.
 */
export type Beginning = { begun: Begun } | { running: { runId: string } } | { answered: Message };

/** A run that has begun, with its question and the draft of its reply: whoever gets it has to write and end it. */
export interface Begun {
  run: RunKey;
  /** As it is stored. */
  question: Message;
  /** The draft, which becomes the reply. */
  replyId: string;
  /** The name of the model that was asked for, or that the conversation names; and what the conversation tells it. */
  model: string | null;
  instructions: string | null;
}

/** Against others that begin at the same moment. */
const attempts = 3;

/**
 * Stores the question, makes the conversation if there is none, and begins a run with a draft of the reply. The same question
 * again gives its run, or its answer, unless `regenerate` asks for another. One whose run has died gets a new one.
 * @throws invalid_input, too_large; not_found when `parentId` is no message of the conversation; conflict with `details.runId`
 * while another reply of the conversation is being written, and without it when an id is in use for something else; rate_limited when
 * one of `quotas` is used up, and then nothing is stored
 */
export async function beginReply(context: Context, ownerId: UserId, input: NewReply): Promise<Beginning> {
  const given = parse(newReplySchema, input, "reply");
  const { conversationId, regenerate = false, quotas = [] } = given;
  const { id: rowId, externalId } = conversationName(ownerId, conversationId);
  const [question] = outgoing(ownerId, rowId, [given.question]) as [OutgoingMessage];
  const reply: Reply = {
    ...given,
    ownerId,
    regenerate,
    quotas,
    // Loaded where there are some.
    limiting: quotas.length > 0 ? await import("../usage/quotas.ts") : undefined,
    question,
    rowId,
    externalId,
    replyId: given.replyId ?? newId(),
    title: titleFrom([given.question]),
  };
  const uses = usesIn([question], [given.question]);
  return await inLane(context, ownerId, rowId, () =>
    usingFiles(context, ownerId, uses, "required", (through) => beginWith(through, reply)),
  );
}

async function beginWith(context: Context, reply: Reply): Promise<Beginning> {
  const { ownerId, conversationId, question, regenerate } = reply;
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    const found = await tryAtOnce(context, reply);
    if (!found) continue;
    if (found.begun) {
      context.changed({ userId: ownerId, conversationId });
      const { run, model, instructions, ...place } = found.begun;
      const question = storedMessage(reply.question, { conversationId, ...place });
      return { begun: { run, question, replyId: reply.replyId, model, instructions } };
    }
    if (found.running?.isOver) {
      await interruptRuns(context, { ownerId, conversationId });
    } else if (found.running) {
      const { runId } = found.running;
      if (found.running.questionId === question.id && !regenerate) return { running: { runId } };
      throw isRunning(runId);
    } else if (found.answerId) {
      return { answered: await getMessage(context, ownerId, conversationId, found.answerId) };
    } else {
      return await beginSlowly(context, reply);
    }
  }
  return await beginSlowly(context, reply);
}

type Limiting = typeof import("../usage/quotas.ts");

interface Reply {
  ownerId: UserId;
  conversationId: string;
  /** The conversation's row. */
  rowId: string;
  externalId: string | null;
  question: OutgoingMessage;
  replyId: string;
  regenerate: boolean;
  quotas: readonly Quota[];
  limiting: Limiting | undefined;
  server: string;
  model?: string | undefined;
  /** Of this reply alone; a conversation that begins with it keeps it. */
  replyModel?: string | undefined;
  title: string | null;
}

/** What one look finds, or has begun. */
interface Found {
  begun: (Parent & Pick<Begun, "run" | "model" | "instructions"> & { seq: number; createdAt: Date }) | undefined;
  running: { runId: string; questionId: string | null; isOver: boolean } | undefined;
  answerId: string | undefined;
  /** A quota is used up. */
  refusal: Error | undefined;
}

/** `undefined` when another began at the same moment. */
async function tryAtOnce(context: Context, reply: Reply): Promise<Found | undefined> {
  const {
    ownerId,
    rowId,
    externalId,
    question,
    replyId,
    server,
    model,
    replyModel,
    title,
    regenerate,
    quotas,
    limiting,
  } = reply;
  const draft: PlacedMessage = {
    ...messageName(ownerId, rowId, replyId),
    role: "assistant",
    status: "streaming",
    content: "",
    parts: null,
    metadata: null,
    parentId: question.id,
    parentExternalId: question.externalId,
  };
  const about = [
    ownerId,
    rowId,
    title,
    question.hasParent,
    server,
    model ?? null,
    regenerate,
    externalId,
    replyModel ?? null,
  ];
  const values = [...about, ...valuesOf(placedColumns, [question, draft]), ...(limiting?.quotaLists(quotas) ?? [])];
  try {
    const [found] = await savepointed(context, (through) => beginStatement(through, quotas, limiting).execute(values));
    return found;
  } catch (error) {
    if (isUniqueViolation(error)) return undefined;
    throw error;
  }
}

/** Without quotas it does not look at what was used. */
function beginStatement(context: Context, quotas: readonly Quota[], limiting: Limiting | undefined) {
  const quotasAt = 9 + 2 * Object.keys(placedColumns).length;
  const { conversation, message, run, userType } = context.tables;
  const [owner, id] = [nth(0, userType), nth(1, "uuid")];
  const [title, hasParent, server] = [nth(2, "text"), nth(3, "boolean"), nth(4, "text")];
  const [model, regenerate, externalId] = [nth(5, "text"), nth(6, "boolean"), nth(7, "text")];
  const replyModel = nth(8, "text");
  const build = () => sql`
    with input as materialized (
      select * from ${rows(placedColumns, "input", 2, 9)}
    ),
    question as (
      select * from input where number = 1
    ),
    draft as (
      select * from input where number = 2
    ),
    running as (
      select r.id, m.parent_id as question_id,
        r.heartbeat_at < clock_timestamp() - interval '${raw(String(Math.round(context.runLeaseMs)))} milliseconds' as is_over
      from ${run} r
      left join ${message} m on m.user_id = r.user_id and m.id = r.message_id
      where r.user_id = ${owner} and r.conversation_id = ${id} and r.status = 'running'
    ),
    -- The question, where it is stored already; "is true" keeps the plan from reading the conversation.
    stored as (
      select m.id, m.seq, m.parent_id, m.parent_external_id, m.created_at, (m.conversation_id = ${id} and ${raw(isSame("m", "question", comparedColumns))}
          and (not ${hasParent} or m.parent_id is not distinct from question.parent_id)) is true as same
      from question
      join ${message} m on m.user_id = ${owner} and m.id = question.id
    ),
    answer as (
      select a.id
      from stored
      join ${message} a on a.conversation_id = ${id} and a.user_id = ${owner} and a.seq = stored.seq + 1
      where stored.same and not ${regenerate} and a.parent_id = stored.id and a.status = 'complete'
        and exists (select from ${conversation} c where c.user_id = ${owner} and c.id = ${id} and c.deleted_at is null)
    ),
    fresh as (
      select input.*, row_number() over (order by number)::int as place
      from input
      where number = 2 or not exists (select from stored)
    ),
    ${limiting ? sql`${limiting.quotaParts(context, owner, limiting.quotaPlaces(quotasAt))},` : raw("")}
    free as (
      select count(*)::int as total
      from fresh
      where not exists (select from running)
        and not exists (select from answer)
        and not exists (select from stored where not same)
        and (exists (select from stored) or not ${hasParent} or ${parentIsThere(message, owner, id)})
        ${raw(limiting ? "and not exists (select from quota_over)" : "")}
      having count(*) > 0
    ),
    locked as (
      select c.id, c.head_id, c.head_external_id, c.message_count, c.model, c.instructions
      from ${conversation} c
      where c.user_id = ${owner} and c.id = ${id} and c.deleted_at is null and exists (select from free)
      for no key update
    ),
    touched as (
      update ${conversation} c
      set message_count = locked.message_count + free.total,
        head_id = draft.id,
        head_external_id = draft.external_id,
        title = coalesce(c.title, ${title}),
        updated_at = greatest(c.updated_at, clock_timestamp())
      from locked
      cross join free
      cross join draft
      where c.user_id = ${owner} and c.id = locked.id
      returning c.id, c.user_id, locked.message_count, locked.head_id, locked.head_external_id, c.updated_at,
        coalesce(${replyModel}, c.model) as model, c.instructions
    ),
    made as (
      insert into ${conversation} (id, user_id, external_id, title, message_count, head_id, head_external_id, model)
      select ${id}, ${owner}, ${externalId}, ${title}, free.total, draft.id, draft.external_id, ${replyModel}
      from free
      cross join draft
      where not exists (select from stored)
        and (select parent_id from question) is null
        and not exists (select from ${conversation} c where c.user_id = ${owner} and c.id = ${id})
      on conflict do nothing
      returning id, user_id, 0, null::uuid, null::text, created_at, model, null::text
    ),
    held(id, user_id, message_count, head_id, head_external_id, stored_at, model, instructions) as (
      select * from touched
      union all
      select * from made
    ),
    appended as (
      insert into ${message} (conversation_id, user_id, seq, parent_id, parent_external_id, created_at, ${names(sentColumns)})
      select held.id, held.user_id, held.message_count + fresh.place,
        case when fresh.number = 1 and not ${hasParent} then held.head_id else fresh.parent_id end,
        case when fresh.number = 1 and not ${hasParent} then held.head_external_id else fresh.parent_external_id end,
        held.stored_at, ${names(sentColumns, "fresh")}
      from held
      cross join fresh
    ),
    begun as (
      insert into ${run} (conversation_id, user_id, message_id, server, model)
      select held.id, held.user_id, draft.id, ${server}, coalesce(held.model, ${model})
      from held
      cross join draft
      returning id, epoch
    )
    select begun.id as begun_id, begun.epoch, running.id as running_id, running.question_id, running.is_over,
      answer.id as answer_id, coalesce(stored.seq, held.message_count + 1) as question_seq,
      case when stored.id is not null then stored.parent_id when ${hasParent} then question.parent_id else held.head_id
        end as question_parent_id,
      case when stored.id is not null then stored.parent_external_id
        when ${hasParent} then question.parent_external_id else held.head_external_id end as question_parent_external_id,
      date_part('epoch', coalesce(stored.created_at, held.stored_at)) * 1000 as question_created_at,
      held.model, held.instructions${limiting ? sql`, ${limiting.quotaColumns}` : raw("")}
    from question
    left join stored on true
    left join held on true
    left join begun on true
    left join running on true
    left join answer on true
    ${raw(limiting ? "left join quota_over on true" : "")}`;
  return prepared(
    context,
    limiting ? "begin_with_quotas" : "begin",
    build,
    ([
      begunId,
      epoch,
      runningId,
      questionId,
      isOver,
      answerId,
      seq,
      parentId,
      parentExternalId,
      at,
      model,
      instructions,
      ...over
    ]): Found => ({
      begun:
        begunId === null
          ? undefined
          : {
              run: { id: begunId as string, epoch: Number(epoch) },
              seq: Number(seq),
              parentId: parentId as string | null,
              parentExternalId: parentExternalId as string | null,
              createdAt: new Date(Math.round(Number(at))),
              model: model as string | null,
              instructions: instructions as string | null,
            },
      running:
        runningId === null
          ? undefined
          : { runId: runningId as string, questionId: questionId as string | null, isOver: isTrue(isOver) },
      answerId: (answerId as string | null) ?? undefined,
      refusal: typeof (over[0] ?? null) === "object" ? undefined : limiting?.quotaRefusal(quotas, over),
    }),
  );
}

function parentIsThere(message: Sql, owner: Sql, conversationId: Sql): Sql {
  return sql`(
    (select parent_id from question) is null
    or exists (
      select from ${message} p
      where p.user_id = ${owner} and p.id = (select parent_id from question) and (p.conversation_id = ${conversationId}) is true))`;
}

/** Step by step, in one transaction: each step says what stands in the way. */
async function beginSlowly(context: Context, reply: Reply): Promise<Beginning> {
  const { ownerId, conversationId, question, replyId, regenerate, server, model, replyModel, quotas } = reply;
  const asked = messageOf(question);
  const pair = [asked, { id: replyId, role: "assistant" as const, status: "streaming" as const, parentId: asked.id }];
  try {
    const begun = await changing(context, async (through) => {
      const stored = await appendOrCreate(through, ownerId, conversationId, pair, replyModel);
      const { model: kept, instructions } = await getConversation(through, ownerId, conversationId);
      const named = replyModel ?? kept;
      const run = await beginRun(through, ownerId, {
        conversationId,
        messageId: replyId,
        server,
        model: named ?? model,
        quotas: [...quotas],
      });
      const [first, draft] = stored;
      if (first && draft && draft.seq > first.seq + 1 && !regenerate) {
        const [next] = (await listMessages(through, ownerId, conversationId, { after: first.seq, limit: 1 })).items;
        if (next?.parentId === first.id && next.status === "complete") throw new AnsweredBefore(next);
      }
      const question = first ?? (await getMessage(through, ownerId, conversationId, asked.id));
      return { run, question, replyId, model: named, instructions };
    });
    return { begun };
  } catch (error) {
    if (error instanceof AnsweredBefore) return { answered: error.reply };
    throw error;
  }
}

/** Thrown to roll back: the question was asked before, and this is its answer. */
class AnsweredBefore extends Error {
  readonly reply: Message;
  constructor(reply: Message) {
    super();
    this.reply = reply;
  }
}

function messageOf({ id, externalId, role, content, parts, metadata, hasParent, ...place }: OutgoingMessage) {
  const said = parts === null ? { content } : { parts: JSON.parse(parts) };
  const beside = metadata === null ? {} : { metadata: JSON.parse(metadata) };
  const parentId = place.parentExternalId ?? place.parentId;
  return { id: externalId ?? id, role, ...said, ...beside, ...(hasParent && { parentId }) };
}

/** Nothing when the conversation was made with them: then they are its first. */
async function appendOrCreate(
  context: Context,
  ownerId: UserId,
  conversationId: string,
  pair: Parameters<typeof appendMessages>[3],
  model: string | undefined,
): Promise<Message[]> {
  const append = () => appendMessages(context, ownerId, conversationId, pair);
  try {
    return await append();
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
  }
  try {
    await createConversation(context, ownerId, { id: conversationId, messages: [...pair], model: model ?? null });
    return [];
  } catch (error) {
    // Made meanwhile by the same question, sent twice: then it is there now.
    if (!(error instanceof ConflictError) || !(await findConversation(context, ownerId, conversationId))) throw error;
    return await append();
  }
}
