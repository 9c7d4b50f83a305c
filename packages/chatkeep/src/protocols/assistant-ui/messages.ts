/** Messages of a thread: stored, changed in place by whoever may, taken away, rated. */
import { isDeepStrictEqual } from "node:util";
import { ConflictError, NotFoundError } from "../../errors.ts";
import { newId } from "../../store/ids.ts";
import type { MessageChanges } from "../../store/schemas.ts";
import type { Message, Part } from "../../store/tables/message.ts";
import type { UserStore } from "../../store/user-verbs.ts";
import { leaseMismatch } from "./errors.ts";
import { type Facts, type Lease, readMetadata, writeMetadata } from "./facts.ts";
import { formatOfChange, type StoredContent, storedContent } from "./formats.ts";
import { heartbeatIntervalMs, isRunning, isTaken, leaseOf, messageIdOf, newLease, requireLease } from "./leases.ts";
import type { EndReason, Feedback, NewCloudMessage, Score } from "./schemas.ts";

/** A thread of a user's. */
export interface Thread {
  user: UserStore;
  id: string;
  /** The time of the database. */
  now(): Promise<Date>;
}

/** What a client is told of a message that was stored. */
export interface Created {
  message_id: string;
  lease_id?: string;
  heartbeat_interval_ms?: number;
}

/** As often as others may have changed the message in between. */
const attempts = 6;
/** A reply of the server's own ends a moment after its last words were heard. */
const endMs = 3_000;
const lookMs = 100;

/**
 * Stores a message. The same `external_id` again is the same message: its content becomes what is given now, its place stays.
 * @throws not_found; invalid_input; conflict, as `lease_mismatch` and `run_ended` too
 */
export async function createMessage(thread: Thread, given: NewCloudMessage): Promise<Created> {
  const { format, external_id, parent_external_id, parent_id } = given;
  const content = storedContent(format, given.content);
  const id = external_id ?? newId();
  if (given.lease_id !== undefined) return await rewrite(thread, id, content, { leaseId: given.lease_id });
  const run = given.open_run ? newLease(id) : undefined;
  const message = {
    id,
    role: content.role,
    parts: content.parts,
    ...metadataChange(content, { run }),
    status: run ? ("interrupted" as const) : (content.status ?? ("complete" as const)),
    parentId: parent_external_id ?? parent_id,
  };
  try {
    const [stored] = await thread.user.messages.append(thread.id, [message]);
    return created(stored?.id ?? id, run);
  } catch (error) {
    if (!(error instanceof ConflictError) || !(await findMessage(thread, id))) throw error;
    return await rewrite(thread, id, content, { opensRun: run !== undefined });
  }
}

/** @throws not_found; invalid_input; conflict, as `lease_mismatch` and `run_ended` too */
export async function changeMessage(
  thread: Thread,
  id: string,
  content: Record<string, unknown>,
  leaseId?: string,
): Promise<void> {
  const message = await thread.user.messages.get(thread.id, id);
  await rewrite(thread, id, storedContent(formatOfChange(message, content), content), { leaseId });
}

interface Writer {
  leaseId?: string | undefined;
  opensRun?: boolean;
}

async function rewrite(thread: Thread, id: string, content: StoredContent, writer: Writer): Promise<Created> {
  return await changing(thread, id, async (message) => {
    // Of a reply that the server writes itself a client has nothing to say before it has ended.
    if (message.status === "streaming" && writer.opensRun) return { answer: created(message.id) };
    if (message.role !== content.role) {
      throw new ConflictError("The message has another role: use another external_id for this one.");
    }
    const isSame = hasSameContent(message, content);
    const { run, isRepeated } = await runFor(thread, message, writer, isSame);
    const answer = created(message.id, writer.opensRun ? run : undefined);
    if (isRepeated || (isSame && run === leaseOf(message) && writer.leaseId === undefined)) return { answer };
    const { facts } = readMetadata(message.metadata);
    const changes = {
      ...(!isSame && { parts: content.parts }),
      metadata: null,
      ...metadataChange(content, { ...facts, run }),
      ...statusChange(message, content, run),
    };
    return { answer, changes };
  });
}

/** Who writes from now on. @throws conflict */
async function runFor(thread: Thread, message: Message, { leaseId, opensRun }: Writer, isSame: boolean) {
  const lease = leaseOf(message);
  if (leaseId !== undefined) return { run: requireLease(message, leaseId) };
  // An answer was lost: the client asks for the same again.
  if (opensRun && isSame && lease?.status === "running") return { run: lease, isRepeated: true };
  if (await isTaken(message, thread.now)) throw leaseMismatch();
  if (opensRun) return { run: newLease(message.id) };
  return { run: isRunning(message) ? { ...(lease as Lease), status: "ended" as const } : lease };
}

function statusChange(message: Message, { status }: StoredContent, run: Lease | undefined): MessageChanges {
  if (message.role !== "assistant") return {};
  if (run?.status === "running") return { status: "interrupted" };
  const settled = status ?? (isRunning(message) ? "complete" : undefined);
  return settled === undefined ? {} : { status: settled };
}

/** The metadata is left out where there is none. */
function metadataChange({ theirs, format }: StoredContent, facts: Facts): { metadata?: unknown } {
  const metadata = writeMetadata(theirs, { ...facts, format });
  return metadata === undefined ? {} : { metadata };
}

