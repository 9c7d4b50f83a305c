/**
 * Requests to an OpenAI-compatible endpoint. What it refuses is left out and asked again at once, and from then on; what else
 * it says goes on without keys, addresses, and words of the conversation.
 */
import { withoutQuotes, wordsIn } from "./endpoint-words.ts";
import { type ChatBody, type Omission, without } from "./omissions.ts";
import { isTooLong, refusedPart } from "./refusals.ts";

export interface EndpointOptions {
  baseUrl: string;
  apiKey?: string | undefined;
  /** What is left out from the beginning. */
  without?: readonly Omission[] | undefined;
  /** Called when the endpoint has refused something, and has answered without it. */
  onOmitted(omission: Omission, words: string): void;
}

const maxError = 64 * 1024;
const maxTexts = 50;
const maxText = 16 * 1024;

export function endpointFetch({ baseUrl, apiKey, without: never = [], onOmitted }: EndpointOptions): typeof fetch {
  const omitted = new Set(never);
  const secrets = [apiKey ?? "", baseUrl, URL.parse(baseUrl)?.host ?? ""];
  return async (url, init) => {
    const body = JSON.parse(String(init?.body)) as ChatBody;
    const refused = new Map<Omission, string>();
    for (;;) {
      const asked = without(body, [...omitted, ...refused.keys()]);
      const response = await fetch(url, { ...init, body: JSON.stringify(asked) });
      if (response.ok) {
        for (const [omission, words] of refused) {
          if (!omitted.has(omission)) onOmitted(omission, words);
          omitted.add(omission);
        }
        return response;
      }
      const text = await beginningOf(response);
      const words = withoutQuotes(wordsIn(text, secrets), textsIn(body));
      const part = refusedPart(response.status, text, asked);
      if (!part || refused.has(part)) return refusal(response, words, isTooLong(response.status, text));
      refused.set(part, words);
    }
  };
}

/** In OpenAI's form. */
function refusal({ status, headers }: Response, message: string, isTooLong: boolean): Response {
  const error = { message, ...(isTooLong && { code: "context_length_exceeded" }) };
  const retryAfter = headers.get("retry-after");
  return Response.json({ error }, { status, headers: retryAfter ? { "retry-after": retryAfter } : {} });
}

async function beginningOf({ body }: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of body ?? []) {
    text += decoder.decode(bytes, { stream: true });
    if (text.length > maxError) break;
  }
  return text.slice(0, maxError);
}

/** As much as a message of an error could quote. */
function textsIn({ messages }: ChatBody): string[] {
  const texts = messages.flatMap(({ role, content }) => {
    if (role === "system" || !content) return [];
    return Array.isArray(content) ? content.flatMap(({ text }) => text ?? []) : [content];
  });
  return texts.slice(-maxTexts).map((text) => text.slice(0, maxText));
}
