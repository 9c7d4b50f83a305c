/** What the Claude Agent SDK asks of its option `sessionStore`, by shape alone: the SDK itself is not needed to compile or to run this. */

/** One transcript: a session's own, or with `subpath` that of a subagent of it. */
export interface SessionKey {
  /** A text of 1 to 1,000 characters; the SDK makes it of the working directory. */
  projectKey: string;
  /** A text of 1 to 255 characters; the SDK's is a UUID. */
  sessionId: string;
  /** Such as `subagents/agent-1`; a text of 1 to 1,000 characters. */
  subpath?: string | undefined;
}

/** What the SDK keeps of a session, piece by piece: any object of JSON with a `type`. */
export interface SessionEntry {
  type: string;
  uuid?: string;
  timestamp?: string;
  [key: string]: unknown;
}

/** What the SDK keeps of a session for its list; `data` is its own. */
export interface SessionSummary {
  sessionId: string;
  /** Milliseconds since 1970. */
  mtime: number;
  data: Record<string, unknown>;
}

/** The SDK's function of this name. */
export type FoldSessionSummary = (
  previous: SessionSummary | undefined,
  key: { projectKey: string; sessionId: string },
  entries: SessionEntry[],
) => SessionSummary;

/** A `SessionStore` of the SDK, with everything that it can make use of. */
export interface SessionStore {
  /**
   * Appends entries in order, all or none, and makes the conversation if there is none. An entry whose `uuid` is stored already is
   * ignored; one without a `uuid` is stored each time, except when the same list is given again after a failure.
   * @throws invalid_input for a key or an entry that is none
   */
  append(key: SessionKey, entries: SessionEntry[]): Promise<void>;
  /** All entries, in order; `null` where nothing was stored, or it is another user's. What other clients have said there is left out. */
  load(key: SessionKey): Promise<SessionEntry[] | null>;
  /** The sessions of a project, without their subagents, newest first; `mtime` in milliseconds since 1970. */
  listSessions(projectKey: string): Promise<{ sessionId: string; mtime: number }[]>;
  /** The summaries that are up to date; only where `foldSessionSummary` was given. */
  listSessionSummaries?(projectKey: string): Promise<SessionSummary[]>;
  /** Deletes a session with the transcripts of its subagents, or with `subpath` that one; nothing where there is none. */
  delete(key: SessionKey): Promise<void>;
  /** The `subpath`s of a session. */
  listSubkeys(key: { projectKey: string; sessionId: string }): Promise<string[]>;
}
