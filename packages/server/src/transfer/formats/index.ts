/** The products whose exports are known, in the order in which they are asked whether a value is theirs. */
import { aiSdkChat, aiSdkMessages } from "./ai-sdk.ts";
import { chatgpt } from "./chatgpt.ts";
import { chatkeep } from "./chatkeep.ts";
import { claude } from "./claude.ts";
import { copilot } from "./copilot.ts";
import { deepseek } from "./deepseek.ts";
import type { ConversationFormat, RowFormat } from "./format.ts";
import { gemini } from "./gemini.ts";
import { grok } from "./grok.ts";
import { librechat } from "./librechat.ts";
import { lobehub } from "./lobehub.ts";
import { oasst } from "./oasst.ts";
import { openwebui } from "./openwebui.ts";
import { sharegpt } from "./sharegpt.ts";
import { vibe } from "./vibe.ts";

export const conversationFormats: readonly ConversationFormat[] = [
  chatgpt,
  deepseek,
  claude,
  grok,
  openwebui,
  librechat,
  sharegpt,
  oasst,
  lobehub,
  aiSdkChat,
];

export const rowFormats: readonly RowFormat[] = [chatkeep, vibe, gemini, copilot, aiSdkMessages];
