/** What clients of OpenAI's may send, as zod schemas. */
import * as z from "zod";
import { limits } from "../../limits.ts";
import { idSchema } from "../../store/schemas.ts";
import { strictObject } from "../../store/strict-object.ts";

const itemsPerRequest = 20;
const pairs = 16;
const keyCharacters = 64;
const valueCharacters = 512;

/** 16 pairs of texts. */
const metadataSchema = z
  .record(
    z.string().max(keyCharacters, `must have keys of at most ${keyCharacters} characters`),
    z.string("must be a text").max(valueCharacters, `must have at most ${valueCharacters} characters`),
    "must be an object of texts",
  )
  .refine((given) => Object.keys(given).length <= pairs, `must have at most ${pairs} pairs`);

const blocksSchema = z.array(
  z.looseObject({ type: z.string("must be a text") }, "must be an object with a type"),
  "must be a text, or a list of objects with a type",
);

/** Any kind, also one that nobody here knows: an object with a `type`, or a message, which may leave it out. */
const itemSchema = z
  .custom<Record<string, unknown>>((value) => typeof value === "object" && value !== null && !Array.isArray(value), {
    error: "must be an object",
    abort: true,
  })
  .superRefine((item, context) => {
    const refuse = (path: string, message: string) => context.addIssue({ code: "custom", path: [path], message });
    const { id, type = "message", role, content } = item;
    if (id !== undefined && id !== null) {
      const result = idSchema.safeParse(id);
      if (!result.success) refuse("id", result.error.issues[0]?.message ?? "is not valid");
    }
    if (typeof type !== "string" || type === "") return refuse("type", "must be the name of a kind of items");
    if (type === "item_reference") return refuse("type", "must not be item_reference: send the item itself");
    if (type !== "message") return;
    if (typeof role !== "string") refuse("role", "must be a text, such as user");
    if (typeof content === "string") return;
    const blocks = blocksSchema.safeParse(content);
    if (!blocks.success) refuse("content", blocks.error.issues[0]?.message ?? "is not valid");
  });

export const itemsSchema = z
  .custom<Record<string, unknown>[]>(Array.isArray, { error: "must be a list of items", abort: true })
  .refine((items) => items.length <= itemsPerRequest, {
    error: `must be at most ${itemsPerRequest} items at once: send the others in a further request`,
    abort: true,
  })
  .pipe(z.array(itemSchema))
  .refine(hasDistinctIds, "must not name the same id twice");

function hasDistinctIds(items: readonly Record<string, unknown>[]): boolean {
  const ids = items.flatMap(({ id }) => (typeof id === "string" ? id : []));
  return new Set(ids).size === ids.length;
}

export const newConversationSchema = strictObject({
  items: itemsSchema.nullish(),
  metadata: metadataSchema.nullish(),
});

export const conversationChangesSchema = strictObject({ metadata: metadataSchema.nullable() });

export const newItemsSchema = strictObject({
  items: itemsSchema.refine((items) => items.length > 0, "must have at least one item"),
});

/** Items are always answered whole, so that there is nothing to include. */
const includeShape = { include: z.string().optional(), "include[]": z.string().optional() };

export const itemQuerySchema = strictObject(includeShape);

export const itemListSchema = strictObject({
  ...includeShape,
  after: z.string().optional(),
  order: z.enum(["asc", "desc"], "must be asc or desc").default("desc"),
  limit: z.coerce
    .number(`must be a whole number from 1 to ${limits.pageSize}`)
    .int("must be a whole number")
    .min(1, "must be at least 1")
    .max(limits.pageSize, `must be at most ${limits.pageSize}`)
    .default(20),
});
