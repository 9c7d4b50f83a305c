/** Bringing back a file of an export, as it was. For operators: a user may not choose its id and its time. */
import * as z from "zod";
import { NotFoundError } from "../../errors.ts";
import type { Runner } from "../context.ts";
import { pastTimeSchema } from "../import-schemas.ts";
import { parse } from "../input.ts";
import { ownerSchemas } from "../owner-schemas.ts";
import { uuidSchema } from "../schemas.ts";
import { strictObject } from "../strict-object.ts";
import type { UserId } from "../tables/tables.ts";
import { type NewFile, putFile } from "./put.ts";
import { getFile } from "./read.ts";

const restoredSchema = strictObject({
  id: uuidSchema,
  name: z.unknown(),
  mediaType: z.unknown().optional(),
  createdAt: pastTimeSchema,
  data: z.unknown(),
});

/** What of a file an export has, and its bytes; the time also as ISO 8601. */
export interface RestoredFile extends Omit<NewFile, "id"> {
  id: string;
  createdAt: Date | string;
}

/** @throws invalid_input, too_large, conflict */
export async function restoreFile(run: Runner, userId: UserId, restored: RestoredFile): Promise<boolean> {
  const { id, createdAt, ...file } = parse(restoredSchema, restored, "file");
  // Whoever brings back what was there is not bound by what may be added.
  const unbound: Runner = (verb) => run((context) => verb({ ...context, userFileBytes: Number.POSITIVE_INFINITY }));
  const ownerId = await run(async ({ tables }) => parse(ownerSchemas(tables).userId, userId, "userId"));
  try {
    await unbound((context) => getFile(context, ownerId, id));
    return false;
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
  }
  await putFile(unbound, ownerId, file as NewFile, { id, createdAt });
  return true;
}
