/** A message that is to be shown: whoever has found it says so, and the conversation goes there once it has read that far. */

let wanted: { conversationId: string; messageId: string } | undefined;
const listeners = new Set<() => void>();

export function jumpTo(conversationId: string, messageId: string): void {
  wanted = { conversationId, messageId };
  for (const listener of listeners) listener();
}

/** It is shown, or cannot be. */
export function hasJumped(): void {
  wanted = undefined;
  for (const listener of listeners) listener();
}

export function wantedIn(conversationId: string): string | undefined {
  return wanted?.conversationId === conversationId ? wanted.messageId : undefined;
}

export function subscribeToJumps(listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}
