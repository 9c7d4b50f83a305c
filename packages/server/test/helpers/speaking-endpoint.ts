/** An OpenAI-compatible endpoint that speaks slowly: `count 50` in a question gives fifty numbers, `clock 50` fifty times, any other three words. */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface SpeakingEndpoint {
  /** What a server needs in its environment to use it. */
  environment: Record<string, string>;
  /** Answers that are being given. */
  speaking(): number;
  stop(): Promise<void>;
}

export const numbers = (count: number) => Array.from({ length: count }, (_, index) => `${index + 1} `).join("");

export async function startSpeakingEndpoint(pauseMs = 25): Promise<SpeakingEndpoint> {
  const speaking = new Set<ServerResponse>();
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const bytes of request) body += bytes;
    const { messages } = JSON.parse(body) as { messages: { role: string; content: unknown }[] };
    const asked = JSON.stringify(messages.findLast(({ role }) => role === "user")?.content);
    const [, what, count] = /(count|clock) (\d+)/i.exec(asked) ?? [];
    speaking.add(response);
    response.on("close", () => speaking.delete(response));
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (const given of count ? (numbers(Number(count)).match(/\d+ /g) ?? []) : ["Here ", "I ", "am."]) {
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      if (response.destroyed) return;
      const word = what === "clock" ? `${Date.now()} ` : given;
      response.write(event({ choices: [{ index: 0, delta: { content: word }, finish_reason: null }] }));
    }
    response.write(event({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] }));
    response.end("data: [DONE]\n\n");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    environment: { CHATKEEP_MODEL: "slow", OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1` },
    speaking: () => speaking.size,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function event(chunk: object): string {
  return `data: ${JSON.stringify({ id: "1", object: "chat.completion.chunk", created: 1, model: "slow", ...chunk })}\n\n`;
}
