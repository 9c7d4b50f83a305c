/** The only file with addresses: what the server can do, typed by the server itself. */
import type { App } from "@chatkeep/server";
import { DefaultChatTransport, type UIMessage } from "ai";
import { hc, type InferResponseType } from "hono/client";

const { api } = hc<App>("/");

export type Conversation = InferResponseType<(typeof api.conversations)[":id"]["$get"], 200>;
export type Message = InferResponseType<(typeof api.conversations)[":id"]["branch"]["$get"], 200>["items"][number];

export interface Page<Item> {
  items: Item[];
  nextCursor: string | null;
}

/** What the server tells of changes; `runId` is the reply that is being written. */
type LiveEvent =
  | { type: "ready" }
  | { type: "conversation"; conversation: Conversation; runId: string | null }
  | { type: "deleted"; conversationId: string };

export interface Person {
  id: string;
  name: string;
  email: string;
}

/** What the server refused, with its sentence for people. */
export class ApiError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

const offline = "The server cannot be reached. Check your connection and try again.";

/** Reads an answer, or throws what was wrong as an `ApiError`. */
async function answer<Body>(
  request: Promise<{ ok: boolean; status: number; json(): Promise<unknown>; text(): Promise<string> }>,
): Promise<Body> {
  const response = await request.catch(() => {
    throw new ApiError("unavailable", offline);
  });
  if (!response.ok) throw errorIn(await response.text());
  return (response.status === 204 ? undefined : await response.json()) as Body;
}

/** An error of the API as it stands in a body, or in the message of an error that the chat transport threw. */
export function errorIn(body: string): ApiError {
  try {
    const { error } = JSON.parse(body) as { error: { code: string; message: string } };
    return new ApiError(error.code, error.message);
  } catch {
    return new ApiError("unavailable", /fetch|network/i.test(body) ? offline : body || offline);
  }
}

function post<Body>(path: string, body: object): Promise<Body> {
  const headers = { "content-type": "application/json" };
  return answer(fetch(path, { method: "POST", headers, body: JSON.stringify(body) }));
}

export const account = {
  current: async () => (await answer<{ user: Person } | null>(fetch("/api/auth/get-session")))?.user ?? null,
  signIn: (email: string, password: string) => post("/api/auth/sign-in/email", { email, password }),
  signUp: (name: string, email: string, password: string) => post("/api/auth/sign-up/email", { name, email, password }),
  signOut: () => post("/api/auth/sign-out", {}),
};

export const conversations = {
  list: (cursor: string | undefined) =>
    answer<Page<Conversation>>(api.conversations.$get({ query: { limit: "50", ...(cursor && { cursor }) } })),
  get: (id: string) => answer<Conversation>(api.conversations[":id"].$get({ param: { id } })),
  rename: (id: string, title: string) =>
    answer<Conversation>(api.conversations[":id"].$patch({ param: { id }, json: { title } })),
  delete: (id: string) => answer<void>(api.conversations[":id"].$delete({ param: { id } })),
  branch: (id: string, before: string | undefined) =>
    answer<Page<Message>>(
      api.conversations[":id"].branch.$get({ param: { id }, query: { limit: "50", ...(before && { before }) } }),
    ),
  stop: (id: string) => answer<void>(api.chat[":id"].stop.$post({ param: { id } })),
};

/** Sends only the newest question: the server has the others. */
export const chatTransport = new DefaultChatTransport<UIMessage>({
  api: "/api/chat",
  prepareSendMessagesRequest: ({ id, messages, trigger }) => {
    const question = messages.findLast(({ role }) => role === "user");
    const message = question && { id: question.id, role: question.role, parts: question.parts };
    return { body: { id, message, trigger } };
  },
});

interface Listener {
  onEvent(event: LiveEvent): void;
  /** The server would not let us listen; it is asked again. */
  onRefused(): void;
}

const listenAgainMs = 5_000;

/** Hears of changes until the function that it gives is called. The browser comes back by itself after a lost connection. */
export function listen({ onEvent, onRefused }: Listener): () => void {
  let source: EventSource;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const open = () => {
    source = new EventSource("/api/events");
    source.onmessage = ({ data }) => onEvent(JSON.parse(data) as LiveEvent);
    source.onerror = () => {
      if (source.readyState !== EventSource.CLOSED) return;
      onRefused();
      timer = setTimeout(open, listenAgainMs);
    };
  };
  open();
  return () => {
    clearTimeout(timer);
    source.close();
  };
}
