/**
 * MCP over HTTP, for one address of a host: each request stands alone and says by its sign-in whose it is. Requests that a page of
 * another site makes, also by a name that leads to this machine, are refused.
 */
import {
  createMcpHandler,
  localhostAllowedHostnames,
  validateHostHeader,
  validateOriginHeader,
} from "@modelcontextprotocol/server";
import { type ChatkeepError, ForbiddenError } from "../../errors.ts";
import { defaultLogger } from "../../replies/logger.ts";
import type { UserStore } from "../../store/user-verbs.ts";
import { createProtocolApp, type ProtocolHandler, type ProtocolOptions } from "../frame/http.ts";
import { createMcpServer } from "./server.ts";

/** What of a host the handler needs. */
export interface McpHandlerOptions extends Pick<ProtocolOptions, "store" | "getUserId" | "logger"> {
  /** The public address of the host, such as `https://chat.example.com`: its name is the only one that is answered beside this machine's. */
  url: string;
  /** Other names that it is called by, such as one behind a proxy. */
  hosts?: readonly string[] | undefined;
  /** The path; `/mcp` when left out. */
  basePath?: string | undefined;
  /** The address of a chat, for citations; `<url>/c/<id>` when left out. */
  urlOf?: ((conversationId: string) => string) | undefined;
}

/** Makes the handler: to be called with requests of `basePath`. */
export function mcpHandler(options: McpHandlerOptions): ProtocolHandler {
  const { url, hosts = [], basePath = "/mcp", logger = defaultLogger, urlOf = urlsBelow(url) } = options;
  const names = [new URL(url).hostname, ...hosts, ...localhostAllowedHostnames()];
  const onError = (error: unknown) => logger.error({ error }, "a tool of MCP failed");
  const { app, handler } = createProtocolApp({ ...options, basePath, errors });
  const mcp = createMcpHandler(({ authInfo }) =>
    createMcpServer({ user: authInfo?.extra?.["user"] as UserStore, urlOf, onError }),
  );
  app.all("/", async (c) => {
    const request = c.req.raw;
    const authInfo = { token: "", clientId: String(c.get("userId")), scopes: [], extra: { user: c.get("user") } };
    return await mcp.fetch(request, { authInfo });
  });
  return async (request) => {
    const isOurs =
      validateHostHeader(request.headers.get("host") ?? new URL(request.url).host, names).ok &&
      validateOriginHeader(request.headers.get("origin"), names).ok;
    if (isOurs) return await handler(request);
    const refused = new ForbiddenError(
      "This host or origin is not answered here: name it in the options of the server.",
    );
    return Response.json(errors.body(refused), { status: refused.status });
  };
}

function urlsBelow(url: string): (conversationId: string) => string {
  return (conversationId) => `${url.replace(/\/$/, "")}/c/${encodeURIComponent(conversationId)}`;
}

/** As JSON-RPC has them, where no request of it can be answered. */
const errors = {
  body: ({ code, message }: ChatkeepError) => ({
    jsonrpc: "2.0",
    error: { code: -32000, message, data: { code } },
    id: null,
  }),
  headers: ({ code }: ChatkeepError): Record<string, string> =>
    code === "unauthenticated" ? { "www-authenticate": "Bearer" } : {},
};
