/** Keys that are pressed while one writes. */
import type { KeyboardEvent } from "react";

const composing = 229;

/** Whether the key belongs to an input method: Safari says that composing is over before the Enter that ended it. */
export function isComposing({ nativeEvent, keyCode }: KeyboardEvent): boolean {
  return nativeEvent.isComposing || keyCode === composing;
}
