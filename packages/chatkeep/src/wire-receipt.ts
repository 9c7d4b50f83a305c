/** The receipt of an erasure as it goes over HTTP. */
import * as z from "zod";
import type { ErasureReceipt as StoredReceipt } from "./store/conversations/erase.ts";

/** What was removed for good, as it goes out; `rowId` is the UUID that the rows of a conversation had it by. */
export const erasureReceipt = z
  .object({
    of: z.enum(["user", "conversation", "trash"]),
    userId: z.union([z.string(), z.number()]),
    conversationId: z.string().optional(),
    rowId: z.uuid().optional(),
    erasedAt: z.iso.datetime(),
    rows: z.record(z.string(), z.int()).meta({ description: "Rows removed, by table." }),
  })
  .meta({ id: "ErasureReceipt" });

/** What was removed for good: how much of what, without a word that anybody wrote. */
export interface ErasureReceipt extends z.infer<typeof erasureReceipt> {}

/** A receipt of the store as it goes out. */
export function asErasureReceipt({
  erasedAt,
  ...receipt
}: Omit<StoredReceipt, "rows"> & { rows: Record<string, number> }): ErasureReceipt {
  return { ...receipt, erasedAt: erasedAt.toISOString() };
}
