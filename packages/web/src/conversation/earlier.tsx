/** What stands for the messages above, and asks for them. */
import { useEffect, useRef } from "react";
import { t } from "../strings/index.ts";
import { messagesLaidOut } from "./part-view.tsx";

/** Asks for the page above when it comes into view. */
export function Earlier({ isLoading, onVisible }: { isLoading: boolean; onVisible: () => void }) {
  const ref = useRef<HTMLDivElement>(null);
  const latest = useRef(onVisible);
  latest.current = onVisible;
  useEffect(() => {
    const mark = ref.current;
    if (isLoading || !mark) return;
    const watch = new IntersectionObserver(([entry]) => entry?.isIntersecting && latest.current(), {
      root: mark.closest("[data-scroller]"),
      rootMargin: "600px 0px 0px 0px",
    });
    let isOver = false;
    void messagesLaidOut().then(() => isOver || watch.observe(mark));
    return () => {
      isOver = true;
      watch.disconnect();
    };
  }, [isLoading]);
  return (
    <div ref={ref} className="mb-6 min-h-5 text-center text-quiet text-sm">
      <span className="animate-pulse print:hidden">{t.chat.earlier}</span>
      <span className="hidden print:inline">{t.chat.notAllPrinted}</span>
    </div>
  );
}
