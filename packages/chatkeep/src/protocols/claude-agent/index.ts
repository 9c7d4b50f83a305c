/** chatkeep/claude-agent: the sessions of the Claude Agent SDK, kept as conversations. */
export type { FoldSessionSummary, SessionEntry, SessionKey, SessionStore, SessionSummary } from "./contract.ts";
export { conversationIdOf } from "./keys.ts";
export { createSessionStore, type SessionStoreOptions } from "./session-store.ts";
