/** chatkeep/node: a handler of web requests for Node's own server, and for Express and Fastify, with streaming and back-pressure. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { getRequestListener } from "@hono/node-server";

/** A request of Node's or Express', whose body may have been parsed already. */
export type NodeRequest = IncomingMessage & { body?: unknown };

/** What Fastify gives in its place. */
export interface FastifyRequestLike {
  raw: IncomingMessage;
  body?: unknown;
}

/** What Fastify gives in place of Node's response. */
export interface FastifyReplyLike {
  raw: ServerResponse;
  hijack(): unknown;
}

/** For `http.createServer`, `app.use(path, …)` of Express and `app.all(path, …)` of Fastify. */
export interface NodeHandler {
  (request: NodeRequest, response: ServerResponse): Promise<void>;
  (request: FastifyRequestLike, reply: FastifyReplyLike): Promise<void>;
}

/**
 * Makes a handler of web requests one of Node's. A body that was parsed before, as by `express.json()`, is taken as it is; the
 * request's signal is aborted when the client goes away. Needs `@hono/node-server`.
 */
export function toNodeHandler(handler: (request: Request) => Response | Promise<Response>): NodeHandler {
  const listener = getRequestListener((request) => handler(request), { overrideGlobalObjects: false });
  return async (request: NodeRequest | FastifyRequestLike, response: ServerResponse | FastifyReplyLike) => {
    if ("hijack" in response) response.hijack();
    const [incoming, outgoing] = [
      "raw" in request ? request.raw : request,
      "raw" in response ? response.raw : response,
    ];
    const { body } = request;
    if (body !== undefined && incoming.readableDidRead) Object.assign(incoming, { rawBody: asBytes(body) });
    await listener(incoming, outgoing);
  };
}

function asBytes(body: unknown): Buffer {
  if (Buffer.isBuffer(body)) return body;
  return Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
}
