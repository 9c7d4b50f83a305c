/** What went wrong with a request: the server's own words where it gave some, and `unavailable` where it could not be reached. */
import type { ErrorCode } from "../wire.ts";

export interface ApiErrorExtras {
  /** The status of the answer; 0 where there was none. */
  status: number;
  details?: Record<string, unknown> | undefined;
  /** The body of the answer: its JSON, or its text. */
  body?: unknown;
  cause?: unknown;
}

/** Every error of the client but the caller's own abort. `code` is one of a closed list, `message` one sentence for people. */
export class ApiError extends Error {
  readonly code: ErrorCode;
  /** Of HTTP; 0 where no answer came. */
  readonly status: number;
  /** What a program may act on beside the code, e.g. `{ messageCount: 7 }`. */
  readonly details: Record<string, unknown> | undefined;
  /** The body of the answer, for what a server of one's own says beside chatkeep's errors. */
  readonly body: unknown;

  constructor(code: ErrorCode, message: string, { status, details, body, cause }: ApiErrorExtras) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "ApiError";
    this.code = code;
    this.status = status;
    this.details = details;
    this.body = body;
  }
}

/** For answers that are not chatkeep's: of a proxy, or of a host's own sign-in. */
const codes: Record<number, ErrorCode> = {
  400: "invalid_input",
  401: "unauthenticated",
  403: "forbidden",
  404: "not_found",
  409: "conflict",
  413: "too_large",
  422: "invalid_input",
  429: "rate_limited",
  500: "internal",
};

/** The error that an answer is. */
export async function errorOf(response: Response): Promise<ApiError> {
  const { status } = response;
  const body = parsed(await response.text().catch(() => ""));
  const known = (body as { error?: Partial<ApiError> | null } | null)?.error;
  if (typeof known?.code === "string" && typeof known.message === "string") {
    return new ApiError(known.code, known.message, { status, details: known.details, body });
  }
  const code = codes[status] ?? (status >= 500 ? "unavailable" : "invalid_input");
  return new ApiError(code, `The server answered with status ${status}, and not as chatkeep does.`, { status, body });
}

/** The server could not be reached, or the connection broke. */
export function unreachable(cause: unknown): ApiError {
  return new ApiError("unavailable", "The server cannot be reached: check the connection and try again.", {
    status: 0,
    cause,
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
