/** Appending to a conversation. Nearly every append holds no surprise, and goes together with others that wait; the rest goes alone. */
import { isUniqueViolation } from "../../sql/sqlstate.ts";
import { type Context, inLane } from "../context.ts";
import { titleFrom } from "../conversations/titles.ts";
import { usesIn, usingFiles } from "../files/uses.ts";
import type { GroupedWrites } from "../group-commit.ts";
import { conversationName } from "../ids.ts";
import { parse, parseId } from "../input.ts";
import { type NewMessage, seqSchema, someMessagesSchema } from "../schemas.ts";
import { strictObject } from "../strict-object.ts";
import type { Message } from "../tables/message.ts";
import type { UserId } from "../tables/tables.ts";
import { appendFast, isPlain } from "./append-fast.ts";
import { appendSlow } from "./append-slow.ts";
import { type Append, charsOf, isShort, outgoing } from "./outgoing.ts";

export interface AppendOptions {
  /** Append only if the conversation has this many messages; otherwise `conflict`, with the real `messageCount` in its details. */
  expectedSeq?: number | undefined;
}

const optionsSchema = strictObject({ expectedSeq: seqSchema.nullish() }).nullish();

/**
 * Appends messages, all or none, and gives them as they are stored, in the order they were given in.
 * An id that is stored already with the same payload is answered as the first time, and not stored again.
 *
 * INVARIANT: `seq` is gap-free, and the new messages of one append are contiguous.
 * INVARIANT: the conversation's `messageCount`, `headId` and `updatedAt` move in the same statement.
 * INVARIANT: it is answered after its commit, and fails alone, whatever it was stored together with.
 * @throws invalid_input, too_large, not_found, conflict
 */
export async function appendMessages(
  context: Context,
  ownerId: UserId,
  conversationId: string,
  messages: readonly NewMessage[],
  options?: AppendOptions,
): Promise<Message[]> {
  const givenId = parseId(conversationId, "conversationId");
  const { id } = conversationName(ownerId, givenId);
  const given = parse(someMessagesSchema, messages, "messages");
  const expectedSeq = parse(optionsSchema, options, "options")?.expectedSeq ?? null;
  const rows = outgoing(ownerId, id, given);
  const append = { ownerId, conversationId: id, givenId, rows, expectedSeq, title: titleFrom(given) };
  const uses = usesIn(rows, given);
  const stored = await (context.groupCommit && uses.length === 0 && isPlain(append)
    ? context.groupCommit.append.add(append)
    : inLane(context, ownerId, id, () =>
        usingFiles(context, ownerId, uses, "required", (through) => appendOn(through, append)),
      ));
  context.changed({ userId: ownerId, conversationId: givenId });
  return stored;
}

export const groupedAppends: GroupedWrites<Append, Message[]> = {
  charsOf: ({ rows }) => charsOf(rows),
  storeTogether: appendFast,
  storeAlone: (context, append) =>
    inLane(context, append.ownerId, append.conversationId, () => appendSlow(context, append)),
};

async function isFast(context: Context, append: Append): Promise<boolean> {
  if (!isShort(append.rows)) return false;
  const { areParentsThere } = await import("./append-apart.ts");
  return await areParentsThere(context, append);
}

/** On a cluster the fast path comes first, since the other one asks all nodes. */
async function appendOn(context: Context, append: Append): Promise<Message[]> {
  if (context.isDistributed && (isPlain(append) || (await isFast(context, append)))) {
    try {
      const [stored] = await appendFast(context, [append]);
      if (stored) return stored;
    } catch (error) {
      if (!isUniqueViolation(error)) throw error;
    }
  }
  return await appendSlow(context, append);
}
