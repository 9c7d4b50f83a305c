/** What replies need of a notifier, and one for where there is none: it hears this process, and lets the database be asked for the rest. */
import type { Notification, Notifier } from "../notify/notifier.ts";
import type { Store } from "../store/store.ts";

/** Of a notifier, which is told what its store commits: `store.onChange(notifier.publish)`. */
export type ReplyNotifier = Pick<Notifier, "publish" | "subscribe" | "keepListening" | "isListening">;

export interface LocalNotifier extends ReplyNotifier {
  close(): void;
}

export function createLocalNotifier(store: Pick<Store, "onChange">): LocalNotifier {
  const subscribers = new Set<(change: Notification | undefined) => void>();
  const publish = (change: Notification) => {
    for (const subscriber of subscribers) subscriber(change);
  };
  const close = store.onChange(publish);
  return {
    publish,
    subscribe: (subscriber) => void subscribers.add(subscriber),
    keepListening: () => () => {},
    isListening: () => false,
    close,
  };
}
