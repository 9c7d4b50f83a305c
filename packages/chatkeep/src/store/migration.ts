/** What a migration is. */

/**
 * A step of the schema. The name is its identity, its order is its place in the list; statements are parted by
 * `--> statement-breakpoint`. One that code of before cannot work with begins with the line `-- breaking`.
 */
export interface Migration {
  name: string;
  sql: string;
}
