/** Keys that work everywhere in the app. */
import { useEffect, useRef } from "react";

export interface Shortcut {
  /** As `KeyboardEvent.key` has it, in lower case. */
  key: string;
  /** With Ctrl, or Command on a Mac. */
  isCommand?: boolean;
  isShift?: boolean;
  onPress: () => void;
}

export function useShortcuts(shortcuts: readonly Shortcut[]): void {
  const latest = useRef(shortcuts);
  latest.current = shortcuts;
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const isWriting = event.target instanceof HTMLElement && event.target.matches("input, textarea, select");
      const found = latest.current.find(
        ({ key, isCommand = false, isShift = false }) =>
          event.key.toLowerCase() === key &&
          (event.ctrlKey || event.metaKey) === isCommand &&
          event.shiftKey === isShift &&
          (isCommand || !isWriting),
      );
      if (!found) return;
      event.preventDefault();
      found.onPress();
    };
    addEventListener("keydown", onKeyDown);
    return () => removeEventListener("keydown", onKeyDown);
  }, []);
}
