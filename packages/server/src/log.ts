/** Structured logs, one JSON object a line. Never the words of a message, never the values of a query. */
import { ChatkeepError } from "chatkeep";
import { driverError } from "chatkeep/internal";
import { type DestinationStream, pino } from "pino";
import type { Config } from "./config.ts";

export { createOutageLog } from "chatkeep/internal";

/** The logger that `createLog` makes. */
export type Log = ReturnType<typeof createLog>;

/** Makes a log of JSON lines, on the standard output unless told otherwise; errors in it carry no values. */
export function createLog(level: Config["logLevel"], destination?: DestinationStream) {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, serializers: { error: describe } };
  // Not in step with the disk or the terminal: lines go together, at most a fifth of a second late, and all of them at the end.
  const together = { dest: 1, sync: false, minLength: 4_096, periodicFlush: 200 };
  return pino(options, destination ?? pino.destination(together));
}

/** What of an error may be written down: a driver's message and detail quote rows, so only their codes are. */
export function describe(error: unknown) {
  if (error instanceof ChatkeepError) {
    return { name: error.name, code: error.code, message: error.message, cause: causeOf(error.cause) };
  }
  if (!(error instanceof Error)) return { name: typeof error };
  const query = "query" in error && "params" in error ? String(error.query) : undefined;
  const cause = driverError(error) as { code?: unknown };
  if (query !== undefined || isFromDriver(cause)) return { name: error.name, query, cause: causeOf(cause) };
  return { name: error.name, message: error.message, stack: error.stack };
}

function isFromDriver(error: { code?: unknown }): boolean {
  return typeof error.code === "string" && /^[0-9A-Z]{5}$/.test(error.code);
}

function causeOf(cause: unknown) {
  if (!(cause instanceof Error)) return undefined;
  const { code, constraint, table } = cause as { code?: unknown; constraint?: unknown; table?: unknown };
  return { name: cause.name, code, constraint, table };
}
