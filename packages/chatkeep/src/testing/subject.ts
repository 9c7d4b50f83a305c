/** What the conformance suite needs of a store: an adapter of some fifty lines, and what it can do beyond, as capabilities. */

/** A message as it is sent: with `content`, or with `parts`. */
export interface SentMessage {
  id: string;
  role: "user" | "assistant" | "system" | "tool";
  content?: string;
  parts?: { type: string; [key: string]: unknown }[];
  /** Any JSON. */
  metadata?: unknown;
}

/** A message as it is read. `seq` is its place: 1, 2, 3 … */
export interface ReadMessage {
  id: string;
  role: string;
  content: string;
  parts: unknown[] | null;
  metadata?: unknown;
  seq: number;
}

/** The kinds of refusal that the suite asks for. */
export type ConformanceCode = "conflict" | "not_found" | "invalid_input" | "too_large" | "unavailable";

/** The store under test, for any user. What it refuses it throws; `codeOf` says what kind of refusal that is. */
export interface ConformanceStore {
  /** Makes a user who may own conversations, and gives their id. */
  createUser(): Promise<string>;
  createConversation(userId: string, input?: { id?: string; messages?: SentMessage[] }): Promise<{ id: string }>;
  /** Stores all messages or none, and gives them as they are stored, in the order they were sent in. */
  append(userId: string, conversationId: string, messages: SentMessage[]): Promise<ReadMessage[]>;
  /** In ascending order of `seq`: the last `limit` ones, those below `before`, or those above `after`. */
  page(
    userId: string,
    conversationId: string,
    options: { limit: number; before?: number; after?: number },
  ): Promise<ReadMessage[]>;
  /** Newest activity first, without those in an archive. `cursor` is null after the last page. */
  list(userId: string, options: { limit: number; cursor?: string }): Promise<{ ids: string[]; cursor: string | null }>;
  deleteConversation(userId: string, conversationId: string): Promise<void>;
  deleteUser(userId: string): Promise<void>;
  codeOf(error: unknown): ConformanceCode | undefined;
  close(): Promise<void>;
}

/** What Postgres counted since `reset`. */
export interface Counted {
  statements: number;
  /** 8 kB blocks that were looked at, in memory or on disk. */
  blocks: number;
  walBytes: number;
}

/** What is measured: a store, and what can be done to it and counted of it. */
export interface Subject {
  store: ConformanceStore;
  /** `connections`: a further store on the same data, as another server would have it. */
  connect?: () => Promise<ConformanceStore>;
  /** `processes`: a module whose export `openStore(argument)` gives a store on the same data, for a process of its own. */
  worker?: { module: string; argument: string };
  /** `faults`: what can happen to a database and to the way there. */
  faults?: {
    /** Ends every connection that is open. */
    dropConnections(): Promise<void>;
    /** Kills the database without warning, and starts it again. */
    crash(): Promise<void>;
    /** Stops it, waits, and starts it again. */
    beAway(milliseconds: number): Promise<void>;
    /** Lets the next statement reach the database, and cuts the connection before its answer arrives. */
    loseNextAnswer(): void;
  };
  /** `clock`: sets every stored time of a conversation and its messages to one moment. */
  clock?: { setTimes(conversationId: string, moment: Date): Promise<void> };
  /** `counters`: what the database does for a statement, and many rows at once. */
  counters?: {
    count(work: () => Promise<unknown>): Promise<Counted>;
    fillConversation(userId: string, conversationId: string, total: number): Promise<void>;
    fillUser(userId: string, total: number): Promise<void>;
    /** Runs `work` while nobody can read a message. */
    withoutMessages<Result>(work: () => Promise<Result>): Promise<Result>;
  };
  /** `archive`: an archive, and conversations that are trees, of which one branch is shown. */
  archive?: {
    archive(userId: string, conversationId: string, archived: boolean): Promise<void>;
    /** The same as `append`, below a message that is not the last: another version of what follows it. */
    appendBelow(userId: string, conversationId: string, parentId: string, message: SentMessage): Promise<void>;
    /** Shows the branch that a message is on, to its newest end. */
    show(userId: string, conversationId: string, messageId: string): Promise<void>;
    /** The ids of the branch that is shown, from the first to the last. */
    shown(userId: string, conversationId: string): Promise<string[]>;
  };
  /** `whole`: ids are any text, roles are four, and messages have metadata. */
  whole?: true;
  /** `changes`: messages are changed in place and taken away, transcripts are saved, and history is brought in. */
  changes?: {
    /** What `update` is given of a message as it is read now. */
    revision(userId: string, conversationId: string, messageId: string): Promise<unknown>;
    update(
      userId: string,
      conversationId: string,
      messageId: string,
      content: string,
      revision: unknown,
    ): Promise<void>;
    redact(userId: string, conversationId: string, messageId: string): Promise<void>;
    truncate(userId: string, conversationId: string, afterMessageId: string): Promise<void>;
    save(userId: string, conversationId: string, messages: SentMessage[]): Promise<void>;
    /** The ids of the branch that is shown, from the first to the last. */
    shown(userId: string, conversationId: string): Promise<string[]>;
    bringIn(userId: string, conversationId: string, messages: (SentMessage & { createdAt: Date })[]): Promise<void>;
    timeOf(userId: string, conversationId: string, messageId: string): Promise<Date>;
  };
  /** An id is one user's, and another user may have it too, as where the users are on different servers: then `globalIds` is lacking. */
  idsPerUser?: boolean;
  close(): Promise<void>;
}

export const capabilities = [
  "connections",
  "processes",
  "faults",
  "clock",
  "counters",
  "archive",
  "whole",
  "changes",
  "globalIds",
] as const;

/** What a subject may have beside its store; what it lacks is declared in `without`. */
export type Capability = (typeof capabilities)[number];

export function has(subject: Subject, capability: Capability): boolean {
  if (capability === "globalIds") return !subject.idsPerUser;
  const key = ({ connections: "connect", processes: "worker" } as const)[capability as "connections"] ?? capability;
  return subject[key as keyof Subject] !== undefined;
}

/** A case of the suite. It fails by throwing. */
export interface ConformanceCase {
  id: string;
  title: string;
  needs: readonly Capability[];
  run(context: CaseContext): Promise<void>;
}

export interface CaseContext {
  subject: Subject;
  store: ConformanceStore;
  /** How often random things are tried. */
  rounds: number;
  seed: number;
  /** From 0 to below 1, the same for the same seed. */
  random(): number;
}
