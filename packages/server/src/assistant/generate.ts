/** How this server makes a reply: its model, with the assistant's instructions and the user's tasks as tools. */
import { isStepCount, streamText } from "ai";
import type { ChatTurn } from "chatkeep/ai-sdk";
import type { Database } from "../database.ts";
import type { Rows } from "../limits.ts";
import type { Log } from "../log.ts";
import { callSettings, questionSettingsSchema } from "./generation-settings.ts";
import { describeModelError, failureOf } from "./model-errors.ts";
import type { Models } from "./models.ts";
import { taskTools } from "./tools.ts";

export interface AssistantOptions {
  db: Database;
  models: Models;
  log: Log;
  rows: Rows;
}

const maxSteps = 8;
const modelTimeouts = { firstChunkMs: 120_000, chunkMs: 120_000 };

export function createAssistant({ db, models, log, rows }: AssistantOptions) {
  return ({ userId, runId, messages, instructions: more, signal, model: named, body }: ChatTurn) =>
    streamText({
      ...callSettings(questionSettingsSchema.parse(body).settings ?? {}),
      model: models.answering(named),
      instructions: instructions(more),
      messages,
      tools: taskTools(db, String(userId), rows),
      stopWhen: isStepCount(maxSteps),
      abortSignal: signal,
      timeout: modelTimeouts,
      onError: ({ error }) => {
        const { code } = failureOf(error);
        log.warn({ runId, code, provider: describeModelError(error) }, "the model failed");
      },
    });
}

function instructions(more: string | null): string {
  const today = new Date().toISOString().slice(0, 10);
  const ours = `You are the assistant of chatkeep, a place that keeps conversations. Today is ${today}. Answer in Markdown, in the language of the user. You can read and change the user's tasks with your tools; use them when the user speaks of tasks, and say what you did.`;
  return more === null ? ours : `${ours}\n\n${more}`;
}
