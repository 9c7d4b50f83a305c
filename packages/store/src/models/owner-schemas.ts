/** What names users, as zod schemas: their ids have the type that the host's user table has. */
import { z } from "zod";
import type { ChatModels } from "./chat.ts";
import { chunkRowsSchema, idSchema, isStorable, runKeySchema, seqSchema } from "./schemas.ts";

const rule = "must be the id of a user, of the type that the user table has";

const made = new WeakMap<ChatModels, ReturnType<typeof makeSchemas>>();

/** Made once for each set of tables. */
export function ownerSchemas(models: ChatModels) {
  const known = made.get(models) ?? makeSchemas(models);
  made.set(models, known);
  return known;
}

function makeSchemas(models: ChatModels) {
  const userId = userIdSchema(models);
  return {
    userId,
    userIds: z.array(userId, "must be a list of ids"),
    livePlaces: z.array(z.object({ userId, conversationId: idSchema }), "must be a list of conversations"),
    runPlaces: z.array(z.object({ userId, runId: idSchema, after: seqSchema }), "must be a list of runs"),
    pulses: z.array(z.object({ userId, key: runKeySchema, chunks: chunkRowsSchema }), "must be a list of runs"),
  };
}

function userIdSchema({ conversation }: ChatModels): z.ZodType<string | number> {
  const type = conversation.userId.getSQLType();
  if (type === "uuid") return z.uuid(rule).transform((id) => id.toLowerCase());
  if (type === "integer") return wholeNumber(2_147_483_647);
  if (type === "bigint") return wholeNumber(Number.MAX_SAFE_INTEGER);
  return z.string(rule).min(1, rule).refine(isStorable, rule);
}

/** Also as digits, as a token has it. */
function wholeNumber(max: number): z.ZodType<number> {
  const number = z.int(rule).min(-max, rule).max(max, rule);
  return z.preprocess((id) => (typeof id === "string" && /^-?\d{1,16}$/.test(id) ? Number(id) : id), number);
}
