/** How a model is to answer in a chat: noted in its metadata as `settings`, and sent along with each question. */
import { z } from "zod";

const between = (least: number, most: number, rule = `must be a number from ${least} to ${most}`) =>
  z.number(rule).min(least, rule).max(most, rule);
const tokensRule = "must be a whole number from 1 to 1000000";

/** What is left out is as the model has it. */
export const generationSettingsSchema = z.strictObject({
  temperature: between(0, 2).optional(),
  topP: between(0, 1).optional(),
  maxOutputTokens: z.int(tokensRule).min(1, tokensRule).max(1_000_000, tokensRule).optional(),
  reasoningEffort: z.enum(["low", "medium", "high"], "must be low, medium or high").optional(),
});

export type GenerationSettings = z.output<typeof generationSettingsSchema>;

/** Of the body of a question. */
export const questionSettingsSchema = z.looseObject({ settings: generationSettingsSchema.optional() });

/** As `streamText` takes them. */
export function callSettings({ reasoningEffort, ...others }: GenerationSettings) {
  const given = Object.fromEntries(Object.entries(others).filter(([, value]) => value !== undefined));
  return { ...given, ...(reasoningEffort && { providerOptions: { "openai-compatible": { reasoningEffort } } }) };
}
