/** The statement that begins a reply: what it finds, and what it stores. */
import { isSame, isTrue, names, nth, rows } from "../../sql/columns.ts";
import { raw, type Sql, sql } from "../../sql/sql.ts";
import { type Context, prepared } from "../context.ts";
import type { OutgoingMessage } from "../messages/outgoing.ts";
import { comparedColumns, type Message, type Parent, placedColumns, sentColumns } from "../tables/message.ts";
import type { RunKey } from "../tables/run.ts";
import type { UserId } from "../tables/tables.ts";
import type { Quota } from "../usage/quota-schemas.ts";

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

export type Limiting = typeof import("../usage/quotas.ts");

/** What is to be begun. */
export interface Reply {
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
export interface Found {
  begun: (Parent & Pick<Begun, "run" | "model" | "instructions"> & { seq: number; createdAt: Date }) | undefined;
  running: { runId: string; questionId: string | null; isOver: boolean } | undefined;
  answerId: string | undefined;
  /** A quota is used up. */
  refusal: Error | undefined;
}

/** Without quotas it does not look at what was used. */
export function beginStatement(context: Context, quotas: readonly Quota[], limiting: Limiting | undefined) {
  const quotasAt = 9 + 2 * Object.keys(placedColumns).length;
  const { conversation, message, run, userType } = context.tables;
  const [owner, id] = [nth(0, userType), nth(1, "uuid")];
  const [title, hasParent, server] = [nth(2, "text"), nth(3, "boolean"), nth(4, "text")];
  const [model, regenerate, externalId] = [nth(5, "text"), nth(6, "boolean"), nth(7, "text")];
  const replyModel = nth(8, "text");
  const writing = () => sql`
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
    )`;
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
    ${context.isDistributed ? nothing : writing()}
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

/** On a cluster it only looks: what a part of a statement inserts goes through all nodes there. */
const nothing = raw(`
    held(id, user_id, message_count, head_id, head_external_id, stored_at, model, instructions) as (
      select null::uuid, null::text, null::int, null::uuid, null::text, null::timestamptz, null::text, null::text where false
    ),
    begun as (
      select null::uuid as id, null::int as epoch where false
    )`);

function parentIsThere(message: Sql, owner: Sql, conversationId: Sql): Sql {
  return sql`(
    (select parent_id from question) is null
    or exists (
      select from ${message} p
      where p.user_id = ${owner} and p.id = (select parent_id from question) and (p.conversation_id = ${conversationId}) is true))`;
}
