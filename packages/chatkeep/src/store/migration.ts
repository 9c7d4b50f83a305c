/** What a migration is, and of which statements it is made. */

/**
 * A step of the schema. The name is its identity, its order is its place in the list; statements are parted by
 * `--> statement-breakpoint`. One that code of before cannot work with begins with the line `-- breaking`.
 *
 * Two kinds of statements stand outside of the one transaction that does all others, so that a large table can be written
 * meanwhile; each is recorded when it is done, and a migration that was broken off goes on after it:
 * - `create index concurrently`, `if not exists` or not. What a build that was broken off has left is dropped before.
 * - one that begins with the line `-- in batches`: it runs again and again, each time in a transaction of its own, with `$1::text` as
 *   what the time before gave, null at first, and gives one row with one text: where it has come to, or null at the end.
 */
export interface Migration {
  name: string;
  sql: string;
}

/** A statement of a migration, by what running it takes. */
export type Step =
  | { kind: "plain"; text: string }
  | { kind: "batches"; text: string }
  | { kind: "index"; text: string; index: string; table: string };

const identifier = String.raw`(?:"(?:[^"]|"")+"|\w+)`;
const comments = String.raw`^(?:\s*--[^\n]*\n)*\s*`;
const inBatches = /^(?:\s*--[^\n]*\n)*?\s*-- in batches\b/;
const concurrentIndex = new RegExp(
  String.raw`(${comments}create\s+(?:unique\s+)?index)\s+concurrently\s+(?:if\s+not\s+exists\s+)?(${identifier})\s+on\s+(?:only\s+)?((?:${identifier}\s*\.\s*)?${identifier})`,
  "i",
);

/** The statements of a migration in their order. */
export function stepsOf({ sql: text }: Migration): Step[] {
  return text.split("--> statement-breakpoint").map(stepOf);
}

function stepOf(text: string): Step {
  if (inBatches.test(text)) return { kind: "batches", text };
  const [, , index, table] = concurrentIndex.exec(text) ?? [];
  return index && table ? { kind: "index", text, index: nameOf(index), table } : { kind: "plain", text };
}

/** The statement that builds an index, concurrently or within a transaction; whether it is there has been looked at. */
export function buildOf({ text }: Extract<Step, { kind: "index" }>, concurrently: boolean): string {
  return text.replace(concurrentIndex, (_all, create: string, index: string, table: string) => {
    return `${create}${concurrently ? " concurrently" : ""} ${index} on ${table}`;
  });
}

/** As the catalogue has it. */
function nameOf(written: string): string {
  return written.startsWith('"') ? written.slice(1, -1).replaceAll('""', '"') : written.toLowerCase();
}
