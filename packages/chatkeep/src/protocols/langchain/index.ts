/** chatkeep/langchain: the history of LangChain's chains in a conversation. */

export { ChatMessageHistory, type ChatMessageHistoryOptions, createChatMessageHistory } from "./history.ts";
