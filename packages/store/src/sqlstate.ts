/** The only place that reads the errors of drivers. @see https://www.postgresql.org/docs/current/errcodes-appendix.html */
import { driverError, isFromDriver, withoutValues } from "./driver-error.ts";
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
  // Of postgres.js.
  "CONNECTION_CLOSED",
  "CONNECTION_ENDED",
  "CONNECTION_DESTROYED",
  "CONNECT_TIMEOUT",
]);
const lostMessage =
  /connection terminated|connection timeout|timeout exceeded when trying to connect|client was closed|cannot use a pool after|not queryable|query read timeout|connection ended/i;

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
  const thrown = driverError(error);
  const cause = withoutValues(thrown);
  const state = sqlState(error) ?? "";
  if (state === uniqueViolation) return new ConflictError("Something with this id exists already.", { cause });
  if (state === foreignKeyViolation) return new NotFoundError(missingFor(cause), "of this id", { cause });
  if (state.startsWith("22")) {
    return new InvalidInputError("A value is not of the type or in the range that its column has.", { cause });
  }
  if (unstorableCharacters.has(state)) {
    return new InvalidInputError("A text has a character that cannot be stored, such as NUL: remove it.", { cause });
  }
  if (retryable.has(state)) {
    return new UnavailableError("The database was too busy to finish this; try again.", { cause });
  }
  if (missingObjects.has(state)) {
    return new SchemaMismatchError("The tables of chatkeep are missing or too old: run the migrations.", { cause });
  }
  if (isLost(state, thrown)) {
    return new UnavailableError("The database cannot be reached; try again in a moment.", { cause });
  }
  if (!isFromDriver(error)) return error;
  return new ChatkeepError(
    "internal",
    "The database refused a statement of chatkeep: tell the operator the code of its cause.",
    { cause },
  );
}

/** What a foreign key asks for: the one to a conversation has its owner in it too. */
function missingFor(cause: unknown): string {
  const { constraint } = cause as { constraint?: string };
  return constraint?.includes("conversation_id") ? "conversation" : "user";
}

function isLost(state: string, cause: unknown): boolean {
  if (lostConnection.test(state) || lostSocket.has(state)) return true;
  if (cause instanceof AggregateError) return cause.errors.some((each) => isLost(sqlState(each) ?? "", each));
  return cause instanceof Error && lostMessage.test(cause.message);
}
