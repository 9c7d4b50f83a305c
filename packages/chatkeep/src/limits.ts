/** Every limit of the store, with its number. Each is named in the sentence of the error that it causes. */
export const limits = {
  /** Characters (code points) of the id of a conversation or a message. */
  idCharacters: 255,
  /** Bytes of the metadata of a conversation or a message, as JSON. */
  metadataBytes: 64 * 1024,
  /** Bytes of UTF-8 of what a conversation tells its model. */
  instructionsBytes: 64 * 1024,
  /** Characters (code points) of a title. */
  titleCharacters: 200,
  /** Bytes of UTF-8 that the content of a message may have, and bytes that its parts may have as JSON. */
  messageBytes: 16 * 1024 * 1024,
  /** Messages that one append, or one create, may carry. */
  messagesPerAppend: 100,
  /** Parts of one message. */
  partsPerMessage: 10_000,
  /** Faults that one error names; after so many the rest is not looked at. */
  issues: 20,
  /** Hours after which a temporary conversation is removed. */
  temporaryHours: 24,
  /** Days for which a store can be told to keep what was deleted. */
  trashDays: 3_650,
  /** Characters of the name of a server, a model or an error's code. */
  names: 255,
  /** Characters of the sentence that a failed reply shows. */
  sentence: 2_000,
  /** Characters of a cursor. */
  cursor: 500,
  /** Characters of what is searched for. */
  searchCharacters: 1_000,
  /** Bytes of messages, as they are stored, after which a page ends; it has at least one message. */
  pageBytes: 8 * 1024 * 1024,
  /** Bytes of one file. */
  fileBytes: 32 * 1024 * 1024,
  /** Bytes of all files of one user, where a store is given no other number; the same bytes count once. */
  userFileBytes: 1024 * 1024 * 1024,
  /** Characters (code points) of the name of a file. */
  fileNameCharacters: 255,
  /** Hours after which a file that no message names is removed. */
  unusedFileHours: 24,
  /** Days after which a file that a message names is looked at again. */
  usedFileCheckDays: 7,
  /** Entries of a page: at least 1, at most this. */
  pageSize: 100,
  /** Messages of a page: at least 1, at most this. */
  messagePageSize: 500,
  /** Conversations on a page when no limit is given. */
  conversationsPerPage: 20,
  /** Messages on a page when no limit is given. */
  messagesPerPage: 50,
} as const;
