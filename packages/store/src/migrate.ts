/** Applying migrations: forward only, each once, all pending ones in one transaction, under a lock that twenty processes can wait for. */
import { createHash } from "node:crypto";
import { sql } from "drizzle-orm";
import { pgTable, text, timestamp } from "drizzle-orm/pg-core";
import { type Database, guarded } from "./database.ts";
import { SchemaMismatchError } from "./errors.ts";

/** A step of the schema. The name is its identity, its order is its place in the list; statements are parted by `--> statement-breakpoint`. */
export interface Migration {
  name: string;
  sql: string;
}

export interface MigrationStatus {
  /** Applied already, in order. */
  applied: string[];
  /** In the list and not yet applied. */
  pending: string[];
  /** Applied by newer code than this. */
  unknown: string[];
  /** Applied, and changed in the list since. */
  changed: string[];
}

const migrationTable = pgTable("chatkeep_migration", {
  name: text("name").primaryKey(),
  hash: text("hash").notNull(),
  appliedAt: timestamp("applied_at", { withTimezone: true }).notNull().defaultNow(),
});

const lock = sql`select pg_advisory_xact_lock(hashtextextended('chatkeep:migrate', 0))`;

/**
 * Brings the database to the last migration, and gives the names of those that were applied now.
 * Safe when many processes call it at once: one works, the others wait and find nothing to do.
 * @throws schema_mismatch when the database is newer than the list, or a migration was changed after it was applied
 */
export function migrate(db: Database, migrations: readonly Migration[]): Promise<string[]> {
  return guarded(db, () =>
    db.transaction(async (tx) => {
      await tx.execute(lock);
      await tx.execute(sql`
        create table if not exists chatkeep_migration (
          name text primary key, hash text not null, applied_at timestamptz not null default now())`);
      const status = compare(await tx.select().from(migrationTable), migrations);
      requireKnown(status);
      for (const { name, sql: text } of migrations.filter(({ name }) => status.pending.includes(name))) {
        for (const statement of text.split("--> statement-breakpoint")) await tx.execute(sql.raw(statement));
        await tx.insert(migrationTable).values({ name, hash: hashOf(text) });
      }
      return status.pending;
    }),
  );
}

/** How the database stands to a list of migrations; reads only. */
export async function migrationStatus(db: Database, migrations: readonly Migration[]): Promise<MigrationStatus> {
  return guarded(db, async () => {
    const [table] = await db
      .select({ exists: sql<boolean>`to_regclass('chatkeep_migration') is not null` })
      .from(sql`(select 1) as one`);
    return compare(table?.exists ? await db.select().from(migrationTable) : [], migrations);
  });
}

/**
 * Refuses a database that is older or newer than the code.
 * @throws schema_mismatch
 */
export async function requireMigrated(db: Database, migrations: readonly Migration[]): Promise<void> {
  const status = await migrationStatus(db, migrations);
  requireKnown(status);
  if (status.pending.length > 0) {
    throw new SchemaMismatchError(
      `The database is older than this version of chatkeep: run "chatkeep migrate" (${status.pending.join(", ")} to apply).`,
      { details: { pending: status.pending } },
    );
  }
}

function compare(rows: readonly { name: string; hash: string }[], migrations: readonly Migration[]): MigrationStatus {
  const hashes = new Map(rows.map(({ name, hash }) => [name, hash]));
  const names = new Set(migrations.map(({ name }) => name));
  const applied = migrations.filter(({ name }) => hashes.has(name));
  return {
    applied: applied.map(({ name }) => name),
    pending: migrations.filter(({ name }) => !hashes.has(name)).map(({ name }) => name),
    unknown: rows.map(({ name }) => name).filter((name) => !names.has(name)),
    changed: applied.filter(({ name, sql: text }) => hashes.get(name) !== hashOf(text)).map(({ name }) => name),
  };
}

function requireKnown({ unknown, changed }: MigrationStatus): void {
  if (unknown.length > 0) {
    throw new SchemaMismatchError(
      `The database is newer than this version of chatkeep (it has ${unknown.join(", ")}): update chatkeep.`,
      { details: { unknown } },
    );
  }
  if (changed.length > 0) {
    throw new SchemaMismatchError(
      `The migration ${changed.join(", ")} was changed after it was applied to this database: restore the file.`,
      { details: { changed } },
    );
  }
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
