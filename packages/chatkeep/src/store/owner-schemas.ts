/** What names users, as zod schemas: their ids have the type that the host's user table has. */
import * as z from "zod";
import {
  chunkRowsSchema,
  idSchema,
  isStorable,
  runKeySchema,
  seqSchema,
  tokenCountsShape,
  uuidSchema,
} from "./schemas.ts";
import type { Tables } from "./tables/tables.ts";

const rule = "must be the id of a user, of the type that the user table has";

const made = new WeakMap<Tables, ReturnType<typeof makeSchemas>>();

/** Made once for each set of tables. */
export function ownerSchemas(tables: Tables) {
  const known = made.get(tables) ?? makeSchemas(tables);
  made.set(tables, known);
  return known;
}

function makeSchemas(tables: Tables) {
  const userId = userIdSchema(tables);
  return {
    userId,
    userIds: z.array(userId, "must be a list of ids"),
    conversationKeys: z.array(z.object({ userId, conversationId: idSchema }), "must be a list of conversations"),
    runPositions: z.array(z.object({ userId, runId: uuidSchema, after: seqSchema }), "must be a list of runs"),
    heartbeats: z.array(
      z.object({ userId, key: runKeySchema, chunks: chunkRowsSchema, tokens: z.object(tokenCountsShape).optional() }),
      "must be a list of runs",
    ),
  };
}

function userIdSchema({ userType: type }: Tables): z.ZodType<string | number> {
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
