/** The events of a response, as they come. A connection on which nothing comes any more, not even a keep-alive, is lost. */
import { createParser, type EventSourceMessage } from "eventsource-parser";

/** The server sends a keep-alive every 15 seconds. */
const silenceMs = 45_000;

export async function* readEvents(
  response: Response,
  onRetry: (ms: number) => void = () => {},
): AsyncGenerator<EventSourceMessage> {
  if (!response.body) return;
  const arrived: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: (event) => void arrived.push(event), onRetry });
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  try {
    for (;;) {
      const { done, value } = await soon(reader.read());
      if (done) return;
      parser.feed(decoder.decode(value, { stream: true }));
      yield* arrived.splice(0);
    }
  } finally {
    void reader.cancel().catch(() => {});
  }
}

async function soon<Result>(read: Promise<Result>): Promise<Result> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Nothing came for ${silenceMs / 1_000} seconds.`)), silenceMs);
  });
  return await Promise.race([read, silence]).finally(() => clearTimeout(timer));
}
