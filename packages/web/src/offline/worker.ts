/** The worker beside the pages: started once the page is there, and heard where it opens a chat. */
const path = "/worker.js";
/** Its files are not to be in the way of what a person came for. */
const pauseMs = 4_000;

/** `open`: shows a chat that was chosen in a notice. */
export function startWorker(open: (path: string) => void): void {
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  navigator.serviceWorker.addEventListener("message", ({ data }) => {
    if (typeof data?.open === "string") open(data.open);
  });
  const start = () => setTimeout(() => navigator.serviceWorker.register(path).catch(() => {}), pauseMs);
  if (document.readyState === "complete") start();
  else addEventListener("load", start);
}

/** By the worker, if there is one: on phones browsers take notices of workers alone. */
export async function noticeByWorker(title: string, options: NotificationOptions): Promise<void> {
  const registration = await navigator.serviceWorker?.getRegistration();
  await registration?.showNotification(title, options);
}
