/**
 * The state of a chat: what is stored, what streams, and what was lost. A reducer: of what was known before, and of what this
 * tab, the server and the person's last question say now. The same facts again change nothing.
 */
import type { UIMessage } from "ai";
import { ApiError } from "chatkeep/client";
import type { Asked } from "../composer/drafts.ts";
import { isCutOff, isDetached, keptOf } from "./chats.ts";

/** What is remembered from one state to the next. */
export interface Remembered {
  /** The server has no such conversation. */
  isMissing: boolean;
  /** The words of a question that did not arrive, and are nowhere to be seen. */
  unsent: string | undefined;
}

export interface ChatFacts {
  /** Of this tab's chat. */
  status: "submitted" | "streaming" | "ready" | "error";
  error: Error | undefined;
  messages: UIMessage[];
  /** Begun in this tab, and asked of the server by nobody yet. */
  isNew: boolean;
  /** What reading the branch from the server came to. */
  read: { isPending: boolean; isSuccess: boolean; error: Error | null };
  /** The question that is on its way, until it is known to be stored. */
  asked: Asked | undefined;
}

export interface ChatState extends Remembered {
  last: UIMessage | undefined;
  /** A reply streams into this tab, or goes on while the tab lets others have its stream. */
  isReplying: boolean;
  /** A reply is being written that this tab does not follow yet. */
  isWrittenElsewhere: boolean;
  isBusy: boolean;
  /** The connection to a reply was lost, and is being taken up again. */
  isLost: boolean;
  /** It is not there, and the question that begins it has not arrived. */
  isUnsent: boolean;
  /** Instead of messages: that it is not there, that it cannot be read, or nothing yet. */
  instead: "gone" | "failure" | "start" | undefined;
}

export const atFirst: Remembered = { isMissing: false, unsent: undefined };

export function reduceChat(before: Remembered, facts: ChatFacts): ChatState {
  const { status, messages, isNew, read, asked } = facts;
  const last = messages.at(-1);
  const isReplying = status === "submitted" || status === "streaming" || isDetached(facts);
  const isWrittenElsewhere = !isReplying && keptOf(last)?.status === "streaming";
  const isBusy = isReplying || isWrittenElsewhere;
  // While it is read again it is what it was.
  const isMissing = !isNew && (read.isPending ? before.isMissing : isAbsence(read.error));
  const isRead = read.isSuccess || isMissing;
  const isShown = messages.some(({ id }) => id === asked?.messageId);
  const isWaiting = asked !== undefined && !isShown && status === "ready";
  // Whoever goes on writing, or sends it, loses nothing while it is read again.
  const unsent = isWaiting ? (isRead ? asked.text : before.unsent) : undefined;
  const isUnsent = isMissing && asked !== undefined;
  const isNothing = messages.length === 0;
  const instead =
    isMissing && !isBusy && !isUnsent
      ? "gone"
      : read.error && isNothing && !isUnsent
        ? "failure"
        : isNothing && (isNew || isUnsent || read.isSuccess)
          ? "start"
          : undefined;
  const isLost = isCutOff(facts) && !isReplying;
  return { isMissing, unsent, last, isReplying, isWrittenElsewhere, isBusy, isLost, isUnsent, instead };
}

/** The messages after the branch was read: what is stored, as far as this tab does not know more. */
export function afterRead(
  { status, messages }: Pick<ChatFacts, "status" | "messages">,
  stored: readonly UIMessage[],
): UIMessage[] | undefined {
  if (status === "submitted" || status === "streaming") return undefined;
  const draft = stored.at(-1);
  // Of a reply that is being written the database shows no words yet.
  const seen = keptOf(draft)?.status === "streaming" ? messages.find(({ id }) => id === draft?.id) : undefined;
  const kept = draft && seen ? [...stored.slice(0, -1), { ...draft, parts: seen.parts }] : [...stored];
  if (status !== "error") return kept;
  const unsent = messages.filter((each) => !keptOf(each) && !kept.some(({ id }) => id === each.id));
  return [...kept, ...unsent];
}

function isAbsence(error: Error | null): boolean {
  return error instanceof ApiError && ["not_found", "invalid_input"].includes(error.code);
}
