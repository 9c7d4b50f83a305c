/** The shapes of what was used, as `wire.ts` has the others. */
import * as z from "zod";
import { quotaKinds, quotaPeriods } from "./store/usage/quota-schemas.ts";
import type { QuotaUse as StoredQuotaUse } from "./store/usage/quotas.ts";
import type { UsageBy, UsageKind } from "./store/usage/usage.ts";

const tokens = z.int().min(0);

/** What replies took together as it goes out. */
export const usageSum = z
  .object({
    day: z.iso.date().optional().meta({ description: "By days: in UTC." }),
    model: z.string().nullable().optional().meta({ description: "By models: null where the run named none." }),
    conversationId: z.string().optional().meta({ description: "By conversations." }),
    replies: z.int().min(0).meta({ description: "Runs that have ended, however they did." }),
    inputTokens: tokens,
    outputTokens: tokens,
    cachedTokens: tokens.meta({ description: "Of the input tokens, those that the provider had kept." }),
    reasoningTokens: tokens.meta({ description: "Of the output tokens, those of thoughts." }),
  })
  .meta({ id: "UsageSum" });

/** What replies took together: of a day, a model or a conversation. */
export interface UsageSum extends z.infer<typeof usageSum> {}

/** How a user stands to a quota as it goes out. */
export const quotaUse = z
  .object({
    of: z.enum(quotaKinds),
    per: z.enum(quotaPeriods),
    limit: z.int().min(0),
    used: z.int().min(0),
    renewsAt: z.iso.datetime().nullable().meta({ description: "When it begins anew; null where it does not." }),
  })
  .meta({ id: "QuotaUse" });

/** How a user stands to a quota. */
export interface QuotaUse extends z.infer<typeof quotaUse> {}

/** Sums of the store as they go out. */
export function asUsageSum(sum: UsageBy[UsageKind]): UsageSum {
  return sum;
}

/** A quota as it goes out. */
export function asQuotaUse({ renewsAt, ...use }: StoredQuotaUse): QuotaUse {
  return { ...use, renewsAt: renewsAt?.toISOString() ?? null };
}
