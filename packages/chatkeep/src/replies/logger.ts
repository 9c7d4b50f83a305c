/** Where a library says what went wrong: any logger that takes details and a message, as pino's does. */

export interface Logger {
  debug(details: object, message: string): void;
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

/**
 * For hosts that give none, who must see all the same that something fails: its name and its code, and nothing of what an
 * error carries, since those of models and drivers may quote what people wrote.
 */
export const defaultLogger: Logger = {
  debug() {},
  info() {},
  // biome-ignore lint/suspicious/noConsole: there is nothing else to say it by
  warn: (details, message) => console.warn(`chatkeep: ${message}`, summary(details)),
  // biome-ignore lint/suspicious/noConsole: there is nothing else to say it by
  error: (details, message) => console.error(`chatkeep: ${message}`, summary(details)),
};

function summary(details: object): string {
  const { error, runId } = details as { error?: unknown; runId?: unknown };
  const { name, code } = (error ?? {}) as { name?: unknown; code?: unknown };
  return [runId && `run ${runId}`, name, code].filter((word) => typeof word === "string").join(" ");
}
