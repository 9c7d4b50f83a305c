/** Projects with chats, on Kysely. */
import { serve } from "@hono/node-server";
import { streamText } from "ai";
import { ChatkeepError, createStore, InvalidInputError, statusOf, UnauthenticatedError } from "chatkeep";
import { aiSdkCodec, chatHandler } from "chatkeep/ai-sdk";
import { fromKysely } from "chatkeep/kysely";
import { createReplies, partsOf } from "chatkeep/replies";
import { Hono } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { cookieFor, userIn } from "./auth.ts";
import { db, tables } from "./database.ts";
import { model } from "./model.ts";
import { createProject, listProjects } from "./projects.ts";

const store = createStore(fromKysely(db), tables, { partsOf: partsOf(aiSdkCodec) });
const replies = createReplies({ store, codec: aiSdkCodec });

const chat = chatHandler({
  replies,
  getUserId: (request) => userIn(request.headers.get("cookie")),
  generate: ({ messages, signal }) => streamText({ model, messages, abortSignal: signal }),
});

function ownerOf(request: Request): string {
  const userId = userIn(request.headers.get("cookie"));
  if (!userId) throw new UnauthenticatedError();
  return userId;
}

function required(name: unknown): string {
  if (typeof name === "string" && /^\w{1,40}$/.test(name)) return name;
  throw new InvalidInputError("name must be 1 to 40 letters and digits.");
}

const app = new Hono()
  .post("/sign-in", async (c) => {
    const name = required((await c.req.json()).name);
    await db
      .insertInto("users")
      .values({ name })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    return c.body(null, 204, { "set-cookie": cookieFor(name) });
  })
  .all("/api/chat/*", (c) => chat(c.req.raw))
  .get("/api/projects", async (c) => c.json(await listProjects(ownerOf(c.req.raw))))
  .post("/api/projects", async (c) => {
    const owner = ownerOf(c.req.raw);
    return c.json(await createProject(owner, required((await c.req.json()).name)), 201);
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
    await db.destroy();
    process.exit();
  });
}
