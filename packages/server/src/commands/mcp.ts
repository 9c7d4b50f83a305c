/** chatkeep mcp: the chats of one user for a program that starts this one and speaks MCP on its input and output. */
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { requireMigrated } from "chatkeep";
import { createMcpServer } from "chatkeep/mcp";
import type { DatabaseConfig } from "../config.ts";
import { openExistingDatabase, openStore } from "../database.ts";
import { migrations } from "../migrations.generated.ts";
import { userByEmail } from "./people.ts";

/**
 * Serves until its input ends. Nothing but messages of the protocol goes to standard output.
 * @throws invalid_input when nobody has signed up with the address; unavailable while a server uses the embedded database
 */
export async function serveMcp(database: DatabaseConfig, email: string, url: string | undefined): Promise<void> {
  await using connection = await openExistingDatabase(database);
  await requireMigrated(connection, migrations);
  const person = await userByEmail(connection.db, email);
  const user = (await openStore(connection)).forUser(person.id);
  const base = url?.replace(/\/$/, "");
  const urlOf = base === undefined ? undefined : (id: string) => `${base}/c/${encodeURIComponent(id)}`;
  const ended = new Promise<void>((resolve) => {
    for (const event of ["end", "close"]) process.stdin.once(event, resolve);
    for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => resolve());
  });
  const serving = serveStdio(() => createMcpServer({ user, urlOf, onError: () => {} }));
  await ended;
  await serving.close();
}
