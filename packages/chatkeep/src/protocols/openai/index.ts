/** chatkeep/openai: OpenAI's Conversations API over your conversations, for OpenAI's own SDKs. */
export { type OpenaiHandlerOptions, openaiHandler } from "./handler.ts";
