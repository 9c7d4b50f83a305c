/**
 * What this browser keeps of what the server said, to be read where there is no network: the list, and chats of the last days.
 * The server is always asked first. Nothing is kept of temporary chats, and nothing when somebody signs out or another one in.
 */
import { forgetRemembered, remember, remembered } from "../ui/remembered.ts";

const cacheName = "chatkeep.kept";
const setting = "offline";
const owner = "kept.owner";
const dayMs = 86_400_000;
/** Whoever does not come back for so long finds nothing any more. */
const maxAgeMs = 14 * dayMs;

const kept = /^\/api\/(auth\/get-session|sign-in|projects|tags|tasks|models|conversations(\/[^/]+(\/branch)?)?)$/;
const endsStay = /^\/api\/auth\/(sign-out|delete-user|delete-anonymous-user)$/;
const ofConversation = /^\/api\/conversations\/([^/]+)/;

/** Whether a chat is to be kept: not before it is known that it is not temporary, which is so for as long as there is the chat. */
const lasting = new Map<string, PromiseWithResolvers<boolean>>();
/** How often a chat has changed, or gone, since the page was opened: what was asked before that is not kept. */
const changes = new Map<string, number>();
const listeners = new Set<() => void>();
let isShown = false;
/** One thing after another: what is put may be taken away by what comes after it. */
let work: Promise<unknown> = Promise.resolve();

/** Browsers keep answers for pages of https and of this machine. */
export const canKeep = "caches" in globalThis;

export function isKeeping(): boolean {
  return canKeep && remembered(setting) !== "off";
}

/** What is kept already goes when it is switched off. */
export async function switchKeeping(isOn: boolean): Promise<void> {
  remember(setting, isOn ? "on" : "off");
  if (!isOn) await inTurn(async () => void (await caches.delete(cacheName)));
}

/** Whether what one sees is what was kept, since the server could not be reached. */
export function isKeptShown(): boolean {
  return isShown;
}

export function whenKeptShown(listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** `fetch` of the client: what cannot be read from the server is read from what is kept, if it is. */
export const keptFetch: typeof fetch = async (input, init = {}) => {
  const { pathname, searchParams, href } = new URL(String(input), location.href);
  const isRead = (init.method ?? "GET") === "GET";
  if (!isRead || !isKeeping() || !kept.test(pathname) || searchParams.has("search")) {
    const answer = await fetch(input, init);
    if (!isRead && answer.ok && canKeep) await afterChange(init.method, pathname);
    return answer;
  }
  const [, conversation = ""] = ofConversation.exec(pathname) ?? [];
  const since = changes.get(conversation);
  let answer: Response;
  try {
    answer = await fetch(input, init);
  } catch (error) {
    const found = init.signal?.aborted ? undefined : await work.then(() => read(href));
    if (!found) throw error;
    show(true);
    return found;
  }
  show(false);
  // Read once, since two readers of one stream are slow while a page opens.
  const { status, headers } = answer;
  const bytes = status === 200 ? await answer.arrayBuffer() : undefined;
  const copy = () => (bytes ? new Response(bytes, { status, headers }) : answer);
  // Before anybody reads who it is: nothing of the one before may be read then.
  if (bytes && pathname.endsWith("/get-session")) await inTurn(() => takeOwner(copy()));
  if (bytes && conversation && !pathname.endsWith("/branch"))
    lastingOf(conversation).resolve((await copy().json()).expiresAt === null);
  const whose = remembered(owner);
  const isSame = () => remembered(owner) === whose && changes.get(conversation) === since;
  const mayBeKept = bytes && conversation ? lastingOf(conversation).promise : true;
  void Promise.all([mayBeKept, started])
    .then(async ([may]) => {
      if (may) await inTurn(() => take(href, conversation, { status, copy, isSame }));
    })
    .catch(() => {});
  return copy();
};

/** A page that opens has better things to do than to write to the disk. */
const startMs = 3_000;
const started = new Promise<void>((resolve) => setTimeout(resolve, startMs));

interface Answer {
  status: number;
  /** Nobody else is signed in, and the chat has not changed. */
  isSame(): boolean;
  copy(): Response;
}

/** All of a chat. */
export function forgetKeptChat(id: string): void {
  if (canKeep) void forget(encodeURIComponent(id)).catch(() => {});
}

/** When a chat of which all is kept was changed, as an ISO time. */
export async function keptTimeOf(id: string): Promise<string | undefined> {
  const path = `${location.origin}/api/conversations/${encodeURIComponent(id)}`;
  return await inTurn(async () => {
    const cache = await caches.open(cacheName);
    if (!(await cache.match(`${path}/branch`, { ignoreSearch: true }))) return undefined;
    const answer = await cache.match(path);
    return ((await answer?.json()) as { updatedAt?: string } | undefined)?.updatedAt;
  });
}

/** Removes what nobody has asked the server for in two weeks. */
export async function trimKept(): Promise<void> {
  await inTurn(async () => {
    const cache = await caches.open(cacheName);
    for (const request of await cache.keys()) {
      const since = Date.parse((await cache.match(request))?.headers.get("date") ?? "");
      if (!(since > Date.now() - maxAgeMs)) await cache.delete(request);
    }
  });
}

/** Also what is on its way. */
async function forgetAll(): Promise<void> {
  forgetRemembered(owner);
  await caches.delete(cacheName);
}

function inTurn<Result>(task: () => Promise<Result>): Promise<Result> {
  const done = work.then(task);
  work = done.catch(() => {});
  return done;
}

async function afterChange(method: string | undefined, pathname: string): Promise<void> {
  if (endsStay.test(pathname)) return await inTurn(forgetAll);
  const [, id] = ofConversation.exec(pathname) ?? [];
  if (id && method === "DELETE") await forget(id);
}

async function forget(encodedId: string): Promise<void> {
  changes.set(encodedId, (changes.get(encodedId) ?? 0) + 1);
  await inTurn(() => removeOf(encodedId));
}

async function takeOwner(answer: Response): Promise<void> {
  const said = (await answer.json()) as { user?: { id: string } } | null;
  const id = said?.user?.id ?? "";
  if (remembered(owner) === id) return;
  await caches.delete(cacheName);
  forgetRemembered(owner);
  if (id) remember(owner, id);
}

async function take(href: string, conversation: string, { status, copy, isSame }: Answer): Promise<void> {
  if (!isSame()) return;
  if (status === 401) return await forgetAll();
  if (conversation && [404, 410].includes(status)) return await removeOf(conversation);
  // Where there is no room left, nothing is kept.
  if (status === 200 && isKeeping()) await (await caches.open(cacheName)).put(href, copy());
}

function lastingOf(encodedId: string): PromiseWithResolvers<boolean> {
  const known = lasting.get(encodedId) ?? Promise.withResolvers<boolean>();
  lasting.set(encodedId, known);
  return known;
}

async function removeOf(encodedId: string): Promise<void> {
  const cache = await caches.open(cacheName);
  for (const request of await cache.keys())
    if (ofConversation.exec(new URL(request.url).pathname)?.[1] === encodedId) await cache.delete(request);
}

async function read(href: string): Promise<Response | undefined> {
  return await (await caches.open(cacheName)).match(href);
}

function show(isKept: boolean): void {
  if (isShown === isKept) return;
  isShown = isKept;
  for (const listener of listeners) listener();
}
