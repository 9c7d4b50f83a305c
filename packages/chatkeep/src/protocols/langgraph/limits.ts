/** What of a thread may be how large. Each is named in the sentence of the error that it causes. */
export const checkpointLimits = {
  /** Bytes of UTF-8 of `thread_id`, `checkpoint_ns`, `checkpoint_id` and the name of a channel or a task, together: they are a key. */
  keyBytes: 2_000,
  /** Bytes of all values of one `put`, or one `putWrites`, as they are serialized. */
  valueBytes: 64 * 1024 * 1024,
  /** Channels of a checkpoint, and writes of one task. */
  entries: 10_000,
} as const;
