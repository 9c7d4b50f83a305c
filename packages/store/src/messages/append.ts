/** Appending to a conversation. Nearly every append holds no surprise, and goes together with others that wait; the rest goes alone. */
import type { Chat } from "../database.ts";
import { parse } from "../input.ts";
import type { Message, UserId } from "../models/chat.ts";
import { idSchema, type NewMessage, newMessagesSchema, seqSchema } from "../models/schemas.ts";
import { titleFrom } from "../titles.ts";
import { appendChecked } from "./append-checked.ts";
import { isPlain } from "./append-plain.ts";
import { outgoing } from "./outgoing.ts";

export interface AppendOptions {
  /** Append only if the conversation has this many messages; otherwise `conflict`, with the real `messageCount` in its details. */
  expectedSeq?: number | undefined;
}

const someMessagesSchema = newMessagesSchema.min(1, "must have at least one message");

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
  chat: Chat,
  ownerId: UserId,
  conversationId: string,
  messages: readonly NewMessage[],
  options: AppendOptions = {},
): Promise<Message[]> {
  const id = parse(idSchema, conversationId, "conversationId");
  const given = parse(someMessagesSchema, messages, "messages");
  const expectedSeq = options.expectedSeq == null ? null : parse(seqSchema, options.expectedSeq, "expectedSeq");
  const append = { ownerId, conversationId: id, columns: outgoing(given), expectedSeq, title: titleFrom(given) };
  return await (chat.appends && isPlain(append) ? chat.appends.add(append) : appendChecked(chat, append));
}
