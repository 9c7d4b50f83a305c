/** OpenAI's responses, as far as conversations need them: a question to the host's model, in a conversation that keeps both. */
import type { UIMessageChunk } from "ai";
import type { Hono } from "hono";
import * as z from "zod";
import { ConflictError, InvalidInputError } from "../../errors.ts";
import type { Generate } from "../../replies/generate.ts";
import type { Replies, UserReplies } from "../../replies/replies.ts";
import type { Reply } from "../../replies/reply.ts";
import { idSchema, type NewMessage } from "../../store/schemas.ts";
import { strictObject } from "../../store/strict-object.ts";
import type { Message } from "../../store/tables/message.ts";
import type { UserId } from "../../store/tables/tables.ts";
import type { UserStore } from "../../store/user-verbs.ts";
import type { ProtocolEnv } from "../frame/http.ts";
import { newId } from "./ids.ts";
import { listItems, listOf } from "./item-list.ts";
import { messageOf } from "./items.ts";
import { placeOfResponse, type ResponseFacts, responseOf } from "./response.ts";
import { createItemEvents, type ResponseEvent } from "./response-events.ts";
import { itemListSchema, itemQuerySchema, itemsSchema } from "./schemas.ts";

/** What answers at `/responses`. */
export interface Answers {
  replies: Replies<UIMessageChunk>;
  /** What makes a reply, such as `generateFrom` of `chatkeep/ai-sdk` gives it. */
  generate: Generate<UIMessageChunk>;
  /** The name of the model that answers: requests may name it, and no other one. */
  model: string;
  /** Called for each response that stays open; what it throws is answered. */
  openStream?: ((userId: UserId, request: Request) => { signal: AbortSignal; release(): void }) | undefined;
}

const flagOf = (value: boolean) =>
  z.literal(value, `must be ${value}, or left out: nothing else is done here`).nullish();
const none = "is not supported here: leave it out";

const requestSchema = strictObject({
  input: z.union([z.string().min(1), itemsSchema], "must be a text, or a list of items"),
  model: z.string("must be a text").nullish(),
  conversation: z.union([idSchema, strictObject({ id: idSchema })], "must be the id of a conversation").nullish(),
  previous_response_id: z.string("must be the id of a response").nullish(),
  instructions: z.string("must be a text").nullish(),
  stream: z.boolean("must be true or false").nullish(),
  store: flagOf(true),
  background: flagOf(false),
  include: z.array(z.string()).nullish(),
  tools: z.array(z.unknown()).max(0, none).nullish(),
  metadata: strictObject({}).nullish(),
});

type ResponseRequest = z.output<typeof requestSchema>;

export function addResponses(app: Hono<ProtocolEnv>, answers: Answers): void {
  const { replies } = answers;

  app.post("/responses", async (c) => {
    const given = await c.get("json")(requestSchema);
    const { model } = answers;
    if (given.model && given.model !== model) {
      throw new InvalidInputError(`model must be ${model}, or left out: no other one answers here.`, {
        details: { issues: [{ path: "model", message: `must be ${model}` }] },
      });
    }
    const [user, userId] = [c.get("user"), c.get("userId")];
    const seed = c.req.header("idempotency-key");
    const messages = questionsOf(given, seed);
    await c.get("write")(1 + messages.length);
    const facts = { model, instructions: given.instructions, previousResponseId: given.previous_response_id };
    const stream = given.stream ? answers.openStream?.(userId, c.req.raw) : undefined;
    try {
      const reply = await ask(user, replies.forUser(userId), { messages, given, seed, generate: answers.generate });
      const begun = await begunOf(user, reply);
      if (given.stream) return streamed(eventsOf(user, reply.reply, begun, facts), stream);
      await reply.reply.ended();
      return c.json(await finished(user, reply.reply, begun, facts));
    } catch (error) {
      stream?.release();
      throw error;
    }
  });

  app.get("/responses/:id", async (c) => {
    c.get("query")(itemQuerySchema);
    return c.json(responseOf(await stored(c.get("user"), c.req.param("id")), answers));
  });

  app.delete("/responses/:id", async (c) => {
    const { conversationId, id } = await stored(c.get("user"), c.req.param("id"));
    await c.get("user").messages.redact(conversationId, id);
    return c.json({ id: c.req.param("id"), object: "response", deleted: true });
  });

  app.post("/responses/:id/cancel", async (c) => {
    const message = await stored(c.get("user"), c.req.param("id"));
    const mine = replies.forUser(c.get("userId"));
    if (message.status === "streaming") {
      const reply = await mine.follow(message.conversationId);
      await mine.stop(message.conversationId);
      await reply?.ended();
    }
    return c.json(responseOf(await stored(c.get("user"), c.req.param("id")), answers));
  });

  app.get("/responses/:id/input_items", async (c) => {
    const { after, order, limit } = c.get("query")(itemListSchema);
    const { conversationId, id } = await stored(c.get("user"), c.req.param("id"));
    const page = (from: string, most: number) =>
      listItems(c.get("user"), conversationId, { after: from, order: "desc", limit: most });
    if (order === "desc") return c.json(await page(after ?? id, limit));
    // The branch above a reply is read upwards: to begin at its beginning all of it is.
    const all = [];
    for (let from = id, isMore = true; isMore; ) {
      const { data, last_id, has_more } = await page(from, 100);
      all.unshift(...data.reverse());
      [from, isMore] = [last_id, has_more];
    }
    const start = after === undefined ? 0 : all.findIndex((item) => item.id === after) + 1;
    return c.json(listOf(all.slice(start, start + limit), all.length > start + limit));
  });
}

