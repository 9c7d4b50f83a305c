/** `chatkeep/mcp`: one's own chats for whatever speaks the Model Context Protocol, over HTTP or in a process of one's own. */
export { type McpHandlerOptions, mcpHandler } from "./handler.ts";
export { createMcpServer, type McpServerOptions } from "./server.ts";
