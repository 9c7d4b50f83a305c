/** How an answer ended, if it did not end as it should: the words for it, and what can be done. */
import { isToolUIPart, type UIMessage } from "ai";
import { t } from "../strings/index.ts";
import { finishReasonOf, keptOf } from "./chats.ts";

export interface Ending {
  words: string;
  /** What is there stays, and can be gone on with; else one asks again. */
  canGoOn: boolean;
}

const ofStatus: Record<string, string> = {
  stopped: t.chat.stopped,
  failed: t.chat.failed,
  interrupted: t.chat.interrupted,
};

/** By what the model said. */
const ofReason: Record<string, Ending> = {
  length: { words: t.chat.ending.length, canGoOn: true },
  "content-filter": { words: t.chat.ending.filtered, canGoOn: false },
  "tool-calls": { words: t.chat.ending.steps, canGoOn: true },
  error: { words: t.chat.failed, canGoOn: false },
  other: { words: t.chat.ending.unknown, canGoOn: true },
  unknown: { words: t.chat.ending.unknown, canGoOn: true },
};

export function endingOf(message: UIMessage): Ending | undefined {
  if (message.role !== "assistant") return undefined;
  const status = keptOf(message)?.status;
  if (status === "streaming") return undefined;
  const words = ofStatus[status ?? ""];
  if (words) return { words, canGoOn: false };
  const ending = ofReason[finishReasonOf(message) ?? ""];
  if (ending) return ending;
  return message.parts.some(isAnswer) ? undefined : { words: t.chat.ending.empty, canGoOn: false };
}

function isAnswer(part: UIMessage["parts"][number]): boolean {
  if (part.type === "text") return part.text.trim() !== "";
  if (isToolUIPart(part)) return part.state === "output-available";
  return ["file", "source-url", "source-document"].includes(part.type) || part.type.startsWith("data-");
}
