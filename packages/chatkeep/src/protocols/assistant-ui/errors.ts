/** What went wrong, as assistant-ui's client reads it. */
import { ConflictError } from "../../errors.ts";
import type { ErrorShape } from "../frame/http.ts";

/** `{ error: "code", message, details? }`; what is wrong in a request is answered with 400. */
export const errors: ErrorShape = {
  body: ({ code, message, details }) => {
    const { reason, ...others } = details ?? {};
    return { error: reason ?? code, message, ...(Object.keys(others).length > 0 && { details: others }) };
  },
  status: ({ code, status }) => (code === "invalid_input" ? 400 : status),
  headers: ({ code }): Record<string, string> => (code === "unauthenticated" ? { "www-authenticate": "Bearer" } : {}),
};

/** The lease was ended: nothing more is written with it. */
export function runEnded(): ConflictError {
  return new ConflictError("This run has ended: write without its lease, or open another one.", {
    details: { reason: "run_ended" },
  });
}

/** Somebody else writes this message. */
export function leaseMismatch(): ConflictError {
  return new ConflictError("Another run writes this message: wait until it has ended.", {
    details: { reason: "lease_mismatch" },
  });
}
