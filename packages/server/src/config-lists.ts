/** What settings are written as. */
import type { Quota } from "chatkeep";
import { z } from "zod";

export const filled = (text: z.ZodString) =>
  z.preprocess((value) => (value === "" ? undefined : value), text.optional());

/** A whole number in digits, `preset` where nothing was set, and NaN for anything else, which no schema takes. */
export const numberIn = <Preset>(text: unknown, preset: Preset): number | Preset => {
  if (!text) return preset;
  return /^\d+$/.test(String(text)) ? Number(text) : Number.NaN;
};

export const httpUrl = z
  .string()
  .refine((text) => /^https?:$/.test(URL.parse(text)?.protocol ?? ""), "must be an http address");

export const namesIn = (text: string) => text.split(",").map((name) => name.trim());

export const quotasRule =
  "must be quotas, such as messages/day=200,tokens/month=2000000,bytes=1000000000: messages or tokens, each a day, a month or in total, and bytes in total";

/** `undefined` where the text is none, or names one twice. */
export function quotasIn(text: string): Quota[] | undefined {
  if (text === "") return [];
  const all = namesIn(text).map((each): Quota | undefined => {
    const [, of, per, limit] = /^(?:(messages|tokens)(?:\/(day|month|total))?|bytes)=(\d{1,15})$/.exec(each) ?? [];
    if (limit === undefined) return undefined;
    return { of: (of ?? "bytes") as Quota["of"], per: (per ?? "total") as Quota["per"], limit: Number(limit) };
  });
  const known = all.flatMap((quota) => quota ?? []);
  const kinds = new Set(known.map(({ of, per }) => `${of} ${per}`));
  return kinds.size === all.length ? known : undefined;
}
