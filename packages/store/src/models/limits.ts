/** Every limit of the store, with its number. Each is named in the sentence of the error that it causes. */
export const limits = {
  /** Characters (code points) of a title. */
  titleCharacters: 200,
  /** Bytes of UTF-8 that the content of a message may have, and bytes that its parts may have as JSON. */
  messageBytes: 16 * 1024 * 1024,
  /** Messages that one append, or one create, may carry. */
  messagesPerAppend: 100,
  /** Entries of a page: at least 1, at most this. */
  pageSize: 100,
  /** Conversations on a page when no limit is given. */
  conversationsPerPage: 20,
  /** Messages on a page when no limit is given. */
  messagesPerPage: 50,
} as const;
