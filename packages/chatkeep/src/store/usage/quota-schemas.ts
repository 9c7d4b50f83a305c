/** What a quota is, checked and with sentences that say what is wrong. */
import * as z from "zod";
import { strictObject } from "../strict-object.ts";

export const quotaKinds = ["messages", "tokens", "bytes"] as const;
export const quotaPeriods = ["day", "month", "total"] as const;
const limitRule = "must be a whole number from 0 on";

const quotaSchema = strictObject({
  of: z.enum(quotaKinds, `must be one of ${quotaKinds.join(", ")}`),
  per: z.enum(quotaPeriods, `must be one of ${quotaPeriods.join(", ")}`).optional(),
  limit: z.int(limitRule).min(0, limitRule),
}).refine(
  ({ of, per = "total" }) => of !== "bytes" || per === "total",
  'must count bytes in total, since they are what is stored: leave "per" out',
);

export const quotasSchema = z
  .array(quotaSchema, "must be a list of quotas")
  .max(quotaKinds.length * quotaPeriods.length, "must not name more quotas than there are kinds and periods");

/**
 * How much a user may take: `messages` that a model is asked to answer, `tokens` that go into models and come out, or `bytes` of
 * messages that are stored. A `day` and a `month` are those of UTC, by the database's clock; `total` when `per` is left out, and
 * always for bytes. At 0 nothing may be taken.
 */
export interface Quota extends z.input<typeof quotaSchema> {}
