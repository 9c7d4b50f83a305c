/** The only place that reads the errors of drivers. @see https://www.postgresql.org/docs/current/errcodes-appendix.html */
import {
  ChatkeepError,
  ConflictError,
  InvalidInputError,
  NotFoundError,
  SchemaMismatchError,
  UnavailableError,
} from "./errors.ts";

const uniqueViolation = "23505";
const foreignKeyViolation = "23503";
const lockTimeout = "55P03";
const unstorableCharacters = new Set(["22021", "22P05"]);
const retryable = new Set(["40001", "40P01"]);
const missingObjects = new Set(["42P01", "42703", "3F000"]);
const lostConnection = /^(08|57P|53|55P03|57014|25P03)/;
const lostSocket = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
]);
const lostMessage =
  /connection terminated|connection timeout|timeout exceeded when trying to connect|client was closed|cannot use a pool after|not queryable|query read timeout|connection ended/i;

/** The driver's own error: Drizzle wraps it, and puts the values of the query, which are people's words, into its message. */
export function driverError(error: unknown): unknown {
  let current = error;
  // By shape, not by class: a host may have a Drizzle of its own.
  while (current instanceof Error && "query" in current && "params" in current && current.cause) {
    current = current.cause;
  }
  return current;
}

/** The five characters of SQLSTATE, or the code of a socket error. */
function sqlState(error: unknown): string | undefined {
  const code = (driverError(error) as { code?: unknown } | undefined)?.code;
  return typeof code === "string" ? code : undefined;
}

export function isUniqueViolation(error: unknown): boolean {
  return sqlState(error) === uniqueViolation;
}

/** A deadlock or a serialization failure: nothing was written, running it again may succeed. */
export function isRetryable(error: unknown): boolean {
  return retryable.has(sqlState(error instanceof ChatkeepError ? error.cause : error) ?? "");
}

/** A lock was not to be had in the time that a statement gave it: nothing was written. */
export function isLockTimeout(error: unknown): boolean {
  return sqlState(error) === lockTimeout;
}

/** The database cannot be reached, or does not answer. */
export function isUnavailable(error: unknown): boolean {
  return translate(error) instanceof UnavailableError && !isRetryable(error);
}

/** What a driver threw, as an error with a code; what has no code stays itself. */
export function translate(error: unknown): unknown {
  if (error instanceof ChatkeepError) return error;
  const cause = driverError(error);
  const state = sqlState(error) ?? "";
  if (state === uniqueViolation) return new ConflictError("Something with this id exists already.", { cause });
  if (state === foreignKeyViolation) return new NotFoundError("user", "of this id", { cause });
  if (unstorableCharacters.has(state)) {
    return new InvalidInputError("A text has a character that cannot be stored, such as NUL: remove it.", { cause });
  }
  if (retryable.has(state)) {
    return new UnavailableError("The database was too busy to finish this; try again.", { cause });
  }
  if (missingObjects.has(state)) {
    return new SchemaMismatchError("The tables of chatkeep are missing or too old: run the migrations.", { cause });
  }
  if (isLost(state, cause)) {
    return new UnavailableError("The database cannot be reached; try again in a moment.", { cause });
  }
  return error;
}

function isLost(state: string, cause: unknown): boolean {
  if (lostConnection.test(state) || lostSocket.has(state)) return true;
  if (cause instanceof AggregateError) return cause.errors.some((each) => isLost(sqlState(each) ?? "", each));
  return cause instanceof Error && lostMessage.test(cause.message);
}
