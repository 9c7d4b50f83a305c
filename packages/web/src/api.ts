/** The only file with addresses: what the server can do, typed by the server itself. */
import type { App } from "@chatkeep/server";
import { DefaultChatTransport, type UIMessage } from "ai";
import { hc, type InferRequestType, type InferResponseType } from "hono/client";
import { fetchReply } from "./reply-streams.ts";
import { t } from "./strings/index.ts";

const { api } = hc<App>("/");

export type Conversation = InferResponseType<(typeof api.conversations)[":id"]["$get"], 200>;
export type Message = InferResponseType<(typeof api.conversations)[":id"]["branch"]["$get"], 200>["items"][number];

export type ConversationChange = InferRequestType<(typeof api.conversations)[":id"]["$patch"]>["json"];
export type Task = InferResponseType<(typeof api.tasks)[":id"]["$get"], 200>;
export type ImportReport = InferResponseType<typeof api.import.$post, 200>;

export interface Session {
  id: string;
  token: string;
  createdAt: string;
  userAgent?: string | null;
}

export interface Page<Item> {
  items: Item[];
  nextCursor: string | null;
}

/** What the server tells of changes; `runId` is the reply that is being written. */
export type LiveEvent =
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
  /** What the server said, where another language stands in its place. */
  readonly original: string | undefined;
  /** `reason` is the finer code that signing in has beside ours. */
  constructor(code: string, message: string, reason = code) {
    const known = t.errors[reason] ?? t.errors[code];
    super(known ?? message);
    this.code = code;
    this.original = known && message ? message : undefined;
  }
}

class UnreachableError extends ApiError {
  constructor() {
    super("unavailable", "");
    this.message = t.unreachable;
  }
}

/** Reads an answer, or throws what was wrong as an `ApiError`. */
async function answer<Body>(
  request: Promise<{ ok: boolean; status: number; json(): Promise<unknown>; text(): Promise<string> }>,
): Promise<Body> {
  const response = await request.catch(() => {
    throw new UnreachableError();
  });
  if (!response.ok) throw errorIn(await response.text());
  return (response.status === 204 ? undefined : await response.json()) as Body;
}

/** An error of the API as it stands in a body, or in the message of an error that the chat transport threw. */
export function errorIn(body: string): ApiError {
  try {
    const { error, code } = JSON.parse(body) as { error: { code: string; message: string }; code?: string };
    return new ApiError(error.code, error.message, code);
  } catch {
    return !body || /fetch|network/i.test(body) ? new UnreachableError() : new ApiError("unavailable", body);
  }
}

function post<Body>(path: string, body: object): Promise<Body> {
  const headers = { "content-type": "application/json" };
  return answer(fetch(path, { method: "POST", headers, body: JSON.stringify(body) }));
}

const read = <Body>(path: string) => answer<Body>(fetch(path));

export const account = {
  current: async () => (await read<{ user: Person } | null>("/api/auth/get-session"))?.user ?? null,
  signIn: (email: string, password: string) => post("/api/auth/sign-in/email", { email, password }),
  signUp: (name: string, email: string, password: string) => post("/api/auth/sign-up/email", { name, email, password }),
  signOut: () => post("/api/auth/sign-out", {}),
  rename: (name: string) => post("/api/auth/update-user", { name }),
  changePassword: (currentPassword: string, newPassword: string) =>
    post("/api/auth/change-password", { currentPassword, newPassword, revokeOtherSessions: false }),
  sessions: async () => {
    const [current, list] = await Promise.all([
      read<{ session: Session } | null>("/api/auth/get-session"),
      read<Session[]>("/api/auth/list-sessions"),
    ]);
    return list.map((session) => ({ ...session, isThis: session.id === current?.session.id }));
  },
  endSession: (token: string) => post("/api/auth/revoke-session", { token }),
  delete: (password: string) => post("/api/auth/delete-user", { password }),
  exportUrl: "/api/export",
};

interface ListOptions {
  cursor?: string | undefined;
  archived?: "true" | "false";
  pinned?: "true" | "false";
  search?: string;
}

