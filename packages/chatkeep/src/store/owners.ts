/**
 * What a server does for all users at once. Where these are on different nodes of a Citus cluster, a statement that locks or joins is for
 * one of them: it is run for each, with the user as a parameter of it.
 */
import { raw, type Sql, sql, type Values } from "../sql/sql.ts";
import { type Context, owner, prepared } from "./context.ts";
import { type UserId, userIdFrom } from "./tables/tables.ts";

/** In a statement for several users, whose the row of a list is, such as `input.user_id`. */
export function userOf(context: Context, list: string): Sql {
  return context.isDistributed ? owner(context) : raw(`${list}.user_id`);
}

/** Runs `work` for all of `given` at once, or for those of each user. */
export async function ofOwners<Given, Row>(
  { isDistributed }: Context,
  given: readonly Given[],
  userIdOf: (one: Given) => UserId,
  work: (some: readonly Given[], ownerId: UserId | undefined) => Promise<Row[]>,
): Promise<Row[]> {
  if (given.length === 0) return [];
  if (!isDistributed) return await work(given, undefined);
  const groups = Map.groupBy(given, userIdOf);
  return (await Promise.all([...groups].map(([ownerId, some]) => work(some, ownerId)))).flat();
}

/** Of a sweep: whose rows it takes, as a condition that goes on with `and`. */
export function sweptOf(context: Context, table: string): Sql {
  return context.isDistributed ? sql`and ${raw(`${table}.user_id`)} = ${owner(context)}` : raw("");
}

const ownersAtOnce = 100;

/** Runs a sweep of the rows of a table that are due, for all users at once, or for each of some who have such rows. */
export async function sweep<Row>(
  context: Context,
  { name, table, due, values = {} }: { name: string; table: Sql; due: Sql; values?: Values },
  work: (ownerId: UserId | undefined) => Promise<Row[]>,
): Promise<Row[]> {
  if (!context.isDistributed) return await work(undefined);
  const build = () => sql`select distinct user_id from ${table} where ${due} limit ${raw(String(ownersAtOnce))}`;
  const owners = prepared(context, `${name}_owners`, build, ([id]) => userIdFrom(context.tables, id));
  const rows: Row[] = [];
  for (const ownerId of await owners.execute(values)) rows.push(...(await work(ownerId)));
  return rows;
}
