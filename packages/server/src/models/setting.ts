/** What administrators set while the server runs. Secrets in it are encrypted with the server's own. */
import { pgTable, text, timestamp } from "drizzle-orm/pg-core";

export const setting = pgTable("setting", {
  name: text("name").primaryKey(),
  value: text("value").notNull(),
  updatedAt: timestamp("updated_at", { withTimezone: true, precision: 3 }).notNull().defaultNow(),
});
