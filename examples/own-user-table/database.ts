/** The application's own Drizzle. Its migrations make chatkeep's tables with the others, so chatkeep's `migrate` is left out. */
import { fileURLToPath } from "node:url";
import { openPglite } from "chatkeep/pglite";
import { drizzle as drizzlePg } from "drizzle-orm/node-postgres";
import { migrate as migratePg } from "drizzle-orm/node-postgres/migrator";
import { drizzle as drizzlePglite } from "drizzle-orm/pglite";
import { migrate as migratePglite } from "drizzle-orm/pglite/migrator";
import * as schema from "./schema.ts";

const url = process.env["DATABASE_URL"];
const migrationsFolder = fileURLToPath(new URL("migrations", import.meta.url));

async function openServer(address: string) {
  const db = drizzlePg(address, { schema });
  await migratePg(db, { migrationsFolder });
  return { db, close: () => db.$client.end() };
}

async function openEmbedded() {
  const { client, close } = await openPglite({ dataDir: ".chatkeep/database" });
  const db = drizzlePglite(client, { schema });
  await migratePglite(db, { migrationsFolder });
  return { db, close };
}

export const { db, close } = await (url ? openServer(url) : openEmbedded());
