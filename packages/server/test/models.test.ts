import { eq } from "drizzle-orm";
import { drizzle as drizzleNeon } from "drizzle-orm/neon-serverless";
import { drizzle } from "drizzle-orm/node-postgres";
import { drizzle as drizzlePglite } from "drizzle-orm/pglite";
import { expect, it } from "vitest";
import { engine, openTestDatabase } from "../../chatkeep/test/helpers/database.ts";
import * as schema from "../src/models/index.ts";

it("a user has conversations, and these have messages, as relations", async () => {
  await using database = await openTestDatabase("server");
  const client = Reflect.get(database.db, "$client");
  const open = { pglite: drizzlePglite, pg18: drizzle, pg15: drizzle, neon: drizzleNeon, citus: drizzle }[
    engine
  ] as typeof drizzle;
  const db = open(client, { schema });
  const [ann] = await db.insert(schema.user).values({ name: "Ann", email: "ann@example.com" }).returning();
  const userId = ann?.id ?? "";
  const [conversation] = await db.insert(schema.conversation).values({ userId, title: "Bread" }).returning();
  const conversationId = conversation?.id ?? "";
  await db.insert(schema.message).values({ conversationId, userId, seq: 1, role: "user", content: "Hello" });
  await db.insert(schema.task).values({ userId, title: "buy milk" });
  const found = await db.query.user.findFirst({
    where: eq(schema.user.id, userId),
    with: { tasks: true, conversations: { with: { messages: { with: { user: true } } } } },
  });
  expect(found?.tasks[0]?.title).toBe("buy milk");
  expect(found?.conversations[0]?.messages[0]).toMatchObject({ content: "Hello", user: { name: "Ann" } });
});
