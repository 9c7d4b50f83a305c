/** Row-level security where it is tried: the policies, and a role for which they hold. */
import { type Connection, enableRowLevelSecurity } from "chatkeep";
import { models } from "./people.ts";

/** As which stores connect: it owns nothing. */
const limitedRole = "app";

/** Of a cluster, once. */
export async function createLimitedRole(admin: Connection): Promise<void> {
  await admin.query(`create role ${limitedRole} login`);
}

/** Of a database, when its tables are there. */
export async function wall(admin: Connection): Promise<void> {
  await enableRowLevelSecurity(admin, models);
  await admin.query(`grant all on all tables in schema public to ${limitedRole}`);
}

export function asLimitedRole(url: string): string {
  const address = new URL(url);
  address.username = limitedRole;
  return address.href;
}
