/**
 * Works beside the pages: the app opens without a network, and notices of the system lead to their chat. What the server says is
 * no business of it: the pages keep that (offline/kept.ts).
 */
/** The files of this build, and a name for them all: put in by the build. */
declare const __FILES__: string[];
declare const __VERSION__: string;

const worker = self as unknown as ServiceWorkerGlobalScope;
const prefix = "chatkeep.app.";
const cacheName = `${prefix}${__VERSION__}`;
const files = new Set(__FILES__);
const page = "/";
/** For so long a network that only pretends to be one may keep a page from opening. */
const patienceMs = 5_000;

worker.addEventListener("install", (event) => event.waitUntil(Promise.all([keep(), stayOutOfTheWay(event)])));
worker.addEventListener("activate", (event) => event.waitUntil(takeOver()));
worker.addEventListener("fetch", (event) => {
  const { pathname, origin } = new URL(event.request.url);
  if (event.request.method !== "GET" || origin !== worker.location.origin) return;
  if (event.request.mode === "navigate" && isApp(pathname)) event.respondWith(pageOf(event.request));
  else if (files.has(pathname)) event.respondWith(fileOf(event.request));
});
worker.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(String(event.notification.data)));
});

async function keep(): Promise<void> {
  const cache = await caches.open(cacheName);
  await cache.addAll([page, ...files]);
}

/** https://w3c.github.io/ServiceWorker/#extendable-event-addroutes, where the browser has it. */
interface StaticRouting {
  addRoutes?(rule: { condition: { urlPattern: string }; source: "network" }): Promise<void>;
}

/**
 * A request that first has to start this worker is lost when its page is closed meanwhile, also one that is to outlive it; and
 * each one would wait for the start.
 */
async function stayOutOfTheWay(event: ExtendableEvent & StaticRouting): Promise<void> {
  await event.addRoutes?.({ condition: { urlPattern: "/api/*" }, source: "network" });
}

/** Only when no page of the build before is open: it may still want files of its own. */
async function takeOver(): Promise<void> {
  for (const name of await caches.keys()) if (name.startsWith(prefix) && name !== cacheName) await caches.delete(name);
  await worker.clients.claim();
}

/** Where the app is; other pages, of the API and of links that were shared, are the server's alone. */
function isApp(pathname: string): boolean {
  return /^\/($|c\/|p\/|account$|admin$|reset-password$)/.test(pathname);
}

async function pageOf(request: Request): Promise<Response> {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), patienceMs);
  try {
    return await fetch(request, { signal: patience.signal });
  } catch {
    return (await cached(page)) ?? Response.error();
  } finally {
    clearTimeout(timer);
  }
}

async function fileOf(request: Request): Promise<Response> {
  return (await cached(request)) ?? (await fetch(request));
}

async function cached(request: Request | string): Promise<Response | undefined> {
  return await (await caches.open(cacheName)).match(request);
}

async function open(path: string): Promise<void> {
  const [known] = await worker.clients.matchAll({ type: "window" });
  if (!known) return void (await worker.clients.openWindow(path));
  await known.focus();
  known.postMessage({ open: path });
}
