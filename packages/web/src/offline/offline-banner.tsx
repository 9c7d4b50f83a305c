/** Says when the browser has no network, and when what one sees is what it has kept. */
import { useSyncExternalStore } from "react";
import { t } from "../strings/index.ts";
import { isKeptShown, whenKeptShown } from "./kept.ts";

function subscribe(listener: () => void): () => void {
  addEventListener("online", listener);
  addEventListener("offline", listener);
  const end = whenKeptShown(listener);
  return () => {
    removeEventListener("online", listener);
    removeEventListener("offline", listener);
    end();
  };
}

export function OfflineBanner() {
  const isOnline = useSyncExternalStore(subscribe, () => navigator.onLine);
  const isKept = useSyncExternalStore(subscribe, isKeptShown);
  return (
    <div role="status" className="bg-ink px-4 py-2 text-center text-page text-sm empty:hidden print:hidden">
      {!isOnline ? t.offline : isKept ? t.kept : ""}
    </div>
  );
}
