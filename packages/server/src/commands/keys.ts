/** chatkeep keys: the API keys of a user, for whoever operates the server. */
import { InvalidInputError, requireMigrated, UnavailableError } from "chatkeep";
import type { DatabaseConfig } from "../config.ts";
import { type OpenDatabase, openExistingDatabase } from "../database.ts";
import { type ApiKey, createKey, listKeys, maxDays, revokeKey } from "../keys.ts";
import { migrations } from "../migrations.generated.ts";
import { userByEmail } from "./people.ts";

/** What `chatkeep keys create` was asked for. */
export interface KeyRequest {
  user: string;
  name: string;
  readOnly?: boolean | undefined;
  /** Such as `90d`. */
  expiresIn?: string | undefined;
}

/** @throws invalid_input */
export async function makeKey(database: DatabaseConfig, request: KeyRequest): Promise<ApiKey & { key: string }> {
  const { user, name, readOnly, expiresIn } = request;
  const expiresInDays = expiresIn === undefined ? undefined : daysIn(expiresIn);
  return await withUser(database, user, ({ db }, userId) =>
    createKey(db, userId, { name, isReadOnly: readOnly, expiresInDays }),
  );
}

/** @throws invalid_input when nobody has signed up with the address */
export async function keysOf(database: DatabaseConfig, email: string): Promise<ApiKey[]> {
  return await withUser(database, email, ({ db }, userId) => listKeys(db, userId));
}

/** @throws invalid_input, not_found */
export async function endKey(database: DatabaseConfig, email: string, keyId: string): Promise<void> {
  await withUser(database, email, ({ db }, userId) => revokeKey(db, userId, keyId));
}

function daysIn(text: string): number {
  const days = Number(/^(\d{1,4})d$/.exec(text)?.[1]);
  if (days >= 1 && days <= maxDays) return days;
  throw new InvalidInputError(`--expires-in must be a number of days from 1d to ${maxDays}d, such as 90d.`);
}

async function withUser<Result>(
  database: DatabaseConfig,
  email: string,
  work: (connection: OpenDatabase, userId: string) => Promise<Result>,
): Promise<Result> {
  await using connection = await openExistingDatabase(database).catch((cause: unknown) => {
    if (database.engine !== "pglite" || !(cause instanceof UnavailableError)) throw cause;
    const sentence = "A server is using this embedded database: manage keys in its web app, under Account, or stop it.";
    throw new UnavailableError(sentence, { cause });
  });
  await requireMigrated(connection, migrations);
  return await work(connection, (await userByEmail(connection.db, email)).id);
}
