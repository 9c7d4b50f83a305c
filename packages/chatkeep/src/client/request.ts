/** One request: its address, headers and body; its answer as JSON, or an error with a code. */
import { ApiError, errorOf, unreachable } from "./api-error.ts";

type HeadersGiven = ConstructorParameters<typeof Headers>[0];
type Credentials = NonNullable<RequestInit["credentials"]>;

/** Where the server is, and how it is reached. */
export interface ClientOptions {
  /** Where the API is, `/api` when left out; outside a browser it must be whole, such as `https://chat.example.com/api`. */
  baseUrl?: string | undefined;
  /** What sends requests; the global `fetch` when left out. */
  fetch?: typeof fetch | undefined;
  /** Sent with each request, such as `authorization`; a function is asked each time, so that it can give a fresh token. */
  headers?: HeadersGiven | (() => HeadersGiven | Promise<HeadersGiven>) | undefined;
  /** Whether cookies go along; `"include"` for a server on another origin. */
  credentials?: Credentials | undefined;
}

/** What every request takes. */
export interface RequestOptions {
  /** Ends the request, which then throws the signal's reason. */
  signal?: AbortSignal | undefined;
  /** In browsers: the request outlives its page; when left out, each change of at most 1,000 characters that is no question does. */
  keepalive?: boolean | undefined;
}

/** Browsers refuse requests that outlive their page when those under way are more than 64 KiB together. */
const KEEPALIVE_LIMIT = 1_000;

type QueryValue = string | number | boolean | undefined;

/** What a request of your own takes. */
export interface SendOptions extends RequestOptions {
  method?: string | undefined;
  /** What is `undefined` is left out. */
  query?: Record<string, QueryValue> | undefined;
  headers?: HeadersGiven | undefined;
  /** Sent as JSON. */
  json?: unknown;
  /** Sent as it is. */
  body?: RequestInit["body"];
}

export interface Sender {
  /** Whether requests go another way than by the global `fetch`. */
  hasOwnFetch: boolean;
  /** With what each request has: headers, and whether cookies go along. */
  prepared(init: RequestInit): Promise<RequestInit>;
  /** The whole address of a path. */
  url(path: string, query?: SendOptions["query"]): string;
  /** The answer as it is, errors too; throws what `fetch` throws. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** An answer that is no error. */
  send(path: string, options?: SendOptions): Promise<Response>;
  /** The JSON of an answer that is no error; `undefined` where it has none. */
  request<Body>(path: string, options?: SendOptions): Promise<Body>;
}

export function createSender({
  baseUrl = "/api",
  headers: own,
  credentials,
  fetch: given,
}: ClientOptions = {}): Sender {
  const base = baseUrl.endsWith("/") ? baseUrl.slice(0, -1) : baseUrl;

  function url(path: string, query: SendOptions["query"] = {}): string {
    const known = Object.entries(query).filter(([, value]) => value !== undefined);
    const search = new URLSearchParams(
      known.map(([name, value]): [string, string] => [name, String(value)]),
    ).toString();
    return `${base}${path}${search && `?${search}`}`;
  }

  /** With what each request has; errors of a `headers` function are the caller's, and stay what they are. */
  async function prepared(init: RequestInit): Promise<RequestInit> {
    const headers = new Headers(typeof own === "function" ? await own() : own);
    for (const [name, value] of new Headers(init.headers)) headers.set(name, value);
    const cookies = init.credentials ?? credentials;
    return { ...init, headers, ...(cookies && { credentials: cookies }) };
  }

  // Asked for each time: others may put theirs in the place of the global one.
  const fetchNow = (address: string, init: RequestInit) => (given ?? globalThis.fetch)(address, init);

  async function send(path: string, options: SendOptions = {}): Promise<Response> {
    const { signal, query, json, body, method = "GET" } = options;
    const headers = new Headers(options.headers);
    if (json !== undefined) headers.set("content-type", "application/json");
    const sent = json === undefined ? body : JSON.stringify(json);
    const { keepalive = method !== "GET" && isShort(sent) } = options;
    const init = await prepared({
      method,
      headers,
      ...(signal && { signal }),
      ...(keepalive && { keepalive }),
      ...(sent !== undefined && { body: sent }),
    });
    const response = await fetchNow(url(path, query), init).catch(orUnreachable(signal));
    if (!response.ok) throw await errorOf(response);
    return response;
  }

  return {
    hasOwnFetch: given !== undefined,
    prepared,
    url,
    fetch: async (path, init = {}) => await fetchNow(url(path), await prepared(init)),
    send,
    request: async <Body>(path: string, options: SendOptions = {}) => {
      const response = await send(path, options);
      const text = await response.text().catch(orUnreachable(options.signal));
      return (response.status === 204 ? undefined : jsonOf(text, response.status)) as Body;
    },
  };
}

function isShort(body: RequestInit["body"]): boolean {
  return body === undefined || (typeof body === "string" && body.length <= KEEPALIVE_LIMIT);
}

/** Throws the caller's own abort as it is, and anything else as `unavailable`. */
function orUnreachable(signal: AbortSignal | undefined): (error: unknown) => never {
  return (error) => {
    throw signal?.aborted ? error : unreachable(error);
  };
}

function jsonOf(text: string, status: number): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ApiError("internal", "The answer is no JSON: baseUrl must be where the API of chatkeep is.", {
      status,
      cause,
    });
  }
}
