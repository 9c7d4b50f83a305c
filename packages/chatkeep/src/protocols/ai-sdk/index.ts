/** chatkeep/ai-sdk: the AI SDK's chat transport and messages on replies that are kept. */

export type { ModelFailureCode } from "../../model-failures.ts";
export {
  type ChatHandler,
  type ChatHandlerOptions,
  type ChatTurn,
  chatHandler,
  generateFrom,
  type KnownRequest,
} from "./chat-handler.ts";
export { aiSdkCodec } from "./codec.ts";
export { isTextType } from "./data-url.ts";
export { errorResponse } from "./error-response.ts";
export { type ModelFailure, modelFailure, modelFailureOf } from "./failures.ts";
export type { ChatResult, StreamResult } from "./generate.ts";
export { readUIMessages, toUIMessage } from "./history.ts";
export { createChat, loadChat, saveChat } from "./persistence.ts";
export { chatRequestSchema } from "./question.ts";
export {
  createResumableStreamContext,
  type ResumableStreamContext,
  type ResumableStreamContextOptions,
} from "./resumable-stream.ts";
export type { OpenStream } from "./stream.ts";
