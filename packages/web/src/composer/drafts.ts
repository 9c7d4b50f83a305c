/** What was written and is not stored on the server yet. It belongs to a person, and survives a reload where the browser lets it. */

const prefix = "chatkeep.draft.";

function key(personId: string, conversationId: string): string {
  return `${prefix}${personId}.${conversationId}`;
}

export function readDraft(personId: string, conversationId: string): string {
  try {
    return localStorage.getItem(key(personId, conversationId)) ?? "";
  } catch {
    return "";
  }
}

/** Too long a text, or a browser that keeps nothing, is no reason to fail: then it lives as long as the page. */
export function writeDraft(personId: string, conversationId: string, text: string): void {
  try {
    if (text) localStorage.setItem(key(personId, conversationId), text);
    else localStorage.removeItem(key(personId, conversationId));
  } catch {}
}

/** Whoever signs out leaves nothing behind for the next person. */
export function forgetDrafts(): void {
  try {
    for (const name of Object.keys(localStorage)) if (name.startsWith(prefix)) localStorage.removeItem(name);
  } catch {}
}
