/** A session store of the Claude Agent SDK on conversations: one for each transcript, each entry a message. */
import { NotFoundError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import type { Store } from "../../store/store.ts";
import type { UserId } from "../../store/tables/tables.ts";
import type { UserStore } from "../../store/user-verbs.ts";
import { createAppend } from "./append.ts";
import type { FoldSessionSummary, SessionEntry, SessionKey, SessionStore } from "./contract.ts";
import { createReader } from "./entries.ts";
import { checkedKey, checkedProject, conversationIdOf, conversationsWith } from "./keys.ts";
import { summaryOf } from "./summaries.ts";

/** Whose sessions. */
export interface SessionStoreOptions {
  store: Store;
  userId: UserId;
  /** The SDK's function of this name: with it, its list of sessions reads no transcript. */
  foldSessionSummary?: FoldSessionSummary | undefined;
}

/** The sessions of this user, for the SDK's option `sessionStore`. What another user calls the same is another one. */
export function createSessionStore({ store, userId, foldSessionSummary }: SessionStoreOptions): SessionStore {
  const user = store.forUser(userId);
  const append = createAppend(user, foldSessionSummary);
  const listMain = (projectKey: string) =>
    conversationsWith(user, { claudeProjectKey: checkedProject(projectKey), claudeSubpath: null });
  return {
    append,
    load: (key) => load(user, key),
    listSessions: async (projectKey) => {
      const found = await listMain(projectKey);
      return found.map(({ metadata, updatedAt }) => {
        return { sessionId: String(metadata?.["claudeSessionId"]), mtime: updatedAt.getTime() };
      });
    },
    ...(foldSessionSummary && {
      listSessionSummaries: async (projectKey: string) =>
        (await listMain(projectKey)).flatMap((conversation) => summaryOf(conversation) ?? []),
    }),
    delete: (key) => deleteSession(user, key),
    listSubkeys: async ({ projectKey, sessionId }) => {
      const found = await subagents(user, { projectKey, sessionId });
      return found.map(({ metadata }) => String(metadata?.["claudeSubpath"]));
    },
  };
}

async function load(user: UserStore, key: SessionKey): Promise<SessionEntry[] | null> {
  const conversationId = conversationIdOf(key);
  const read = createReader();
  const entries: SessionEntry[] = [];
  try {
    for (let after: string | null = "0"; after !== null; ) {
      const page = await user.messages.list(conversationId, { after: Number(after), limit: limits.messagePageSize });
      entries.push(...page.items.flatMap(read));
      after = page.nextCursor;
    }
  } catch (error) {
    if (error instanceof NotFoundError) return null;
    throw error;
  }
  return entries;
}

async function subagents(user: UserStore, key: SessionKey) {
  const { projectKey: claudeProjectKey, sessionId: claudeSessionId } = checkedKey(key);
  const found = await conversationsWith(user, { claudeProjectKey, claudeSessionId });
  return found.filter(({ metadata }) => typeof metadata?.["claudeSubpath"] === "string");
}

/** The session's own transcript last: while something is left of it, it can be deleted again. */
async function deleteSession(user: UserStore, key: SessionKey): Promise<void> {
  const own = conversationIdOf(key);
  const below = key.subpath === undefined ? await subagents(user, key) : [];
  for (const id of [...below.map(({ id }) => id), own]) {
    try {
      await user.conversations.erase(id);
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
    }
  }
}
