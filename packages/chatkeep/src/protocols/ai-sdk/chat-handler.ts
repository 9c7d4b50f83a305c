/** The AI SDK's chat transport over any web framework: a request goes in, a response comes out, under whatever path it is mounted at. */
import { type ModelMessage, UI_MESSAGE_STREAM_HEADERS, type UIMessageChunk } from "ai";
import { ConflictError, InvalidInputError, NotFoundError, UnauthenticatedError } from "../../errors.ts";
import type { Failure } from "../../replies/failure.ts";
import type { Generate } from "../../replies/generate.ts";
import type { Logger } from "../../replies/logger.ts";
import type { Question } from "../../replies/question.ts";
import type { Replies } from "../../replies/replies.ts";
import type { Turn } from "../../replies/turn.ts";
import { parseId } from "../../store/input.ts";
import { idSchema } from "../../store/schemas.ts";
import type { Message, Part } from "../../store/tables/message.ts";
import type { UserId } from "../../store/tables/tables.ts";
import { aiSdkCodec } from "./codec.ts";
import { answersIn } from "./continuation.ts";
import { asEdited, versionOfQuestion } from "./edited.ts";
import { errorResponse } from "./error-response.ts";
import { modelFailureOf } from "./failures.ts";
import { type ChatResult, chunksOf } from "./generate.ts";
import { readHistory, readUIMessages } from "./history.ts";
import { continuedIn, questionOf, readRequest } from "./question.ts";
import { type OpenStream, type ResponseOptions, respondWith } from "./stream.ts";
import { resumeAt, runHeaders, startIndexOf } from "./workflow.ts";

