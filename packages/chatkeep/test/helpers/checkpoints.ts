/** A database with the checkpoint tables, people in it, and savers of theirs. */
import { migrate } from "chatkeep";
import { createCheckpointSaver, langgraphMigrations } from "chatkeep/langgraph";
import { openTestDatabase } from "./database.ts";
import { ids, models, resetPeople } from "./people.ts";

export async function openCheckpoints() {
  const database = await openTestDatabase();
  await migrate(database, langgraphMigrations(models));
  await resetPeople(database);
  return {
    ...database,
    database,
    [Symbol.asyncDispose]: database.close,
    ann: createCheckpointSaver(database, models, { userId: ids.ann }),
    bob: createCheckpointSaver(database, models, { userId: ids.bob }),
    /** Rows of each table, of all users. */
    countRows: async () => {
      const [row] = await database.query(
        `select (select count(*)::int from checkpoint), (select count(*)::int from checkpoint_blob),
          (select count(*)::int from checkpoint_write)`,
      );
      return (row ?? []).map(Number);
    },
  };
}