/** A reply that the server wrote stays the server's where a client says the same words. */
function hasSameContent(message: Message, { parts, theirs, format }: StoredContent): boolean {
  const kept = readMetadata(message.metadata);
  return (
    kept.facts.format === format &&
    isDeepStrictEqual(kept.theirs, theirs) &&
    isDeepStrictEqual((message.parts ?? []).map(settled), parts.map(settled))
  );
}

function settled(part: Part): Part {
  if (part.type !== "text" && part.type !== "reasoning") return part;
  const { state: _state, ...rest } = part;
  return rest as Part;
}

function created(id: string, lease?: Lease): Created {
  if (!lease) return { message_id: id };
  return { message_id: id, lease_id: lease.lease_id, heartbeat_interval_ms: heartbeatIntervalMs };
}

/** A lease says that its client lives. @throws not_found; conflict, as `run_ended` and `lease_mismatch` */
export async function beat(thread: Thread, leaseId: string): Promise<void> {
  await changing(thread, await messageWith(thread, leaseId), async (message) => {
    requireLease(message, leaseId);
    return { answer: undefined, changes: { metadata: message.metadata } };
  });
}

const statusOfReason = { done: "complete", cancelled: "stopped", error: "failed" } as const;

/** Ends a run; one that has ended keeps its first reason. @throws not_found */
export async function endLease(thread: Thread, leaseId: string, reason: EndReason): Promise<void> {
  await changing(thread, await messageWith(thread, leaseId), async (message) => {
    const { theirs, facts } = readMetadata(message.metadata);
    if (facts.run?.lease_id !== leaseId || facts.run.status === "ended") return { answer: undefined };
    const run: Lease = { ...facts.run, status: "ended", reason };
    return {
      answer: undefined,
      changes: { metadata: writeMetadata(theirs, { ...facts, run }), status: statusOfReason[reason] },
    };
  });
}

/** Of a lease that this message has, or had. @throws not_found */
async function messageWith(thread: Thread, leaseId: string): Promise<string> {
  await thread.user.conversations.get(thread.id);
  const message = await findMessage(thread, messageIdOf(leaseId));
  if (!message || message.status === "deleted" || !leaseOf(message)) throw new NotFoundError("run", leaseId);
  return message.id;
}

/** The newest word counts. @throws not_found */
export async function rateMessage(thread: Thread, id: string, { type, comment }: Feedback) {
  const feedback = { id: newId(), type, ...(comment !== undefined && { comment }) };
  await changeFacts(thread, id, (facts) => ({ ...facts, feedback }));
  return { feedback_id: feedback.id, type, ...(comment !== undefined && { comment }) };
}

/** The newest score of a name counts. @throws not_found, too_large */
export async function scoreMessage(thread: Thread, id: string, score: Score): Promise<string> {
  const kept = { ...score, id: newId() };
  await changeFacts(thread, id, (facts) => ({ ...facts, scores: { ...facts.scores, [score.name]: kept } }));
  return kept.id;
}

async function changeFacts(thread: Thread, id: string, change: (facts: Facts) => Facts): Promise<void> {
  await changing(thread, id, async ({ metadata }) => {
    const { theirs, facts } = readMetadata(metadata);
    return { answer: undefined, changes: { metadata: writeMetadata(theirs, change(facts)) } };
  });
}

/**
 * Takes messages away for good, together or not at all; gives the ids of those that are gone. Ids that are none of the thread's
 * are left out. @throws not_found when there is no such thread; conflict while a reply writes one
 */
export async function deleteMessages(thread: Thread, ids: readonly string[]): Promise<string[]> {
  await thread.user.conversations.get(thread.id);
  return await thread.user.transaction(thread.id, async (mine) => {
    const inside = { ...thread, user: mine };
    const deleted: string[] = [];
    for (const id of ids) {
      if (!(await findMessage(inside, id))) continue;
      deleted.push((await mine.messages.redact(thread.id, id)).id);
    }
    return deleted;
  });
}

interface Decided<Answer> {
  answer: Answer;
  /** Nothing is written when left out. */
  changes?: MessageChanges;
}

/** Changes a message as it is, again where others were faster, and not before a reply of the server's own has ended. */
async function changing<Answer>(
  thread: Thread,
  id: string,
  decide: (message: Message) => Promise<Decided<Answer>>,
): Promise<Answer> {
  const until = performance.now() + endMs;
  for (let attempt = 1; ; ) {
    const message = await thread.user.messages.get(thread.id, id);
    if (message.status === "deleted") throw new ConflictError(`The message ${id} was deleted: store another one.`);
    const { answer, changes } = await decide(message);
    if (!changes) return answer;
    if (message.status === "streaming" && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, lookMs));
      continue;
    }
    try {
      await thread.user.messages.update(thread.id, id, changes, { revision: message.revision });
      return answer;
    } catch (error) {
      if (!(error instanceof ConflictError) || attempt === attempts || message.status === "streaming") throw error;
      attempt += 1;
    }
  }
}

/** `undefined` also where there is no such thread. */
async function findMessage({ user, id: threadId }: Thread, id: string): Promise<Message | undefined> {
  try {
    return await user.messages.get(threadId, id);
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}
