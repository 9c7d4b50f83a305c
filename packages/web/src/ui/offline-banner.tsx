/** Says when the browser has no network. */
import { useSyncExternalStore } from "react";
import { t } from "../strings/index.ts";

function subscribe(listener: () => void): () => void {
  addEventListener("online", listener);
  addEventListener("offline", listener);
  return () => {
    removeEventListener("online", listener);
    removeEventListener("offline", listener);
  };
}

export function OfflineBanner() {
  const isOnline = useSyncExternalStore(subscribe, () => navigator.onLine);
  return (
    <div role="status" className="bg-ink px-4 py-2 text-center text-page text-sm empty:hidden">
      {isOnline ? "" : t.offline}
    </div>
  );
}
