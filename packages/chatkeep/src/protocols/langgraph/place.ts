/** Where a config of LangGraph points: whose thread, which namespace in it, which checkpoint. */
import type { RunnableConfig } from "@langchain/core/runnables";
import { getCheckpointId } from "@langchain/langgraph-checkpoint";
import { InvalidInputError } from "../../errors.ts";
import { isStorable } from "../../store/schemas.ts";
import { checkpointLimits } from "./limits.ts";

/** What a config says. */
export interface Place {
  threadId: string | undefined;
  /** `undefined` where it is not said, which means the root to a checkpoint and all of them to a list. */
  namespace: string | undefined;
  checkpointId: string | undefined;
}

/** A checkpoint by its whole name in what one user has. */
export interface Key {
  threadId: string;
  namespace: string;
  checkpointId: string;
}

/** @throws invalid_input for what is there and is no text that can be stored */
export function placeOf(config: RunnableConfig | undefined): Place {
  const configurable = config?.configurable ?? {};
  return {
    threadId: textAt(configurable["thread_id"], "thread_id"),
    namespace: textAt(configurable["checkpoint_ns"], "checkpoint_ns"),
    checkpointId: textAt(config?.configurable ? getCheckpointId(config) : undefined, "checkpoint_id") || undefined,
  };
}

/** @throws invalid_input */
export function requireThread({ threadId }: Place, method: string): string {
  if (threadId) return threadId;
  throw new InvalidInputError(
    `${method} needs a thread: pass { configurable: { thread_id } }, any text that names the conversation.`,
  );
}

function textAt(value: unknown, what: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  return storable(value, `configurable.${what}`);
}

/** @throws invalid_input */
export function storable(value: unknown, what: string): string {
  if (typeof value !== "string") throw new InvalidInputError(`${what} must be a text, not a ${typeof value}.`);
  if (isStorable(value)) return value;
  throw new InvalidInputError(`${what} must not contain the character NUL, or half of a surrogate pair.`);
}

/** @throws invalid_input when the parts of a key are longer than an index of PostgreSQL takes */
export function requireShort({ threadId, namespace, checkpointId }: Key, further: readonly string[]): void {
  const longest = further.reduce((most, each) => Math.max(most, Buffer.byteLength(each)), 0);
  const bytes = [threadId, namespace, checkpointId].reduce((sum, each) => sum + Buffer.byteLength(each), longest);
  if (bytes <= checkpointLimits.keyBytes) return;
  throw new InvalidInputError(
    `thread_id, checkpoint_ns, checkpoint_id and the name of a channel or task have ${bytes} bytes together, and may have ${checkpointLimits.keyBytes}: use shorter names.`,
  );
}
