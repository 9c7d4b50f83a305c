/** An Express application with chats. */
import { streamText } from "ai";
import { ChatkeepError, InvalidInputError, UnauthenticatedError } from "chatkeep";
import { chatHandler } from "chatkeep/ai-sdk";
import { toNodeHandler } from "chatkeep/node";
import express, { type NextFunction, type Request, type Response } from "express";
import { cookieFor, userIn } from "./auth.ts";
import { connection, replies, store } from "./chats.ts";
import { model } from "./model.ts";

const chat = chatHandler({
  replies,
  getUserId: (request) => userIn(request.headers.get("cookie")),
  generate: ({ messages, signal }) => streamText({ model, messages, abortSignal: signal }),
});

const app = express().use(express.json());

app.post("/sign-in", async (request, response) => {
  const { name } = request.body ?? {};
  if (!/^\w{1,40}$/.test(name)) throw new InvalidInputError("name must be 1 to 40 letters and digits.");
  await connection.query("insert into users values ($1) on conflict do nothing", [name]);
  response.setHeader("set-cookie", cookieFor(name)).sendStatus(204);
});

// Asking, following, stopping and reading: POST /api/chat, GET …/:id/stream, POST …/:id/stop, GET …/:id.
app.use("/api/chat", toNodeHandler(chat));

/** The store of whose request it is: there is no other way to a chat. */
function chatsOf(request: Request) {
  const userId = userIn(request.headers.cookie);
  if (!userId) throw new UnauthenticatedError();
  return store.forUser(userId).conversations;
}

app.get("/api/chats", async (request, response) => {
  const { cursor } = request.query;
  response.json(await chatsOf(request).list({ cursor: typeof cursor === "string" ? cursor : undefined }));
});

app.delete("/api/chats/:id", async (request, response) => {
  await chatsOf(request).delete(request.params.id);
  response.sendStatus(204);
});

// Another user's chat is a NotFoundError, exactly as one that never was.
app.use((error: unknown, _request: Request, response: Response, next: NextFunction) => {
  if (!(error instanceof ChatkeepError)) return next(error);
  const { code, message, status, details } = error;
  response.status(status).json({ error: { code, message, details } });
});

const port = Number(process.env["PORT"] ?? 3000);
const server = app.listen(port, "127.0.0.1", () => console.log(`http://127.0.0.1:${port}`));

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, async () => {
    server.close();
    await replies.close(10_000); // What is being written has ten seconds; then it is marked as interrupted.
    await connection.close();
    process.exit();
  });
}
