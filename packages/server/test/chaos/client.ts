/** A client that does not give up: what failed is sent again, with the same ids, to whichever server. */
import type { Journal, Question, User } from "./journal.ts";
import type { Random } from "./random.ts";

/** Where a client is: what it may ask, and until when. */
export interface Site {
  urls: readonly string[];
  journal: Journal;
  /** While things go wrong there is no end to it; once they are well again, everything must come to one. */
  giveUpAt(): number;
}

export interface Client extends Site {
  random: Random;
  user: User;
}

const answerMs = 4_000;
const headersMs = 10_000;
/** A paused server says nothing: then another one is asked. */
const silenceMs = 4_000;

export class GaveUp extends Error {}

/**
 * Sends a request until it is acknowledged, and gives the answer's JSON. `again` is what to send from the second time on,
 * where the same again would be refused because the answer to the first was lost.
 */
export async function insist<Body>(
  client: Client,
  method: string,
  path: string,
  body?: object,
  again?: { path: string; body: object },
): Promise<Body> {
  for (let tries = 1; ; tries += 1) {
    const next = again && tries % 2 === 0 ? again : { path, body };
    const answer = await attempt(client, method, next.path, answerMs, next.body);
    if (answer?.ok) {
      const text = await answer.text().catch(() => undefined);
      if (text !== undefined) return (text ? JSON.parse(text) : undefined) as Body;
      client.journal.requestsCut += 1;
    }
    await waitABit(client);
  }
}

async function attempt(
  { urls, random, user, journal }: Client,
  method: string,
  path: string,
  timeoutMs: number,
  body?: object,
  headers: Record<string, string> = {},
): Promise<Response | undefined> {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), timeoutMs);
  const init = {
    method,
    headers: {
      "content-type": "application/json",
      // The limit of sign-ups is per address.
      "x-forwarded-for": [10, random.between(0, 255), random.between(0, 255), random.between(0, 255)].join("."),
      ...(user.token && { authorization: `Bearer ${user.token}` }),
      ...headers,
    },
    ...(body && { body: JSON.stringify(body) }),
  };
  try {
    const response = await fetch(random.pick(urls) + path, { ...init, signal: deadline.signal });
    if (!response.ok) await noteRefusal(journal, `${method} ${path}`, response);
    return response;
  } catch {
    journal.requestsCut += 1;
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

/** 503, 429, and 409 of a conversation that is busy say "later"; anything else is no answer to these requests. */
async function noteRefusal(journal: Journal, request: string, response: Response): Promise<void> {
  const text = await response.text().catch(() => "");
  const isBusy = response.status === 409 && text.includes("runId");
  // A sign-up whose answer was lost is tried as a sign-in, and the other way round.
  if (request.includes("/api/auth/sign-") && response.status < 500) return;
  if (response.status === 503 || response.status === 429 || isBusy) {
    journal.requestsRefused += 1;
    return;
  }
  const where = request.replaceAll(/[0-9a-f-]{36}/g, "…");
  journal.refused(`${where}: ${response.status} ${text.replaceAll(/[0-9a-f-]{36}/g, "…").slice(0, 200)}`);
}

async function waitABit({ random, giveUpAt }: Client): Promise<void> {
  if (Date.now() > giveUpAt()) throw new GaveUp();
  await new Promise((resolve) => setTimeout(resolve, random.between(100, 400)));
}

interface Following {
  /** The id of the last event. */
  place?: { runId: string; number: number };
  /** Called with each event that has a number. */
  onEvent?(number: number): void;
}

/** Asks, and follows the reply to its end, from server to server. */
export async function ask(client: Client, question: Question, onEvent?: (number: number) => void): Promise<void> {
  const { conversationId, id, text } = question;
  const body = { id: conversationId, message: { id, role: "user", parts: [{ type: "text", text }] }, wait: true };
  const following: Following = onEvent ? { onEvent } : {};
  for (;;) {
    const answer = following.place
      ? await reattach(client, conversationId, following)
      : await attempt(client, "POST", "/api/chat", headersMs, body);
    if (answer?.ok) question.isAcknowledged = true;
    if (answer?.status === 204 || (answer?.ok && (await readToEnd(client, answer, following)))) return;
    await waitABit(client);
  }
}

/** Follows what is being said in a conversation, from its beginning to its end. */
export async function follow(client: Client, conversationId: string): Promise<void> {
  const following: Following = {};
  for (;;) {
    const answer = await reattach(client, conversationId, following);
    if (answer?.status === 204 || (answer?.ok && (await readToEnd(client, answer, following)))) return;
    await waitABit(client);
  }
}

function reattach(client: Client, conversationId: string, { place }: Following): Promise<Response | undefined> {
  const path = `/api/chat/${conversationId}/stream`;
  return attempt(
    client,
    "GET",
    path,
    answerMs,
    undefined,
    place && { "last-event-id": `${place.runId}:${place.number}` },
  );
}

/** Whether the end was told; otherwise the connection was lost, or this client let go of it. */
async function readToEnd({ journal, random }: Client, response: Response, following: Following): Promise<boolean> {
  const replayed = { messageId: "", text: "", isReplay: following.place === undefined };
  const letsGoAfter = random.chance(0.2) ? random.between(1, 15) : Number.POSITIVE_INFINITY;
  let events = 0;
  for await (const { id, data } of eventsOf(response)) {
    if (data === "[DONE]") {
      journal.followed += 1;
      // A reply that ended before its first word has only an end.
      if (replayed.isReplay && (replayed.messageId || replayed.text)) journal.replays.push(replayed);
      return true;
    }
    const chunk = JSON.parse(data) as { type: string; messageId?: string; delta?: string };
    if (id) {
      const [runId = "", number = ""] = id.split(":");
      const previous = following.place?.runId === runId ? following.place.number : 0;
      journal.show(runId, Number(number), data, previous);
      following.place = { runId, number: Number(number) };
      following.onEvent?.(Number(number));
      replayed.isReplay = false;
    }
    if (replayed.isReplay) {
      replayed.messageId ||= chunk.messageId ?? "";
      if (chunk.type === "text-delta") replayed.text += chunk.delta;
    }
    if (following.place && ["finish", "abort", "error"].includes(chunk.type)) {
      journal.end(following.place.runId, chunk.type);
    }
    events += 1;
    if (events >= letsGoAfter) return false;
  }
  journal.streamsCut += 1;
  return false;
}

/** The server-sent events of a response, for as long as it speaks. */
async function* eventsOf(response: Response): AsyncGenerator<{ id: string | undefined; data: string }> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  try {
    while (reader) {
      const { promise: silence, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, silenceMs);
      const read = await Promise.race([reader.read().catch(() => undefined), silence]);
      clearTimeout(timer);
      if (!read || read.done) return;
      text += read.value;
      const blocks = text.split("\n\n");
      text = blocks.pop() ?? "";
      for (const block of blocks) {
        const data = /^data: (.*)$/m.exec(block)?.[1];
        if (data !== undefined) yield { id: /^id: (.*)$/m.exec(block)?.[1], data };
      }
    }
  } finally {
    reader?.cancel().catch(() => {});
  }
}
