/** Everything that can go wrong, as a short closed list of codes, each with the status that HTTP has for it. */

export type ErrorCode =
  | "invalid_input"
  | "unauthenticated"
  | "forbidden"
  | "not_found"
  | "conflict"
  | "too_large"
  | "rate_limited"
  | "unavailable"
  | "schema_mismatch"
  | "internal";

/** The status of HTTP for each code. */
export const statusOf = {
  invalid_input: 422,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  too_large: 413,
  rate_limited: 429,
  unavailable: 503,
  schema_mismatch: 500,
  internal: 500,
} as const satisfies Record<ErrorCode, number>;

/** What a program may act on beside the code, e.g. `{ messageCount: 7 }`. Never the contents of a message. */
export type ErrorDetails = Record<string, unknown>;

export interface ErrorExtras {
  details?: ErrorDetails;
  cause?: unknown;
}

/** One in all copies of this file: bundlers make several, as Next.js does for pages and for routes, and errors go between them. */
const brand: unique symbol = Symbol.for("chatkeep.error");

/** The base of every error that chatkeep throws on purpose. `message` is one sentence that says what to do. */
export class ChatkeepError extends Error {
  /** That of all errors of a class; the base has none. */
  static readonly code: ErrorCode | undefined = undefined;

  readonly code: ErrorCode;
  readonly details: ErrorDetails | undefined;

  constructor(code: ErrorCode, message: string, extras: ErrorExtras = {}) {
    super(message, extras.cause === undefined ? undefined : { cause: extras.cause });
    this.name = new.target.name;
    this.code = code;
    this.details = extras.details;
  }

  /** The status of HTTP, e.g. 404. */
  get status(): (typeof statusOf)[ErrorCode] {
    return statusOf[this.code];
  }

  get [brand](): true {
    return true;
  }

  /** An error of another copy of chatkeep is one of this class too. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: the class that is asked about
    return isOf(this, value);
  }
}

/** By the code, which each class has for itself; classes of hosts that extend these have none, and are told apart as ever. */
function isOf(kind: typeof ChatkeepError, value: unknown): boolean {
  if (!Object.hasOwn(kind, "code")) return Function.prototype[Symbol.hasInstance].call(kind, value);
  if (typeof value !== "object" || value === null || !(brand in value)) return false;
  return kind.code === undefined || kind.code === (value as ChatkeepError).code;
}

/** 422: the input breaks a rule that the sentence names. */
export class InvalidInputError extends ChatkeepError {
  static override readonly code = "invalid_input";

  constructor(message: string, extras?: ErrorExtras) {
    super("invalid_input", message, extras);
  }
}

/** 401: nobody is signed in. */
export class UnauthenticatedError extends ChatkeepError {
  static override readonly code = "unauthenticated";

  constructor(message = "You are not signed in: sign in and try again.", extras?: ErrorExtras) {
    super("unauthenticated", message, extras);
  }
}

/** 403: the caller is known and may not do this. Never used for someone else's chat: that is `not_found`. */
export class ForbiddenError extends ChatkeepError {
  static override readonly code = "forbidden";

  constructor(message: string, extras?: ErrorExtras) {
    super("forbidden", message, extras);
  }
}

/** 404: it does not exist, or it is someone else's; the two cannot be told apart. */
export class NotFoundError extends ChatkeepError {
  static override readonly code = "not_found";

  constructor(what: string, id: string, extras?: ErrorExtras) {
    super("not_found", `There is no ${what} ${id}.`, extras);
  }
}

/** 409: it contradicts what is stored; read again and decide. */
export class ConflictError extends ChatkeepError {
  static override readonly code = "conflict";

  constructor(message: string, extras?: ErrorExtras) {
    super("conflict", message, extras);
  }
}

/** 413: over a limit in bytes; the sentence names the limit. */
export class TooLargeError extends ChatkeepError {
  static override readonly code = "too_large";

  constructor(message: string, extras?: ErrorExtras) {
    super("too_large", message, extras);
  }
}

/** 429: too many attempts; wait. */
export class RateLimitedError extends ChatkeepError {
  static override readonly code = "rate_limited";

  constructor(message: string, extras?: ErrorExtras) {
    super("rate_limited", message, extras);
  }
}

/** 503: the database cannot be reached just now. Safe to retry: ids make a repeated write harmless. */
export class UnavailableError extends ChatkeepError {
  static override readonly code = "unavailable";

  constructor(message: string, extras?: ErrorExtras) {
    super("unavailable", message, extras);
  }
}

/** 500: the tables are older or newer than the code. */
export class SchemaMismatchError extends ChatkeepError {
  static override readonly code = "schema_mismatch";

  constructor(message: string, extras?: ErrorExtras) {
    super("schema_mismatch", message, extras);
  }
}
