/** Chats on node:http. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { json } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { ChatkeepError, InvalidInputError, NotFoundError, UnauthenticatedError } from "chatkeep";
import type { Reply } from "chatkeep/replies";
import { cookieFor, userIn } from "./auth.ts";
import { connection, replies, store } from "./chats.ts";
import { generate } from "./model.ts";

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [path = ""] = (request.url ?? "").split("?");
  const route = `${request.method} ${path.replace(/[0-9a-f-]{36}/, ":id")}`;
  const id = /[0-9a-f-]{36}/.exec(path)?.[0] ?? "";
  if (route === "POST /sign-in") return await signIn(request, response);

  const userId = userIn(request.headers.cookie);
  if (!userId) throw new UnauthenticatedError();
  const mine = store.forUser(userId);
  const myReplies = replies.forUser(userId);

  if (route === "GET /chats") return send(response, 200, await mine.conversations.list());
  if (route === "GET /chats/:id") return send(response, 200, await mine.messages.branch(id));
  if (route === "DELETE /chats/:id") {
    await mine.conversations.delete(id);
    return send(response, 204);
  }
  if (route === "POST /chats/:id") {
    // With an id of the client's, the same question sent again gets the reply that it has.
    const message = { ...(await bodyOf<{ id: string; content: string }>(request)), role: "user" as const };
    const reply = await myReplies.ask({ conversationId: id, message }, generate);
    return await stream(reply, response);
  }
  if (route === "GET /chats/:id/stream") {
    const reply = await myReplies.follow(id, request.headers["last-event-id"]?.toString());
    return reply ? await stream(reply, response) : send(response, 204);
  }
  if (route === "POST /chats/:id/stop") {
    await myReplies.stop(id);
    return send(response, 204);
  }
  throw new NotFoundError("route", route);
}

async function signIn(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { name = "" } = await bodyOf<{ name: string }>(request);
  if (!/^\w{1,40}$/.test(name)) throw new InvalidInputError("name must be 1 to 40 letters and digits.");
  await connection.query("insert into users values ($1) on conflict do nothing", [name]);
  response.setHeader("set-cookie", cookieFor(name));
  send(response, 204);
}

async function bodyOf<Body>(request: IncomingMessage): Promise<Partial<Body>> {
  const body = await json(request).catch(() => undefined);
  if (typeof body === "object" && body !== null) return body;
  throw new InvalidInputError("The body must be an object of JSON.");
}

/** As server-sent events. Who goes away stops nothing: the reply is written to its end. */
async function stream(reply: Reply<string>, response: ServerResponse): Promise<void> {
  async function* events() {
    for await (const { id, event } of reply) yield `${id ? `id: ${id}\n` : ""}data: ${JSON.stringify(event)}\n\n`;
    const { status } = await reply.ended();
    yield `event: end\ndata: ${JSON.stringify({ status })}\n\n`;
  }
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  await pipeline(Readable.from(events()), response).catch(() => response.destroy());
}

function send(response: ServerResponse, status: number, body?: object): void {
  response.writeHead(status, body && { "content-type": "application/json" }).end(body && JSON.stringify(body));
}

/** Another user's chat is a NotFoundError, exactly as one that never was. */
function refuse(error: unknown, response: ServerResponse): void {
  if (response.headersSent) {
    response.destroy();
  } else if (error instanceof ChatkeepError) {
    const { code, message, status, details } = error;
    send(response, status, { error: { code, message, details } });
  } else {
    console.error(error);
    send(response, 500);
  }
}

const port = Number(process.env["PORT"] ?? 3000);
const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => refuse(error, response));
});
server.listen(port, "127.0.0.1", () => console.log(`http://127.0.0.1:${port}`));

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, async () => {
    server.close();
    await replies.close(10_000); // What is being written has ten seconds; then it is marked as interrupted.
    await connection.close();
    process.exit();
  });
}
