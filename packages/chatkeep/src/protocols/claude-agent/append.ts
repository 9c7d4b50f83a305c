/**
 * Appending entries. What can be read is one branch, in order; what cannot stands beside it, below the message before, so that no
 * list of messages that people look at has empty places. The order of the transcript is that of `seq`.
 */
import { ConflictError, NotFoundError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import type { NewMessage } from "../../store/schemas.ts";
import type { UserStore } from "../../store/user-verbs.ts";
import type { FoldSessionSummary, SessionEntry, SessionKey, SessionStore } from "./contract.ts";
import { checkedEntries, entryId, type StoredEntry, toMessages } from "./entries.ts";
import { checkedKey, conversationIdOf, metadataOf } from "./keys.ts";
import type { ToolNames } from "./shown.ts";
import { foldInto } from "./summaries.ts";

/** Names of tools that are remembered for their results; of older calls a result is shown as that of an unknown tool. */
const rememberedTools = 10_000;
/** Each time another process was faster. */
const attempts = 10;

/** Appends to one transcript wait for each other, so that they are stored in the order in which they were given. */
export function createAppend(user: UserStore, fold: FoldSessionSummary | undefined): SessionStore["append"] {
  const toolNames: ToolNames = new Map();
  const queues = new Map<string, Promise<void>>();
  // The SDK gives the same list again after a failure, of which nobody knows whether it was one.
  const failed = new WeakMap<readonly SessionEntry[], string[]>();
  return async (given, entries) => {
    const key = checkedKey(given);
    const conversationId = conversationIdOf(key);
    if (checkedEntries(entries).length === 0) return;
    const ids = failed.get(entries) ?? entries.map(entryId);
    const named = [...entries].map((entry, index) => ({ id: ids[index] ?? entryId(entry), entry }));
    const stored = withoutRepeats(named.flatMap(({ id, entry }) => toMessages(id, entry, toolNames)));
    forgetOldest(toolNames);
    const before = queues.get(conversationId) ?? Promise.resolve();
    const work = before.then(() => write({ user, key, conversationId, named, stored, fold }));
    const settled = work.catch(() => undefined);
    queues.set(conversationId, settled);
    try {
      await work;
      failed.delete(entries);
    } catch (error) {
      failed.set(entries, ids);
      throw error;
    } finally {
      if (queues.get(conversationId) === settled) queues.delete(conversationId);
    }
  };
}

interface Write {
  user: UserStore;
  key: SessionKey;
  conversationId: string;
  named: { id: string; entry: SessionEntry }[];
  stored: StoredEntry[];
  fold: FoldSessionSummary | undefined;
}

async function write(given: Write): Promise<void> {
  const { user, conversationId, key, named } = given;
  for (let attempt = 1; ; attempt += 1) {
    try {
      await user.transaction(conversationId, (mine) => writeTogether(mine, given, attempt > 1));
      break;
    } catch (error) {
      const wasOther = error instanceof ConflictError || error instanceof NotFoundError;
      if (!wasOther || attempt === attempts) throw error;
    }
  }
  const title = key.subpath === undefined ? titleIn(named) : undefined;
  if (title) await user.conversations.rename(conversationId, title);
}

/** Where a branch goes on. */
interface Place {
  headId: string | null;
  messageCount: number;
}

/**
 * Makes the conversation if there is none. That all entries are new is believed at first, and looked at when it is not so.
 * @throws conflict when it is not, or another process appended meanwhile: then nothing is stored
 */
async function writeTogether(mine: UserStore, given: Write, mayHaveStored: boolean): Promise<void> {
  const { key, conversationId, named, fold } = given;
  const isMain = key.subpath === undefined;
  const created = { id: conversationId, archived: !isMain, metadata: metadataOf(key) };
  const place: Place = (await mine.conversations.find(conversationId)) ?? (await mine.conversations.create(created));
  const stored = mayHaveStored ? await notStored(mine, conversationId, given.stored) : given.stored;
  const last = stored.at(-1);
  if (!last) return;
  const headId = stored.findLast(({ isShown }) => isShown)?.message.id ?? place.headId;
  await appendBelow(mine, conversationId, stored, place);
  if (headId !== last.message.id) {
    if (headId === null) await mine.conversations.clear(conversationId);
    else await mine.conversations.truncate(conversationId, headId);
  }
  if (!fold || !isMain) return;
  const added = new Set(stored.map(({ message }) => message.id));
  const entries = named.flatMap(({ id, entry }) => (added.delete(id) ? entry : []));
  await foldInto(mine, { conversationId, key, entries, countBefore: place.messageCount, fold });
}

async function appendBelow(mine: UserStore, conversationId: string, stored: readonly StoredEntry[], place: Place) {
  let { headId: parentId, messageCount: expectedSeq } = place;
  const messages = stored.map(({ message, isShown, bytes }) => {
    const placed = { ...message, parentId };
    if (isShown) parentId = message.id;
    return { placed, bytes };
  });
  for (const batch of batches(messages)) {
    const [first] = await mine.messages.append(conversationId, batch, { expectedSeq });
    if (first?.seq !== expectedSeq + 1) throw new ConflictError("An entry was stored before: leave it out.");
    expectedSeq += batch.length;
  }
}

async function notStored(mine: UserStore, conversationId: string, stored: readonly StoredEntry[]) {
  const missing: StoredEntry[] = [];
  for (const each of stored) {
    try {
      await mine.messages.get(conversationId, each.message.id);
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
      missing.push(each);
    }
  }
  return missing;
}

/** As many at once as an append may carry, and not many more bytes than one message may have. */
function batches(messages: readonly { placed: NewMessage; bytes: number }[]): NewMessage[][] {
  const found: NewMessage[][] = [];
  let room = 0;
  for (const { placed, bytes } of messages) {
    const last = found.at(-1);
    room -= bytes;
    if (last && last.length < limits.messagesPerAppend && room >= 0) last.push(placed);
    else {
      found.push([placed]);
      room = limits.messageBytes - bytes;
    }
  }
  return found;
}

/** The first of those with the same id. */
function withoutRepeats(stored: readonly StoredEntry[]): StoredEntry[] {
  const byId = new Map<string, StoredEntry>();
  for (const each of stored) if (!byId.has(each.message.id)) byId.set(each.message.id, each);
  return [...byId.values()];
}

function forgetOldest(toolNames: ToolNames): void {
  for (const id of toolNames.keys()) {
    if (toolNames.size <= rememberedTools) return;
    toolNames.delete(id);
  }
}

/** What the session was called last, as a title can be. */
function titleIn(named: Write["named"]): string | undefined {
  const given = named.findLast(({ entry }) => entry.type === "custom-title")?.entry["customTitle"];
  if (typeof given !== "string") return undefined;
  const text = given.toWellFormed().replaceAll("\0", "").trim();
  return [...text].slice(0, limits.titleCharacters).join("").trim() || undefined;
}
