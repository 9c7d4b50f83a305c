/** The only place that reads the errors of drivers. @see https://www.postgresql.org/docs/current/errcodes-appendix.html */

import {
  ChatkeepError,
  ConflictError,
  InvalidInputError,
  NotFoundError,
  SchemaMismatchError,
  UnavailableError,
} from "../errors.ts";
import { driverError, isFromDriver, withoutValues } from "./driver-error.ts";

const uniqueViolation = "23505";
const foreignKeyViolation = "23503";
const lockTimeout = "55P03";
const internalError = "XX000";
/** What Citus says when rows that it passes to a node are refused there: only the words are kept. */
const copied: readonly (readonly [words: RegExp, state: string])[] = [
  [/^duplicate key value violates unique constraint/, uniqueViolation],
  [/^insert or update on table .* violates foreign key constraint/, foreignKeyViolation],
  [/^canceling statement due to lock timeout/, lockTimeout],
  [/^deadlock detected/, "40P01"],
];
const unstorableCharacters = new Set(["22021", "22P05"]);
const retryable = new Set(["40001", "40P01"]);
const missingObjects = new Set(["42P01", "42703", "3F000"]);
const noRights = "42501";
/** The routine that says that a row is against the policies: an owner was wrong, and not a right missing. */
const policyCheck = "ExecWithCheckOptions";

export const readOnly =
  "The database takes no writes just now, as a standby or one that is set to read only: try again in a moment.";

/** What a server says of itself, by the beginning of its SQLSTATE; the first that fits. All of it may pass: `unavailable`. */
const states: readonly (readonly [state: RegExp, sentence: string])[] = [
  [/^25006/, readOnly],
  [/^25P03/, "The database ended a transaction that was idle for too long; try again."],
  [/^25/, "The database had ended the transaction before this; try again."],
  [/^28P01/, "The database refuses the user or the password that it is opened with: correct them in its address."],
  [
    /^28/,
    "The database does not let this user in from here: correct the user, or look at its pg_hba.conf, which may want TLS (sslmode in the address).",
  ],
  [/^3D/, "There is no database of the name that is in its address: create it, or correct the name."],
  [/^53100/, "The disk of the database is full: make room, then try again."],
  [/^53200/, "The database has no memory left; try again in a moment."],
  [/^53300/, "The database has no connection left: allow more with max_connections, or use fewer; then try again."],
  [/^53/, "The database has reached one of its limits; try again in a moment."],
  [/^57014/, "The database did not finish this in time; try again."],
  [/^57P03/, "The database is starting, or shutting down; try again in a moment."],
  [/^57P04/, "The database was dropped while it was in use: create it again, or correct its address."],
  [/^57P/, "The database ended the connection; try again in a moment."],
  [/^55P03/, "Somebody else held what this needs for too long; try again."],
  [/^08/, "The connection to the database was lost; try again in a moment."],
];

/** What comes of a wrong address or a wrong certificate: it does not pass by itself. By code, or by message where there is none. */
const wrongAddress: readonly (readonly [sign: RegExp, sentence: string])[] = [
  [
    /^(ENOTFOUND|EAI_AGAIN)$/,
    "The host of the database is not known: correct it in its address, or look at the network.",
  ],
  [
    /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_(VERIFY_LEAF_SIGNATURE|GET_ISSUER_CERT(_LOCALLY)?)|CERT_UNTRUSTED)$/,
    "The certificate of the database is from nobody who is trusted here: add sslrootcert=FILE with the certificate of its authority to the address.",
  ],
  [
    /^(CERT_HAS_EXPIRED|CERT_NOT_YET_VALID)$/,
    "The certificate of the database is out of date: renew it, or set this machine's clock.",
  ],
  [
    /^ERR_TLS_CERT_ALTNAME_INVALID$/,
    "The certificate of the database is for another host: use the name in it as the host of the address.",
  ],
  [
    /^(ERR_SSL|EPROTO)/,
    "The database and this program could not agree on TLS: correct its host and port, or its sslmode.",
  ],
  [
    /server does not support SSL/i,
    "The database offers no TLS: switch it on there, or set sslmode=disable in the address.",
  ],
  [
    /establishing an SSL connection|received invalid response/i,
    "What answers there is no PostgreSQL: correct host and port in the address.",
  ],
  [/client password must be a (non-empty )?string/i, "The database asks for a password: add it to the address."],
];

const lostSocket = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
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
export function sqlState(error: unknown): string | undefined {
  const { code, message } = (driverError(error) ?? {}) as { code?: unknown; message?: unknown };
  if (code === internalError) return copied.find(([words]) => words.test(String(message)))?.[1] ?? code;
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
  if (thrown instanceof ChatkeepError) return thrown;
  const cause = withoutValues(thrown);
  const state = sqlState(error) ?? "";
  if (state === uniqueViolation) return new ConflictError("Something with this id exists already.", { cause });
  if (state === foreignKeyViolation) return new NotFoundError(missingFor(cause), "of this id", { cause });
  if (unstorableCharacters.has(state)) {
    return new InvalidInputError("A text has a character that cannot be stored, such as NUL: remove it.", { cause });
  }
  if (state.startsWith("22")) {
    return new InvalidInputError("A value is not of the type or in the range that its column has.", { cause });
  }
  if (retryable.has(state)) {
    return new UnavailableError("The database was too busy to finish this; try again.", { cause });
  }
  if (missingObjects.has(state)) {
    return new SchemaMismatchError("The tables of chatkeep are missing or too old: run the migrations.", { cause });
  }
  if (state === noRights && (thrown as { routine?: unknown }).routine !== policyCheck) {
    const sentence =
      "The database refuses this to the user that it is opened with: grant that user the rights on the tables.";
    return new SchemaMismatchError(sentence, { cause });
  }
  const sentence = wordsOf(state, thrown);
  if (sentence) return new UnavailableError(sentence, { cause });
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

/** Why the database cannot be used just now; `undefined` for an error that means something else. */
function wordsOf(state: string, cause: unknown): string | undefined {
  const ofServer = isFromServer(cause) ? states.find(([pattern]) => pattern.test(state)) : undefined;
  if (ofServer) return ofServer[1];
  const message = cause instanceof Error && !isFromServer(cause) ? cause.message : "";
  const ofAddress = wrongAddress.find(([sign]) => sign.test(state) || sign.test(message));
  if (ofAddress) return ofAddress[1];
  return isLost(state, cause) ? "The database cannot be reached; try again in a moment." : undefined;
}

/** An SQLSTATE, and not the code of an error of Node. */
export function isFromServer(error: unknown): boolean {
  return /^(?=.*\d)[0-9A-Z]{5}$/.test(sqlState(error) ?? "");
}

function isLost(state: string, cause: unknown): boolean {
  if (lostSocket.has(state) || (cause as { syscall?: unknown }).syscall === "connect") return true;
  if (cause instanceof AggregateError) return cause.errors.some((each) => isLost(sqlState(each) ?? "", each));
  return cause instanceof Error && lostMessage.test(cause.message);
}
