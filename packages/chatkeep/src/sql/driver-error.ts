/** What of a driver's error may go on: its code and the names of the schema, never the values of a statement, which are people's words. */

/** SQLSTATE: five digits and capitals, of which one at least is a digit; codes of sockets and files have none. */
const sqlState = /^(?=.*\d)[0-9A-Z]{5}$/;
/** Classes whose messages name objects and settings only. Those of 22 (data) and P0 (raised by functions) quote values. */
const namesOnly = /^(0A|08|23|25|28|2B|3D|3F|40|42|53|54|55|57|58)/;
/** Causes within causes, and errors that hold several, are followed so far. */
const maxDepth = 5;

/** The cause of an error of chatkeep's that a database or its driver has caused. `code` is the SQLSTATE, or the code of a socket's error. */
export class DatabaseError extends Error {
  readonly code: string | undefined;
  readonly constraint: string | undefined;
  readonly table: string | undefined;
  readonly column: string | undefined;

  constructor(message: string, { code, constraint, table, column }: DriverFields) {
    super(message);
    this.name = "DatabaseError";
    this.code = code;
    this.constraint = constraint;
    this.table = table;
    this.column = column;
  }
}

interface DriverFields {
  code?: string | undefined;
  constraint?: string | undefined;
  table?: string | undefined;
  column?: string | undefined;
}

/** The driver's own error: Drizzle wraps it, and puts the values of the query into its message. */
export function driverError(error: unknown): unknown {
  let current = error;
  // By shape, not by class: a host may have a Drizzle of its own.
  for (let depth = 0; depth < maxDepth && isWrapper(current) && current.cause; depth += 1) current = current.cause;
  return current;
}

/** Whether it comes from a statement: its server, its driver, or what wraps that one. */
export function isFromDriver(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = driverError(error) as { code?: unknown };
  return isWrapper(error) || (typeof code === "string" && sqlState.test(code));
}

/** The same error with what may be written down. */
export function withoutValues(error: unknown): unknown {
  if (error instanceof DatabaseError || !(error instanceof Error)) return error;
  const cause = driverError(error) as Error & Record<string, unknown>;
  const code = textAt(cause, "code");
  const fields = {
    code,
    constraint: textAt(cause, "constraint") ?? textAt(cause, "constraint_name"),
    table: textAt(cause, "table") ?? textAt(cause, "table_name"),
    column: textAt(cause, "column") ?? textAt(cause, "column_name"),
  };
  const several = cause instanceof AggregateError ? (cause.errors[0] as { code?: unknown } | undefined) : undefined;
  return new DatabaseError(messageOf(cause, code), { ...fields, code: code ?? textAt(several, "code") });
}

/** What a function of the database raises, under whatever code it likes, is its own words, and may be people's. */
const raised = "exec_stmt_raise";

function messageOf(cause: Error, code: string | undefined): string {
  if (code === undefined) return isWrapper(cause) ? "the driver refused a value of the statement" : cause.message;
  if (!sqlState.test(code)) return cause.message || code;
  return namesOnly.test(code) && textAt(cause, "routine") !== raised ? `${code}: ${cause.message}` : `SQLSTATE ${code}`;
}

function isWrapper(error: unknown): error is Error & { query: unknown; params: unknown } {
  return error instanceof Error && "query" in error && ("params" in error || "parameters" in error);
}

function textAt(error: unknown, key: string): string | undefined {
  const value = (error as Record<string, unknown> | undefined)?.[key];
  return typeof value === "string" ? value : undefined;
}
