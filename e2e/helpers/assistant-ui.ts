/** The application of e2e/assistant-ui on a server of its own, as a team would have it: its pages, its tokens, its model. */
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createAdaptorServer } from "@hono/node-server";
import { createUIMessageStream, createUIMessageStreamResponse, type UIMessage } from "ai";
import { buildPage, script } from "./build-page.ts";

/** Where the address of the cloud stands in what is built, which is known later. */
const cloudMark = "http://cloud.invalid";

/** Builds the application as it is, into this folder. */
export async function buildApplication(outDir: string): Promise<void> {
  // As Next.js does it for whoever builds there.
  const define = { "process.env.NEXT_PUBLIC_ASSISTANT_BASE_URL": JSON.stringify(cloudMark) };
  await buildPage(fileURLToPath(new URL("../assistant-ui/main.tsx", import.meta.url)), outDir, define);
}

export interface Application {
  url: string;
  /** Where its cloud is, and the JWT of whoever opens it. */
  settings: { cloudUrl: string; token(): Promise<string> };
  close(): void;
}

/** Serves what was built, and answers with what it was told. */
export async function serveApplication(folder: string): Promise<Application> {
  const settings: Application["settings"] = { cloudUrl: "", token: async () => "" };
  const fetch = async (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url);
    if (pathname === "/token") return new Response(await settings.token());
    if (pathname === `/${script}`) {
      const headers = { "content-type": "text/javascript" };
      const text = await readFile(join(folder, script), "utf8");
      return new Response(text.replaceAll(cloudMark, settings.cloudUrl), { headers });
    }
    if (pathname === "/api/chat") {
      return answerTo(((await request.json()) as { messages: UIMessage[] }).messages);
    }
    return new Response(page, { headers: { "content-type": "text/html" } });
  };
  const server = createAdaptorServer({ fetch });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, settings, close: () => void server.close() };
}

/** In the place of a model, which would say the same. */
function answerTo(messages: readonly UIMessage[]): Response {
  const said = messages.findLast(({ role }) => role === "user")?.parts ?? [];
  const text = said.map((part) => (part.type === "text" ? part.text : "")).join(" ");
  const stream = createUIMessageStream({
    execute: async ({ writer }) => {
      writer.write({ type: "start", messageId: randomUUID() });
      writer.write({ type: "text-start", id: "1" });
      for (const delta of ["You ", "said: ", text]) {
        writer.write({ type: "text-delta", id: "1", delta });
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      writer.write({ type: "text-end", id: "1" });
      writer.write({ type: "finish", finishReason: "stop" });
    },
  });
  return createUIMessageStreamResponse({ stream });
}

const page = `<!doctype html><html lang="en"><title>An application</title><style>
    body { display: flex; gap: 2em; font: 16px system-ui } nav { width: 18em } button { margin-right: .3em }
    .user { text-align: right; margin: .5em } .assistant { margin: .5em } main { flex: 1 } [data-active] { font-weight: bold }
  </style><div id="app" style="display: contents"></div><script>globalThis.process = { env: {} }</script>
  <script type="module" src="/${script}"></script></html>`;
