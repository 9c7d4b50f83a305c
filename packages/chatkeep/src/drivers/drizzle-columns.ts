/** Columns that several tables have, as Drizzle builds them. */
import { bigint, integer, type PgTextBuilderInitial, text, timestamp, uuid, varchar } from "drizzle-orm/pg-core";
import type { UserId } from "../store/tables/tables.ts";

/** `user_id`, of the type that the host's user table has. */
export function columnLike<Id extends UserId>(userType: string) {
  return (builderLike(userType) as PgTextBuilderInitial<"user_id", [string, ...string[]]>).$type<Id>();
}

function builderLike(userType: string) {
  if (userType === "uuid") return uuid("user_id");
  if (userType === "text") return text("user_id");
  if (userType === "integer") return integer("user_id");
  if (userType === "bigint") return bigint("user_id", { mode: "number" });
  const length = /\d+/.exec(userType)?.[0];
  return length ? varchar("user_id", { length: Number(length) }) : varchar("user_id");
}

/** To the millisecond, as JavaScript has it, so that a time read and given back names the same row. */
export function moment(name: string) {
  return timestamp(name, { withTimezone: true, precision: 3 });
}