export const conversations = {
  list: ({ cursor, ...filter }: ListOptions) =>
    answer<Page<Conversation>>(
      api.conversations.$get({ query: { limit: "50", ...filter, ...(cursor && { cursor }) } }),
    ),
  get: (id: string) => answer<Conversation>(api.conversations[":id"].$get({ param: { id } })),
  change: (id: string, change: ConversationChange) =>
    answer<Conversation>(api.conversations[":id"].$patch({ param: { id }, json: change })),
  delete: (id: string) => answer<void>(api.conversations[":id"].$delete({ param: { id } })),
  branch: (id: string, before: string | undefined) =>
    answer<Page<Message>>(
      api.conversations[":id"].branch.$get({ param: { id }, query: { limit: "50", ...(before && { before }) } }),
    ),
  stop: (id: string) => answer<void>(api.chat[":id"].stop.$post({ param: { id } })),
};

/** For a request that outlives its page. */
export const deleteUrl = (id: string) => `/api/conversations/${encodeURIComponent(id)}`;

export const tasks = {
  list: () => answer<Page<Task>>(api.tasks.$get({ query: { limit: "100" } })),
  create: (title: string) => answer<Task>(api.tasks.$post({ json: { title } })),
  complete: (id: string, completed: boolean) =>
    answer<Task>(api.tasks[":id"].$patch({ param: { id }, json: { completed } })),
  delete: (id: string) => answer<void>(api.tasks[":id"].$delete({ param: { id } })),
};

/** Some lines of a file. */
export function importLines(format: string, lines: string): Promise<ImportReport> {
  const headers = { "content-type": "text/plain" };
  return answer(fetch(`/api/import?format=${format}`, { method: "POST", headers, body: lines }));
}

/** What is known of a message that was read from the server. */
export interface KeptMetadata {
  status: Message["status"];
  finishReason: Message["finishReason"];
  createdAt: string;
  parentId: string | null;
  siblings: string[];
}

/** Sends only the newest question, and which message it follows: the server has the others. */
export const chatTransport = new DefaultChatTransport<UIMessage>({
  api: "/api/chat",
  fetch: fetchReply,
  prepareSendMessagesRequest: ({ id, messages, trigger, body }) => {
    const index = messages.findLastIndex(({ role }) => role === "user");
    const question = messages[index];
    const message = question && { id: question.id, role: question.role, parts: question.parts };
    return { body: { id, message, trigger, parentId: parentOf(messages.slice(0, index + 1)), ...body } };
  },
});

/** The stored message that the last one follows: its own parent, or the one above it that the server has. */
function parentOf(messages: readonly UIMessage[]): string | null {
  const kept = messages.at(-1)?.metadata as KeptMetadata | undefined;
  if (kept) return kept.parentId;
  const above = messages.slice(0, -1).findLast(({ role, metadata }) => role === "assistant" || metadata !== undefined);
  return above?.id ?? null;
}

interface Listener {
  onEvent(event: LiveEvent): void;
  /** The server would not let us listen; it is asked again. */
  onRefused(): void;
}

const listenAgainMs = 5_000;

/**
 * Hears of changes until the function that it gives is called. The browser comes back by itself after a lost connection; by
 * then another may have signed in, of whom this page must not hear.
 */
export function listen(personId: string, { onEvent, onRefused }: Listener): () => void {
  let source: EventSource;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isOurs = Promise.resolve(false);
  const askWho = () =>
    account.current().then(
      (person) => person?.id === personId,
      () => false,
    );
  const open = () => {
    source = new EventSource("/api/events");
    source.onmessage = ({ data, target }) => {
      const event = JSON.parse(data) as LiveEvent;
      if (event.type === "ready") isOurs = askWho();
      void isOurs.then((ours) => {
        if (target !== source || source.readyState === EventSource.CLOSED) return;
        if (ours) return onEvent(event);
        source.close();
        onRefused();
        timer = setTimeout(open, listenAgainMs);
      });
    };
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
