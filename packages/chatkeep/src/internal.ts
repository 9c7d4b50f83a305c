/** chatkeep/internal: what chatkeep's own packages share beside the public names. It may change in any version: do not build on it. */

export { type Coalesced, type CoalesceOptions, coalesce } from "./notify/coalesce.ts";
export { createOutageLog, type OutageLog, type OutageLogger } from "./notify/outage-log.ts";
export { type BodyLimit, readCounted, requireFewTokens, tooLargeBody } from "./protocols/frame/body.ts";
export type { OpenBody } from "./protocols/frame/http.ts";
export { encodeCursor, keyOf } from "./sql/cursor.ts";
export { driverError } from "./sql/driver-error.ts";
export { translate } from "./sql/sqlstate.ts";
export { inTransaction } from "./store/context.ts";
export { conversationName } from "./store/ids.ts";
export { invalidInput, parse } from "./store/input.ts";
export type { Lanes } from "./store/lanes.ts";
export { requireRestorable } from "./store/restore.ts";
export { passesPolicies } from "./store/row-level-security.ts";
export { instructionsSchema, isStorable, modelSchema } from "./store/schemas.ts";
export { tableNames } from "./store/tables/tables.ts";
export { asEverybody } from "./store/wall.ts";
