/** chatkeep/openai-agents: sessions of the OpenAI Agents SDK, kept as conversations. */
export {
  type ChatkeepSession,
  createSession,
  type HistoryMutation,
  type HistoryTransaction,
  type SessionOptions,
} from "./session.ts";
