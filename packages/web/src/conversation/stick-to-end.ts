/** Keeps the end in view while it grows, until the reader scrolls up; keeps the place when earlier messages come in above. */
import { type RefObject, useLayoutEffect, useRef } from "react";

const nearEndPixels = 80;

interface Stick {
  ref: RefObject<HTMLDivElement | null>;
  /** Goes to the end, and stays there: for one's own message. */
  toEnd: () => void;
}

export function useStickToEnd(messages: readonly { id: string }[]): Stick {
  const ref = useRef<HTMLDivElement>(null);
  const place = useRef({ atEnd: true, first: undefined as string | undefined, height: 0 });
  const first = messages[0]?.id;

  useLayoutEffect(() => {
    const box = ref.current;
    if (!box) return;
    const remember = () => {
      place.current.atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < nearEndPixels;
    };
    // Text that is laid out later, and a window that changes its size, move the end too.
    const follow = new ResizeObserver(() => {
      if (place.current.atEnd) box.scrollTop = box.scrollHeight;
    });
    follow.observe(box);
    if (box.firstElementChild) follow.observe(box.firstElementChild);
    box.addEventListener("scroll", remember, { passive: true });
    return () => {
      follow.disconnect();
      box.removeEventListener("scroll", remember);
    };
  }, []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: every change of the messages may change the height
  useLayoutEffect(() => {
    const box = ref.current;
    if (!box) return;
    const { atEnd, first: before, height } = place.current;
    if (atEnd) box.scrollTop = box.scrollHeight;
    else if (before !== first) box.scrollTop += box.scrollHeight - height;
    place.current.first = first;
    place.current.height = box.scrollHeight;
  }, [messages, first]);

  const toEnd = () => {
    place.current.atEnd = true;
    if (ref.current) ref.current.scrollTop = ref.current.scrollHeight;
  };
  return { ref, toEnd };
}
