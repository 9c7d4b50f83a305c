/** An OpenAI-compatible endpoint that says what it is told to: the script whose name stands in the newest question. */
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface Script {
  /** Said one after the other. */
  words: string[];
  /** Null: it just ends. */
  finish?: string | null;
  /** A tool that it calls after its words, again and again. */
  tool?: string;
}

interface AskedMessage {
  role: string;
  content: unknown;
}

export interface ScriptedEndpoint {
  /** What each request said, the newest last. */
  asked: { model: string; messages: AskedMessage[] }[];
  environment: Record<string, string>;
  /** Lets go on a script whose `words` have an empty one, where it waits. */
  goOn(): void;
  stop(): Promise<void>;
}

export async function startScriptedEndpoint(scripts: Record<string, Script>): Promise<ScriptedEndpoint> {
  const waiting = new Set<() => void>();
  const asked: ScriptedEndpoint["asked"] = [];
  const server = createServer(async (incoming, response) => {
    let body = "";
    for await (const bytes of incoming) body += bytes;
    const request = JSON.parse(body) as ScriptedEndpoint["asked"][number];
    asked.push(request);
    const question = JSON.stringify(request.messages.findLast(({ role }) => role === "user")?.content);
    const name = Object.keys(scripts).find((each) => question.includes(each));
    const { words, finish = "stop", tool }: Script = scripts[name ?? ""] ?? { words: [`You said: ${question}`] };
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (const content of words) {
      if (content === "") await new Promise<void>((resolve) => waiting.add(resolve));
      if (response.destroyed) return;
      response.write(event({ index: 0, delta: { content }, finish_reason: null }));
    }
    if (tool) response.write(event({ index: 0, delta: { tool_calls: [callOf(tool)] }, finish_reason: null }));
    if (finish) response.write(event({ index: 0, delta: {}, finish_reason: finish }));
    response.end("data: [DONE]\n\n");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    asked,
    environment: { CHATKEEP_MODEL: "scripted", OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1` },
    goOn: () => {
      for (const resume of waiting) resume();
      waiting.clear();
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function callOf(name: string) {
  return { index: 0, id: randomUUID(), type: "function", function: { name, arguments: "{}" } };
}

function event(choice: object): string {
  const chunk = { id: "1", object: "chat.completion.chunk", created: 1, model: "scripted", choices: [choice] };
  return `data: ${JSON.stringify(chunk)}\n\n`;
}
