/** What the adapter of a store gives, and what several of them need: refusals, kinds of errors, pages of what was read whole. */
import type { Capability, ConformanceCode, ConformanceStore, ReadMessage, SentMessage } from "chatkeep/testing";

/** A store as the suite sees it. While it `isCounted`, appends and pages do only what the package does: nobody needs the places. */
export interface AdaptedStore extends ConformanceStore {
  isCounted: boolean;
}

/** SQL of the measuring side, never of the store under test. */
export type Query = (sql: string, values?: unknown[]) => Promise<unknown>;

/** What `adapter.ts` in the folder of a store exports. */
export interface StoreAdapter {
  /** Makes the tables, as the package's documentation says. */
  setUp(url: string): Promise<void>;
  openStore(url: string): Promise<AdaptedStore>;
  /** The case ids that the package does not claim, and why: it has no verb for it, or documents another behaviour. */
  notClaimed: Readonly<Record<string, string>>;
  /** Why each case that is not kept is not kept, as it was looked up. */
  why: Readonly<Record<string, string>>;
  /** Capabilities of which the package claims nothing. */
  without: readonly Capability[];
  /** What a reader must know to judge the results. */
  notes: readonly string[];
  /** Which package the column is about, and where it is not a package, what it is. */
  title: string;
  /** Sets every stored time of a conversation. */
  setTimes?(query: Query, conversationId: string, moment: Date): Promise<void>;
  /** Adds conversations without messages, and the table that messages are in. */
  fillUser?(query: Query, userId: string, total: number): Promise<void>;
  messagesTable: string;
  /** The answer after which an append is stored: to which statement, and the how many-th after it was sent. */
  stored?: { to: RegExp; nth: number };
  /** What the suite calls `changes`, as far as the package has it. */
  bringIn?(url: string): {
    bringIn(userId: string, id: string, messages: (SentMessage & { createdAt: Date })[]): Promise<void>;
    timeOf(userId: string, id: string, messageId: string): Promise<Date>;
  };
}

/** What an adapter refuses itself, with what the package told it. */
export class Refused extends Error {
  readonly code: ConformanceCode;
  constructor(code: ConformanceCode) {
    super(code === "not_found" ? "there is no such conversation" : "this id is taken");
    this.code = code;
  }
}

const away =
  /ECONNREFUSED|ECONNRESET|EPIPE|CONNECTION_|connection terminated|terminating connection|connection ended|not queryable|starting up|shutting down|client has encountered a connection error/i;
const awayStates = /^(57P0[1-5]|08\d{3})$/;

/** The kind of an error, by what PostgreSQL or its driver said first. */
export function codeOf(error: unknown): ConformanceCode | undefined {
  for (let each = error; each instanceof Error; each = each.cause) {
    if (each instanceof Refused) return each.code;
    const code = "code" in each ? String(each.code) : "";
    if (code === "23505") return "conflict";
    if (code === "23503") return "not_found";
    if (awayStates.test(code) || away.test(code) || away.test(each.message)) return "unavailable";
  }
  return undefined;
}

/** Numbers messages that were all read, and gives the page that is asked for. */
export function pageOf(
  all: readonly Omit<ReadMessage, "seq">[],
  { limit, before, after }: { limit: number; before?: number; after?: number },
): ReadMessage[] {
  const chosen = numbered(all).filter(({ seq }) => seq < (before ?? Infinity) && seq > (after ?? 0));
  return after === undefined ? chosen.slice(-limit) : chosen.slice(0, limit);
}

/** Of messages that were all read, those that were sent, in the order they were sent in. */
export function answerOf(all: readonly Omit<ReadMessage, "seq">[], sent: readonly SentMessage[]): ReadMessage[] {
  const byId = new Map(numbered(all).map((each) => [each.id, each]));
  return sent.flatMap(({ id }) => byId.get(id) ?? []);
}

function numbered(all: readonly Omit<ReadMessage, "seq">[]): ReadMessage[] {
  return all.map((each, index) => ({ ...each, seq: index + 1 }));
}

/** The parts of a message that may have been sent as words. */
export function partsOf({ content, parts }: SentMessage): { type: string; [key: string]: unknown }[] {
  return parts ?? [{ type: "text", text: content ?? "" }];
}

/** The words of a message that has parts. */
export function wordsOf(parts: readonly unknown[]): string {
  return (parts as { type: string; text?: string }[]).map(({ type, text }) => (type === "text" ? text : "")).join("");
}

/** Times for messages, each later than the one before, as a host gives them that makes its times itself. */
export function createClock(): () => Date {
  let last = 0;
  return () => {
    last = Math.max(Date.now(), last + 1);
    return new Date(last);
  };
}

/** One reason for several cases. */
export function cases(reason: string, ...ids: string[]): Record<string, string> {
  return Object.fromEntries(ids.map((id) => [id, reason]));
}

/** What no store but the suite's own promises: limits of size, and that an empty message is refused. */
export const ownLimits = cases("the limit is one of chatkeep's own", "C.10", "C.11");
