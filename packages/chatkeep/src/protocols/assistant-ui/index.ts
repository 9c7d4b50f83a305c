/** chatkeep/assistant-ui: what assistant-ui's cloud client asks for, so that its applications work with nothing but their base URL set. */
export {
  type AssistantCloudHandlerOptions,
  assistantCloudHandler,
  type GenerateTitle,
  type TelemetryKind,
  type TitleRequest,
} from "./handler.ts";
export type { AnonymousTokens, TokenPair } from "./tokens.ts";