/** What is said before the question, and the question. @throws invalid_input */
function questionsOf({ input }: ResponseRequest, seed: string | undefined): (NewMessage & { id: string })[] {
  const items = typeof input === "string" ? [{ type: "message", role: "user", content: input }] : input;
  const messages = items.map((item, index) => messageOf(item, seed && `/responses ${seed} ${index}`));
  if (messages.at(-1)?.role === "user") return messages;
  throw new InvalidInputError("input must end with a message of the user's: tools are run by this server itself.", {
    details: { issues: [{ path: "input", message: "must end with a message of the user's" }] },
  });
}

interface Asking {
  /** The last one is the question. */
  messages: readonly (NewMessage & { id: string })[];
  given: ResponseRequest;
  /** What ids are made of, where the client says that a request is the same as one before. */
  seed: string | undefined;
  generate: Generate<UIMessageChunk>;
}

interface Asked {
  reply: Reply<UIMessageChunk>;
  conversationId: string;
}

async function ask(
  user: UserStore,
  mine: UserReplies<UIMessageChunk>,
  { messages, given, seed, generate }: Asking,
): Promise<Asked> {
  const { conversation, previous_response_id: previous, instructions } = given;
  if (conversation && previous) {
    throw new InvalidInputError("Give conversation or previous_response_id, not both: either says where to go on.");
  }
  const before = messages.slice(0, -1);
  const question = messages.at(-1) as NewMessage;
  const above = previous ? await stored(user, previous) : undefined;
  const named = typeof conversation === "string" ? conversation : conversation?.id;
  const conversationId = above?.conversationId ?? named ?? newId("conv", seed);
  if (named) await user.conversations.get(named);
  if (!above && !named) await user.conversations.create({ id: conversationId, messages: [...before] });
  else if (before.length > 0) {
    // What would be refused a moment later must not leave its first items behind.
    if (await user.runs.findRunning(conversationId)) {
      throw new ConflictError(
        "Another response is being written in this conversation: wait for its end, or cancel it.",
      );
    }
    const [first, ...rest] = before as [NewMessage, ...NewMessage[]];
    await user.messages.append(conversationId, [{ ...first, ...(above && { parentId: above.id }) }, ...rest]);
  }
  const parentId = before.at(-1)?.id ?? above?.id;
  const message = { ...question, ...(parentId !== undefined && { parentId }) };
  const told: Generate<UIMessageChunk> = instructions
    ? (turn) => generate({ ...turn, instructions: [turn.instructions, instructions].filter(Boolean).join("\n\n") })
    : generate;
  return { reply: await mine.ask({ conversationId, message }, told), conversationId };
}

async function stored(user: UserStore, responseId: string): Promise<Message> {
  const { conversationId, messageId } = placeOfResponse(responseId);
  const message = await user.messages.get(conversationId, messageId);
  responseOf(message, { model: "" });
  return message;
}

/** The message that a reply becomes, as it stands. */
async function begunOf(user: UserStore, { reply, conversationId }: Asked): Promise<Message> {
  if (reply.runId !== undefined) {
    const run = await user.runs.find(conversationId, reply.runId);
    if (run) return await user.messages.get(conversationId, run.messageId);
  }
  for await (const { event } of reply) {
    if (event.type === "start" && event.messageId) return await user.messages.get(conversationId, event.messageId);
  }
  throw new InvalidInputError("The answer to this question is gone: ask it anew.");
}

async function finished(
  user: UserStore,
  { runId }: Reply<UIMessageChunk>,
  { conversationId, id }: Message,
  facts: ResponseFacts,
) {
  const run = runId === undefined ? undefined : await user.runs.find(conversationId, runId);
  const message = await user.messages.get(conversationId, id);
  return responseOf(message, { ...facts, error: run?.error, usage: run });
}

const finals: Record<string, string> = { completed: "response.completed", failed: "response.failed" };

async function* eventsOf(
  user: UserStore,
  reply: Reply<UIMessageChunk>,
  begun: Message,
  facts: ResponseFacts,
): AsyncGenerator<ResponseEvent> {
  const response = responseOf({ ...begun, status: "streaming", parts: [], content: "" }, facts);
  yield { type: "response.created", response };
  yield { type: "response.in_progress", response };
  const toEvents = createItemEvents(begun.id);
  for await (const { event } of reply) yield* toEvents(event);
  const whole = await finished(user, reply, begun, facts);
  yield { type: finals[whole.status] ?? "response.incomplete", response: whole };
}

/** As server-sent events. Whoever goes away stops nothing: the reply is kept. */
function streamed(
  events: AsyncGenerator<ResponseEvent>,
  stream: { signal: AbortSignal; release(): void } | undefined,
): Response {
  const encoder = new TextEncoder();
  async function* lines() {
    let number = 0;
    try {
      for await (const event of events) {
        if (stream?.signal.aborted) return;
        yield encoder.encode(
          `event: ${event.type}\ndata: ${JSON.stringify({ ...event, sequence_number: number++ })}\n\n`,
        );
      }
    } finally {
      stream?.release();
    }
  }
  return new Response(ReadableStream.from(lines()) as ReadableStream<Uint8Array>, {
    headers: { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-store" },
  });
}
