/** A Hono application with chats. */
import { serve } from "@hono/node-server";
import { streamText } from "ai";
import { ChatkeepError, InvalidInputError, statusOf, UnauthenticatedError } from "chatkeep";
import { chatHandler } from "chatkeep/ai-sdk";
import { Hono } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { cookieFor, userIn } from "./auth.ts";
import { connection, notifier, replies, store } from "./chats.ts";
import { model } from "./model.ts";

const chat = chatHandler({
  replies,
  getUserId: (request) => userIn(request.headers.get("cookie")),
  generate: ({ messages, signal }) => streamText({ model, messages, abortSignal: signal }),
});

/** The store of whose request it is: there is no other way to a chat. */
function chatsOf(request: Request) {
  const userId = userIn(request.headers.get("cookie"));
  if (!userId) throw new UnauthenticatedError();
  return store.forUser(userId).conversations;
}

const app = new Hono()
  .post("/sign-in", async (c) => {
    const { name } = await c.req.json();
    if (!/^\w{1,40}$/.test(name)) throw new InvalidInputError("name must be 1 to 40 letters and digits.");
    await connection.query("insert into users values ($1) on conflict do nothing", [name]);
    return c.body(null, 204, { "set-cookie": cookieFor(name) });
  })
  // Asking, following, stopping and reading: POST /api/chat, GET …/:id/stream, POST …/:id/stop, GET …/:id.
  .all("/api/chat/*", (c) => chat(c.req.raw))
  .get("/api/chats", async (c) => c.json(await chatsOf(c.req.raw).list({ cursor: c.req.query("cursor") })))
  .delete("/api/chats/:id", async (c) => {
    await chatsOf(c.req.raw).delete(c.req.param("id"));
    return c.body(null, 204);
  })
  // Another user's chat is a NotFoundError, exactly as one that never was.
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
    await notifier.close();
    await connection.close();
    process.exit();
  });
}
