/** The options of what opens a database by its address. */
import { InvalidInputError } from "../errors.ts";

/** @throws invalid_input when there is no address in them */
export function withUrl<Options extends { url: string }>(options: Options, how: string): Options {
  if (typeof options?.url === "string" && options.url !== "") return options;
  throw new InvalidInputError(
    `${how} wants the address of a PostgreSQL: pass { url: "postgres://user:password@host:port/database" }.`,
  );
}
