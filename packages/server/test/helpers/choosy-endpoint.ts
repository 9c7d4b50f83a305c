/** An OpenAI-compatible endpoint that refuses what `refuse` says, and otherwise answers in three words, or calls a tool when asked to. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface AskedBody {
  messages: { role: string; content: unknown; reasoning_content?: string; tool_calls?: unknown[] }[];
  tools?: unknown[];
  tool_choice?: unknown;
  stream_options?: unknown;
}

export interface Refusal {
  status: number;
  body: unknown;
}

/** `undefined` takes the request, and chunks are streamed in place of an answer. */
export type Refuse = (body: AskedBody) => Refusal | { chunks: object[] } | undefined;

export async function startChoosyEndpoint() {
  const asked: AskedBody[] = [];
  let refuse: Refuse = () => undefined;
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const bytes of request) text += bytes;
    const body = JSON.parse(text) as AskedBody;
    asked.push(body);
    const refused = refuse(body);
    if (refused && "status" in refused) {
      response.writeHead(refused.status, { "content-type": "application/json" });
      response.end(typeof refused.body === "string" ? refused.body : JSON.stringify(refused.body));
      return;
    }
    response.writeHead(200, { "content-type": "text/event-stream" });
    const chunks = refused?.chunks ?? answerTo(body);
    for (const chunk of chunks) response.write(`data: ${JSON.stringify({ id: "1", model: "m", ...chunk })}\n\n`);
    response.end("data: [DONE]\n\n");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    asked,
    refuses: (how: Refuse) => {
      refuse = how;
      asked.length = 0;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export const delta = (given: object, finish_reason: string | null = null) => ({
  choices: [{ index: 0, delta: given, finish_reason }],
});

function answerTo({ messages, tools }: AskedBody): object[] {
  const last = messages.at(-1);
  if (tools && last?.role === "user" && JSON.stringify(last.content).includes("task")) {
    const call = { index: 0, id: "call_1", type: "function", function: { name: "listTasks", arguments: "{}" } };
    return [delta({ role: "assistant", reasoning_content: "Hm.", tool_calls: [call] }), delta({}, "tool_calls")];
  }
  return [delta({ reasoning_content: "Hm." }), delta({ content: "Here I am." }), delta({}, "stop")];
}
