/** What a statement says of an append that it has stored. */

/** How the conversation of an append was before it, and when it was stored. */
export interface Stored {
  /** Of the append, in the list that was given. */
  index: number;
  messageCount: number;
  headId: string | null;
  headExternalId: string | null;
  storedAt: Date;
}

export function storedFrom([index, messageCount, headId, headExternalId, storedAt]: readonly unknown[]): Stored {
  return {
    index: Number(index),
    messageCount: Number(messageCount),
    headId: headId as string | null,
    headExternalId: headExternalId as string | null,
    storedAt: new Date(Math.round(Number(storedAt))),
  };
}