/** A reply to be made, with what was said before it as a model reads it. */
export interface ChatTurn extends Turn {
  /** The branch that ends with the question, as much of its end as has about `historyTokens`. */
  readonly messages: ModelMessage[];
  /** What the conversation tells its model, and its system messages, which are not among `messages`; `null` for nothing. */
  readonly instructions: string | null;
  /** What the request's body has beside what the AI SDK's transport sends, such as what `sendMessage` got as `body`. Look at it before you use it. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** Whose requests they are, what answers them, and the limits of a host. */
export interface ChatHandlerOptions {
  replies: Replies<UIMessageChunk>;
  /** Whose request it is, by your own sign-in; `undefined` is answered with 401. */
  getUserId(request: Request): UserId | undefined | Promise<UserId | undefined>;
  /** Calls the model: gives what `streamText` gives, or the `stream` of an agent, or chunks of your own. Give it `turn.signal`. */
  generate(turn: ChatTurn): ChatResult | Promise<ChatResult>;
  /** The model's name, for people who read the table of runs, or a function that says it of each reply. */
  model?: string | (() => string) | undefined;
  /** About how many tokens of a conversation the model is given, or a function of the name of `turn.model`; 16,000 when left out. */
  historyTokens?: number | ((model: string | null) => number | undefined) | undefined;
  /** What a user tells every model, or for a chat alone, before what is stored with the chat; asked for while the question is stored. */
  instructionsFor?: ((userId: UserId, conversationId: string) => string | null | Promise<string | null>) | undefined;
  /** What is shown where the model, or a tool, failed; by `modelFailureOf` when left out. */
  failureOf?: ((error: unknown) => Failure) | undefined;
  /** Called before a question is stored; what it throws is answered. */
  beforeAsk?: ((userId: UserId, request: Request) => void | Promise<void>) | undefined;
  /** Called for each response that stays open; what it throws is answered. */
  openStream?: ((userId: UserId, request: Request) => OpenStream) | undefined;
  /** Answers what was thrown; `{ error: { code, message, details? } }` with the status of its code when left out. */
  onError?: ((error: unknown, request: Request) => Response | Promise<Response>) | undefined;
}

/** What the host has read of a request already, so that it is not read again. */
export interface KnownRequest {
  userId?: UserId | undefined;
  /** The parsed JSON. */
  body?: unknown;
}

/**
 * `POST …` asks, or goes on with the reply that its messages end with, to which the client has added outputs of tools and decisions;
 * `GET …/:id` gives the branch that is shown as `UIMessage[]`, `GET …/:id/stream` follows the reply that is being
 * made (204 when there is none), with `?startIndex=` that of the run `:id`, `POST …/:id/stop` stops it (204). The end of the path is read, whatever stands before it.
 */
export interface ChatHandler {
  (request: Request): Promise<Response>;
  /** The same for hosts that have read the request. */
  handle(request: Request, known: KnownRequest): Promise<Response>;
}

/** The same generator for `replies.ask`: reads the history for each turn, and gives what it streams as the chunks of a reply. */
export function generateFrom(
  {
    generate,
    historyTokens,
    instructionsFor,
    failureOf = modelFailureOf,
  }: Pick<ChatHandlerOptions, "generate" | "historyTokens" | "instructionsFor" | "failureOf">,
  body: Record<string, unknown> = {},
  ofUser?: Promise<string | null>,
): Generate<UIMessageChunk> {
  return async (turn) => {
    try {
      const asked = ofUser ?? instructionsFor?.(turn.userId, turn.conversationId) ?? null;
      const maxTokens = typeof historyTokens === "function" ? historyTokens(turn.model) : historyTokens;
      const { messages, instructions: system } = await readHistory(turn.newestFirst(), maxTokens, turn.files);
      const told = [await asked, turn.instructions, ...system];
      const instructions = told.filter((text) => text !== null && text !== "").join("\n\n");
      const chatTurn = { ...turn, messages, instructions: instructions || null, body };
      return chunksOf(turn, await generate(chatTurn), failureOf);
    } catch (error) {
      turn.report({ failure: failureOf(error) });
      throw error;
    }
  };
}

/** Outputs of one reply's tools that a client may send at once, each by itself. */
const outputsAtOnce = 10;

/** Makes the handler of a chat's routes. */
export function chatHandler(options: ChatHandlerOptions): ChatHandler {
  const { replies, beforeAsk } = options;
  const modelName = () => (typeof options.model === "function" ? options.model() : options.model);
  const onError = options.onError ?? ((error: unknown) => answerTo(error, replies.logger));
  const openStream = options.openStream ?? (() => ({ signal: new AbortController().signal, release: () => {} }));
  const generateFor = (userId: UserId, conversationId: string, body: Record<string, unknown>) => {
    const ofUser = (async () => (await options.instructionsFor?.(userId, conversationId)) ?? null)();
    // Where nothing is generated nobody hears of it.
    ofUser.catch(() => {});
    return generateFrom(options, body, ofUser);
  };

  async function ask(userId: UserId, request: Request, body: unknown): Promise<Response> {
    const { input, others } = readRequest(body ?? (await jsonOf(request)));
    const generate = generateFor(userId, input.id, others);
    const continued = continuedIn(input);
    if (continued) return await proceed(userId, request, input.id, continued, generate);
    const user = replies.store.forUser(userId);
    const question = await asEdited(user, questionOf(input), input);
    await beforeAsk?.(userId, request);
    const wait = input.wait ? request.signal : undefined;
    const askFor = (one: Question) => replies.forUser(userId).ask(one, generate, { wait, model: modelName() });
    const asked = async () => {
      try {
        return await askFor(question);
      } catch (error) {
        const isOtherwise = question.regenerate && error instanceof ConflictError && !error.details?.["runId"];
        const version = isOtherwise ? await versionOfQuestion(user, question) : undefined;
        if (!version) throw error;
        return await askFor(version);
      }
    };
    return await streamed(userId, request, asked, { conversationId: input.id });
  }

  /** The client has run a tool, or decided on one: then the reply goes on. */
  async function proceed(
    userId: UserId,
    request: Request,
    conversationId: string,
    given: { id: string; parts: Part[] },
    generate: Generate<UIMessageChunk>,
    triesLeft = outputsAtOnce,
  ): Promise<Response> {
    const mine = replies.forUser(userId);
    const user = replies.store.forUser(userId);
    const stored = await user.messages.get(conversationId, given.id);
    // Only what a run wrote goes back to a model as it is: what a user has changed must not become that by going on.
    const isReply = stored.role === "assistant" && stored.parentId !== null;
    if (!isReply || (stored.finishReason === null && stored.status !== "streaming")) {
      throw new InvalidInputError(`The message ${given.id} is no reply that a model has written here: ask a question.`);
    }
    const { parts, isChanged, open, unknown } = answersIn(stored, given.parts);
    const { revision } = stored;
    if (stored.status === "streaming") {
      const running = await mine.follow(conversationId);
      if (triesLeft === 0 || (running && !isChanged)) return await streamed(userId, request, async () => running);
      // It has ended by now, or does before what the client adds is looked at.
      await running?.ended();
      return await proceed(userId, request, conversationId, given, generate, triesLeft - 1);
    }
    if (unknown.length > 0 && !isChanged) return replay({ ...stored, parts: unknown });
    if (!isChanged && stored.status === "complete") {
      // The SDK's client asks by itself after a reply whose last words are results of tools: that would go on for ever.
      throw new InvalidInputError("messages must end with the user's question: this reply waits for nothing.");
    }
    await beforeAsk?.(userId, request);
    const reply = { conversationId, messageId: given.id, parts, revision, questionId: stored.parentId as string };
    const next = open > 0 ? waiting : generate;
    try {
      return await streamed(userId, request, () => mine.proceed(reply, next, { model: modelName() }), {
        conversationId,
      });
    } catch (error) {
      if (!(error instanceof ConflictError) || !isChanged || triesLeft === 0) throw error;
      const now = await user.messages.get(conversationId, given.id);
      // What is in the way is another reply, which is not waited for.
      if (now.status === stored.status && JSON.stringify(now.parts) === JSON.stringify(stored.parts)) throw error;
      // Another output of the same reply is being stored at this moment: this one comes after it.
      if (now.status === "streaming") await (await mine.follow(conversationId))?.ended();
      return await proceed(userId, request, conversationId, given, generate, triesLeft - 1);
    }
  }

  /** Not all is there that the reply waits for: what is there is stored, and no model is asked. */
  async function* waiting({ replyId, report }: Turn): AsyncGenerator<UIMessageChunk> {
    report({ finishReason: "tool-calls" });
    yield { type: "start", messageId: replyId };
    yield { type: "finish", finishReason: "tool-calls" };
  }

  function replay(message: Message): Response {
    const events = [...aiSdkCodec.toEvents(message)].map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`);
    return new Response(`${events.join("")}data: [DONE]\n\n`, { headers: UI_MESSAGE_STREAM_HEADERS });
  }

  /** A stream that is taken up again is a whole message to the AI SDK: also what a reply had before it went on. */
  async function resumed(userId: UserId, conversationId: string, lastEventId: string | undefined, request: Request) {
    const reply = await replies.forUser(userId).follow(conversationId, lastEventId);
    if (!reply?.runId || lastEventId) return await streamed(userId, request, async () => reply);
    const user = replies.store.forUser(userId);
    const run = await user.runs.find(conversationId, reply.runId);
    const message = run && (await user.messages.get(conversationId, run.messageId));
    // It ended meanwhile: what it had before cannot be told from what came any more.
    if (message?.status === "complete") return replay(message);
    const earlier = message?.status === "streaming" && message.parts?.length ? message : undefined;
    return await streamed(userId, request, async () => reply, { earlier });
  }

  /** For the Workflow transport, whose streams are named by runs. */
  async function resumedAt(userId: UserId, id: string, startIndex: number, request: Request): Promise<Response> {
    const open = () => openStream(userId, request);
    const mine = { replies: replies.forUser(userId), user: replies.store.forUser(userId), open };
    const response = await resumeAt(startIndex, id, mine);
    if (!response) throw new NotFoundError("reply", id);
    return response;
  }

  async function streamed(
    userId: UserId,
    request: Request,
    find: () => ReturnType<ReturnType<typeof replies.forUser>["follow"]>,
    response?: ResponseOptions & { conversationId?: string },
  ): Promise<Response> {
    const stream = openStream(userId, request);
    try {
      const reply = await find();
      const { conversationId, ...options } = response ?? {};
      const headers = reply && conversationId !== undefined ? runHeaders(reply, conversationId) : undefined;
      if (reply) return respondWith(reply, stream, { ...options, headers });
    } catch (error) {
      stream.release();
      throw error;
    }
    stream.release();
    return new Response(null, { status: 204 });
  }

  async function route(request: Request, known: KnownRequest): Promise<Response> {
    const userId = known.userId ?? (await options.getUserId(request));
    if (userId === undefined) throw new UnauthenticatedError();
    const { pathname } = new URL(request.url);
    const [last = "", before = ""] = pathname.split("/").filter(Boolean).reverse();
    const verb = last === "stream" || last === "stop" ? last : undefined;
    const id = decoded(verb ? before : last);
    const mine = replies.forUser(userId);
    const isRead = request.method === "GET" || request.method === "HEAD";
    if (request.method === "POST" && verb === "stop") {
      await mine.stop(parseId(id, "id"));
      return new Response(null, { status: 204 });
    }
    if (request.method === "POST" && !verb) return await ask(userId, request, known.body);
    if (isRead && verb === "stream") {
      const lastEventId = request.headers.get("last-event-id") ?? undefined;
      const startIndex = startIndexOf(request);
      if (startIndex !== undefined) return await resumedAt(userId, parseId(id, "id"), startIndex, request);
      return await resumed(userId, parseId(id, "id"), lastEventId, request);
    }
    if (isRead && !verb && idSchema.safeParse(id).success) {
      return Response.json(await readUIMessages(replies.store.forUser(userId), id));
    }
    throw new NotFoundError("route", `${request.method} ${pathname}`);
  }

  const handle: ChatHandler["handle"] = async (request, known) => {
    let response: Response;
    try {
      response = await route(request, known);
    } catch (error) {
      response = await onError(error, request);
    }
    if (request.method !== "HEAD") return response;
    // Nobody reads the body of an answer to HEAD: a stream of it would stay open.
    await response.body?.cancel();
    return new Response(null, response);
  };
  return Object.assign((request: Request) => handle(request, {}), { handle });
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new InvalidInputError("The id in the address must be encoded as encodeURIComponent does.");
  }
}

/** What is our fault is logged too. */
function answerTo(error: unknown, logger: Logger): Response {
  const response = errorResponse(error);
  if (response.status >= 500) logger.error({ error }, "a chat request failed");
  return response;
}

async function jsonOf(request: Request): Promise<unknown> {
  try {
    return await request.json();
  } catch (error) {
    throw new InvalidInputError("The body must be JSON: check its syntax.", { cause: error });
  }
}
