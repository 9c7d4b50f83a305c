/**
 * The beginning of a reply: the question and a draft of the answer are stored, and a run for it begins. Nearly always that is one
 * statement and one round trip, in a chat that is there or is not yet, for a new question, an edited one, or another answer.
 */
import { ConflictError, NotFoundError } from "../../errors.ts";
import { valuesOf } from "../../sql/columns.ts";
import { isUniqueViolation } from "../../sql/sqlstate.ts";
import { type Context, changing, inLane, savepointed } from "../context.ts";
import { findConversation, getConversation } from "../conversations/conversations.ts";
import { createConversation } from "../conversations/create.ts";
import { titleFrom } from "../conversations/titles.ts";
import { usesIn, usingFiles } from "../files/uses.ts";
import { conversationName, messageName, newId } from "../ids.ts";
import { parse } from "../input.ts";
import { appendMessages } from "../messages/append.ts";
import { getMessage } from "../messages/branch.ts";
import { type OutgoingMessage, outgoing } from "../messages/outgoing.ts";
import { listMessages } from "../messages/page.ts";
import { type NewReply, newReplySchema } from "../schemas.ts";
import { type Message, type PlacedMessage, placedColumns, storedMessage } from "../tables/message.ts";
import type { UserId } from "../tables/tables.ts";
import { beginRun, isRunning } from "./begin-draft.ts";
import { type Begun, beginStatement, type Found, type Reply } from "./begin-statement.ts";
import { interruptRuns } from "./expire.ts";

/**
 * What a question comes to: a run of its own, which whoever began it has to write and end; the run that is answering it already;
 * or the answer that it has.
 */
export type Beginning = { begun: Begun } | { running: { runId: string } } | { answered: Message };

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
    } else if (context.isDistributed) {
      // Looked at before anything is stored, as the one statement does.
      if (found.refusal) throw found.refusal;
      return await beginSlowly(context, { ...reply, quotas: [] });
    } else {
      return await beginSlowly(context, reply);
    }
  }
  return await beginSlowly(context, reply);
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
