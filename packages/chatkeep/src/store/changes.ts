/** What a store has committed, and who is told of it: after the commit, and nothing of what was rolled back. */
import type { UserId } from "./tables/tables.ts";

/** A conversation is new, another than before, or gone; a run has begun or ended, or was asked to stop. */
export type Change = { userId: UserId; conversationId: string } | { runId: string; isStop?: true | undefined };

export interface Changes {
  listeners: Set<(change: Change) => void>;
  changed(change: Change): void;
}

export function createChanges(): Changes {
  const listeners = new Set<(change: Change) => void>();
  return {
    listeners,
    changed: (change) => {
      for (const listener of listeners) listener(change);
    },
  };
}

/** Runs attempts that keep what they change; what the last one kept is told when it has succeeded. */
export async function told<Result>(
  changed: (change: Change) => void,
  attempt: (keep: (change: Change) => void, begin: () => void) => Promise<Result>,
): Promise<Result> {
  let changes: Change[] = [];
  const result = await attempt(
    (change) => void changes.push(change),
    () => {
      changes = [];
    },
  );
  for (const change of changes) changed(change);
  return result;
}
