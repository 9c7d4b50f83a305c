/** Conversations whose answer ended while nobody looked, in this browser: until a tab that shows one takes it out. */
import { useEffect, useSyncExternalStore } from "react";
import { remember, remembered } from "../ui/remembered.ts";

const most = 200;
const events = new EventTarget();
let name = "";
/** As it was read last: it is parsed when it has changed. */
let known = { text: "", ids: [] as readonly string[] };

/** Each person has others. */
export function unreadOf(personId: string): void {
  name = `unread.${personId}`;
}

export function markUnread(id: string): void {
  write([...read().filter((each) => each !== id), id].slice(-most));
}

export function useIsUnread(id: string): boolean {
  return useSyncExternalStore(subscribe, () => read().includes(id));
}

/** Of what is on the screen. */
export function useRead(id: string): void {
  const isUnread = useIsUnread(id);
  useEffect(() => {
    if (!isUnread) return;
    const see = () => {
      if (document.visibilityState === "visible") write(read().filter((each) => each !== id));
    };
    see();
    document.addEventListener("visibilitychange", see);
    return () => document.removeEventListener("visibilitychange", see);
  }, [isUnread, id]);
}

function write(ids: readonly string[]): void {
  remember(name, JSON.stringify(ids));
  events.dispatchEvent(new Event("change"));
}

function read(): readonly string[] {
  const text = remembered(name) ?? "[]";
  if (text !== known.text) known = { text, ids: idsIn(text) };
  return known.ids;
}

function idsIn(text: string): readonly string[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
  } catch {
    return [];
  }
}

function subscribe(listener: () => void): () => void {
  events.addEventListener("change", listener);
  addEventListener("storage", listener);
  return () => {
    events.removeEventListener("change", listener);
    removeEventListener("storage", listener);
  };
}
