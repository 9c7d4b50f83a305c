/** Chats beside users that were there before them, with Drizzle. */
import { randomUUID } from "node:crypto";
import { serve } from "@hono/node-server";
import { streamText } from "ai";
import { ChatkeepError, createStore, InvalidInputError, statusOf, UnauthenticatedError } from "chatkeep";
import { aiSdkCodec, chatHandler } from "chatkeep/ai-sdk";
import { fromDrizzle } from "chatkeep/drizzle";
import { createReplies, partsOf } from "chatkeep/replies";
import { desc, eq } from "drizzle-orm";
import { Hono } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { cookieFor, userIn } from "./auth.ts";
import { close, db } from "./database.ts";
import { model } from "./model.ts";
import { conversation, message, models, users } from "./schema.ts";

const store = createStore(fromDrizzle(db), models, { partsOf: partsOf(aiSdkCodec) });
const replies = createReplies({ store, codec: aiSdkCodec });

const chat = chatHandler({
  replies,
  getUserId: (request) => userIn(request.headers.get("cookie")),
  generate: ({ messages, signal }) => streamText({ model, messages, abortSignal: signal }),
});

function userIdOf(request: Request): string {
  const userId = userIn(request.headers.get("cookie"));
  if (!userId) throw new UnauthenticatedError();
  return userId;
}

const app = new Hono()
  .post("/sign-in", async (c) => {
    const { name } = await c.req.json();
    if (!/^\w{1,40}$/.test(name)) throw new InvalidInputError("name must be 1 to 40 letters and digits.");
    const id = `user_${randomUUID().replaceAll("-", "")}`;
    await db.insert(users).values({ id, name }).onConflictDoNothing();
    const user = await db.query.users.findFirst({ where: eq(users.name, name) });
    return c.body(null, 204, { "set-cookie": cookieFor(user?.id ?? id) });
  })
  .all("/api/chat/*", (c) => chat(c.req.raw))
  // A query of one's own over both schemas, by the relations of schema.ts.
  .get("/api/me", async (c) => {
    const me = await db.query.users.findFirst({
      where: eq(users.id, userIdOf(c.req.raw)),
      with: {
        conversations: {
          columns: { id: true, title: true, updatedAt: true },
          orderBy: [desc(conversation.updatedAt), desc(conversation.id)],
          limit: 20,
          with: { messages: { columns: { role: true, content: true }, orderBy: [desc(message.seq)], limit: 1 } },
        },
      },
    });
    return c.json(me ?? null);
  })
  // What is the user's goes with the user: conversations and messages refer to auth.users by foreign keys.
  .delete("/api/me", async (c) => {
    await db.delete(users).where(eq(users.id, userIdOf(c.req.raw)));
    return c.body(null, 204);
  })
  .onError((error, c) => {
    if (!(error instanceof ChatkeepError)) throw error;
    const { code, message, details } = error;
    return c.json({ error: { code, message, details } }, statusOf[code] as ContentfulStatusCode);
  });

const port = Number(process.env["PORT"] ?? 3000);
const server = serve({ fetch: app.fetch, hostname: "127.0.0.1", port }, () => console.log(`http://127.0.0.1:${port}`));

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, async () => {
    server.close();
    await replies.close(10_000); // What is being written has ten seconds; then it is marked as interrupted.
    await close();
    process.exit();
  });
}
