/**
 * Keeps the end in view while it grows, until the reader scrolls up; then what is being read stays where it is, whatever
 * comes in above or changes its height. Browsers' own scroll anchoring is not everywhere, so it is turned off and done here.
 */
import { type RefObject, useLayoutEffect, useRef } from "react";

const nearEndPixels = 80;

interface Stick {
  ref: RefObject<HTMLDivElement | null>;
  /** Goes to the end, and stays there: for one's own message. */
  toEnd: () => void;
}

interface Place {
  atEnd: boolean;
  /** The first message that is in view, and where it is. */
  anchor: { element: Element; top: number } | undefined;
}

export function useStickToEnd(messages: readonly { id: string }[]): Stick {
  const ref = useRef<HTMLDivElement>(null);
  const place = useRef<Place>({ atEnd: true, anchor: undefined });

  useLayoutEffect(() => {
    const box = ref.current;
    if (!box) return;
    const remember = () => {
      place.current = {
        atEnd: box.scrollHeight - box.scrollTop - box.clientHeight < nearEndPixels,
        anchor: anchorIn(box),
      };
    };
    // Text that is laid out later, and a window that changes its size, move things too.
    const follow = new ResizeObserver(() => restore(box, place.current));
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
    if (ref.current) restore(ref.current, place.current);
  }, [messages]);

  const toEnd = useRef(() => {
    place.current = { atEnd: true, anchor: undefined };
    if (ref.current) ref.current.scrollTop = ref.current.scrollHeight;
  }).current;
  return { ref, toEnd };
}

function restore(box: HTMLElement, { atEnd, anchor }: Place): void {
  if (atEnd) box.scrollTop = box.scrollHeight;
  else if (anchor?.element.isConnected) box.scrollTop += topIn(box, anchor.element) - anchor.top;
}

/** Found by halving: a conversation may have thousands of messages in the page. */
function anchorIn(box: HTMLElement): Place["anchor"] {
  const messages = box.querySelector('[role="log"]')?.children ?? [];
  let [from, to] = [0, messages.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    const rect = messages[middle]?.getBoundingClientRect();
    if (rect && rect.bottom > box.getBoundingClientRect().top) to = middle;
    else from = middle + 1;
  }
  const element = messages[from];
  return element && { element, top: topIn(box, element) };
}

function topIn(box: Element, element: Element): number {
  return element.getBoundingClientRect().top - box.getBoundingClientRect().top;
}
