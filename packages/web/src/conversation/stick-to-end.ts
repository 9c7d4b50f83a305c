/**
 * Keeps the end in view while it grows, until the reader scrolls up, however little; then what is being read stays where it
 * is, whatever comes in above or changes its height. Browsers' own scroll anchoring is not everywhere, so it is turned off and
 * done here.
 */
import { type RefObject, useCallback, useLayoutEffect, useRef, useState } from "react";

/** So near the end one comes back to it, scrolling down. */
const nearEndPixels = 80;
const atEndPixels = 2;

interface Stick {
  ref: RefObject<HTMLDivElement | null>;
  /** The reader has gone away from the end. */
  isAway: boolean;
  /** Goes to the end, and stays there: for one's own message. */
  toEnd: () => void;
}

interface Place {
  atEnd: boolean;
  top: number;
  /** The first message that is in view, and where it is. */
  anchor: { element: Element; top: number } | undefined;
}

export function useStickToEnd(messages: readonly { id: string }[]): Stick {
  const ref = useRef<HTMLDivElement>(null);
  const place = useRef<Place>({ atEnd: true, top: 0, anchor: undefined });
  const [isAway, setIsAway] = useState(false);

  const remember = useCallback((box: HTMLElement) => {
    place.current = placeIn(box, place.current);
    setIsAway(!place.current.atEnd);
  }, []);
  const restore = useCallback(
    (box: HTMLElement) => {
      // The reader may have scrolled up just now, and the browser not have said so yet.
      if (box.scrollTop < place.current.top) remember(box);
      const { atEnd, anchor } = place.current;
      if (atEnd) box.scrollTop = box.scrollHeight;
      else if (anchor?.element.isConnected) box.scrollTop += topIn(box, anchor.element) - anchor.top;
      place.current.top = box.scrollTop;
    },
    [remember],
  );

  useLayoutEffect(() => {
    const box = ref.current;
    if (!box) return;
    const onScroll = () => remember(box);
    // Text that is laid out later, and a window that changes its size, move things too.
    const follow = new ResizeObserver(() => restore(box));
    follow.observe(box);
    if (box.firstElementChild) follow.observe(box.firstElementChild);
    box.addEventListener("scroll", onScroll, { passive: true });
    return () => {
      follow.disconnect();
      box.removeEventListener("scroll", onScroll);
    };
  }, [remember, restore]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: every change of the messages may change the height
  useLayoutEffect(() => {
    if (ref.current) restore(ref.current);
  }, [messages]);

  const toEnd = useCallback(() => {
    const box = ref.current;
    if (!box) return;
    box.scrollTop = box.scrollHeight;
    place.current = { atEnd: true, top: box.scrollTop, anchor: undefined };
    setIsAway(false);
  }, []);
  return { ref, isAway, toEnd };
}

function placeIn(box: HTMLElement, before: Place): Place {
  const { scrollTop: top, scrollHeight, clientHeight } = box;
  const left = scrollHeight - top - clientHeight;
  const isUp = top < before.top;
  const atEnd = left <= atEndPixels || (!isUp && (before.atEnd || left < nearEndPixels));
  return { atEnd, top, anchor: anchorIn(box) };
}

/** Found by halving: a conversation may have thousands of messages in the page. */
function anchorIn(box: HTMLElement): Place["anchor"] {
  const messages = box.querySelectorAll('[role="log"] [data-message]');
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
