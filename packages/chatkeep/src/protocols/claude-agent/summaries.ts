/** What the SDK keeps of a session for its list, in the metadata of the conversation: up to date, or taken for absent. */
import { limits } from "../../limits.ts";
import type { Conversation } from "../../store/tables/conversation.ts";
import type { UserStore } from "../../store/user-verbs.ts";
import type { FoldSessionSummary, SessionEntry, SessionKey, SessionSummary } from "./contract.ts";

/** In the metadata as JSON in a text, which can hold what metadata cannot, such as NUL. */
const summaryKey = "claudeSummary";
/** For what else the metadata hold. */
const reserved = 8 * 1024;

interface Kept {
  /** Of the messages that it tells of: once there are others, it is old. */
  messageCount: number;
  data: Record<string, unknown>;
}

/** `undefined` where there is none, or entries were appended without one: then the SDK reads the transcript. */
export function summaryOf({ metadata, messageCount, updatedAt }: Conversation): SessionSummary | undefined {
  const kept = keptIn(metadata);
  if (kept?.messageCount !== messageCount) return undefined;
  return { sessionId: String(metadata?.["claudeSessionId"]), mtime: updatedAt.getTime(), data: kept.data };
}

/** What was appended, and to how many messages. */
interface Appended {
  conversationId: string;
  key: SessionKey;
  entries: SessionEntry[];
  countBefore: number;
  fold: FoldSessionSummary;
}

/** After the append of entries, with the conversation still locked. One that would be too large for metadata is given up. */
export async function foldInto(
  mine: UserStore,
  { conversationId, key, entries, countBefore, fold }: Appended,
): Promise<void> {
  const { projectKey, sessionId } = key;
  const { metadata, messageCount, updatedAt } = await mine.conversations.get(conversationId);
  const kept = keptIn(metadata);
  if (countBefore > 0 && kept?.messageCount !== countBefore) return;
  const previous = kept && { sessionId, mtime: updatedAt.getTime(), data: kept.data };
  const { data } = fold(previous, { projectKey, sessionId }, entries);
  const text = JSON.stringify({ messageCount, data } satisfies Kept);
  const { [summaryKey]: _, ...others } = metadata ?? {};
  const isSmall = Buffer.byteLength(JSON.stringify(text)) <= limits.metadataBytes - reserved;
  await mine.conversations.update(conversationId, { metadata: isSmall ? { ...others, [summaryKey]: text } : others });
}

function keptIn(metadata: Conversation["metadata"]): Kept | undefined {
  const text = metadata?.[summaryKey];
  return typeof text === "string" ? (JSON.parse(text) as Kept) : undefined;
}
