/** The clock of the database, which all processes share. */
import { sql } from "../sql/sql.ts";
import { type Context, prepared } from "./context.ts";

/** Now, to the millisecond. */
export async function now(context: Context): Promise<Date> {
  const build = () => sql`select floor(extract(epoch from clock_timestamp()) * 1000)::text`;
  const [time] = await prepared(context, "now", build, ([ms]) => new Date(Number(ms))).execute();
  return time ?? new Date();
}
