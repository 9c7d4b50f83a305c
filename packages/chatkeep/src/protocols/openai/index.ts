/** chatkeep/openai: OpenAI's Conversations and Responses over your conversations, for OpenAI's own SDKs. */
export { type OpenaiHandlerOptions, openaiHandler } from "./handler.ts";
export { type KeptItem, toItems } from "./items.ts";
export type { Answers } from "./responses.ts";
