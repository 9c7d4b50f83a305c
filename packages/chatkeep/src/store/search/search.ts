/**
 * Finding messages by their words. The index only says which messages to read: whether one is meant is decided on its words as
 * they are now, so nothing is found that is not there any more, and nothing is missed that is not in the index yet.
 */
import { limits } from "../../limits.ts";
import { decodeCursorOf, encodeCursor } from "../../sql/cursor.ts";
import { type Context, inTransaction, within } from "../context.ts";
import { conversationName } from "../ids.ts";
import { parse } from "../input.ts";
import type { MessageRole } from "../tables/message.ts";
import type { UserId } from "../tables/tables.ts";
import { type Candidate, type Filter, indexed, messagesOf, pending, unindexed } from "./candidates.ts";
import { type Query, queryOf, scoreOf } from "./query.ts";
import { type SearchOptions, searchOptionsSchema } from "./search-schemas.ts";
import { type Snippet, snippetOf } from "./snippet.ts";
import { type SearchField, textsOf } from "./texts.ts";
import { type FoundTitle, findTitles } from "./titles.ts";
import { fold } from "./words.ts";

/** A message that was found. */
export interface SearchHit {
  conversationId: string;
  /** Of the conversation. */
  title: string | null;
  archived: boolean;
  messageId: string;
  seq: number;
  role: MessageRole;
  createdAt: Date;
  /** Where in the message the piece is from. */
  field: SearchField;
  /** A piece of the message around the words, which are marked in it. */
  snippet: Snippet;
}

/** A page of a search. */
export interface SearchPage {
  items: SearchHit[];
  /** The `cursor` of the next page; `null` at the end. */
  nextCursor: string | null;
  /** Conversations whose titles have all the words, newest activity first, up to `limit`; only on the first page. */
  conversations: FoundTitle[];
}

/** Of how many of the newest the best are chosen. */
const maxRanked = 400;

/** About how many messages are read at once: first as many as a page needs, and more when they were too few. */
const [firstRead, maxRead] = [25, 2_000];

/** @throws invalid_input */
export async function searchMessages(context: Context, ownerId: UserId, options: SearchOptions): Promise<SearchPage> {
  const given = parse(searchOptionsSchema, options, "search");
  const { limit = limits.conversationsPerPage, cursor, sort = "newest", in: fields = ["text"] } = given;
  const query = queryOf(given.text);
  const position = cursor === undefined ? undefined : positionOf(cursor, sort);
  const filter: Filter = {
    ownerId,
    conversationId: given.conversationId && conversationName(ownerId, given.conversationId).id,
    role: given.role,
    archived: given.archived,
    after: given.after,
    before: earlier(given.before, position && new Date(position.from.time)),
    fields,
  };
  const isBest = sort === "best";
  const kept = createKept(isBest ? maxRanked : limit + 1, position?.from, isBest);
  const look = (some: readonly Candidate[]) => {
    for (const candidate of some) {
      const texts = textsOf(candidate.content, candidate.parts, fields);
      const score = scoreOf(
        query,
        texts.map(({ text }) => fold(text)),
      );
      if (score > 0) kept.add(candidate, score, () => hitOf(query, candidate, fields));
    }
  };
  const isFirst = cursor === undefined && given.conversationId === undefined && given.role === undefined;
  const titles = () => (isFirst ? findTitles(context, ownerId, query, { ...filter, limit }) : []);
  const conversations = await lookAtAll(context, filter, query, kept, look, titles);
  const found = isBest ? ranked(kept.all(), position) : kept.all();
  const items = found.slice(0, limit);
  const [last, newest] = [items.at(-1), kept.all()[0]];
  return {
    items: items.map(({ hit }) => hit()),
    nextCursor:
      last && newest && found.length > limit ? cursorOf(last, isBest ? (position?.from ?? newest) : undefined) : null,
    conversations,
  };
}

/**
 * All messages that may be meant, and the conversations by their titles. In one snapshot no message can move from where it will be
 * looked for to where that was done already. In a transaction of the caller's it can: what waits for a block is looked at before the
 * blocks and after.
 */
async function lookAtAll<Titles>(
  context: Context,
  filter: Filter,
  query: Query,
  kept: Kept,
  look: (some: readonly Candidate[]) => void,
  titles: () => Titles | Promise<Titles>,
): Promise<Titles> {
  const { connection } = context;
  const known = new Set<string>();
  const lookIn = async (through: Context) => {
    for await (const some of pending(through, filter, known)) look(some);
    for await (const some of unindexed(through, filter)) look(some);
    await lookInBlocks(through, filter, query, kept, look);
  };
  if (connection.isTransaction) {
    await lookIn(context);
    for await (const some of pending(context, filter, known)) look(some);
    return titles();
  }
  const snapshot = inTransaction(connection, (inside) => lookIn(within(context, inside)), {
    isolationLevel: "repeatable read",
  });
  const [found] = await Promise.all([titles(), snapshot]);
  return found;
}

async function lookInBlocks(
  context: Context,
  filter: Filter,
  query: Query,
  kept: Kept,
  look: (some: readonly Candidate[]) => void,
): Promise<void> {
  for await (const { blocks } of indexed(context, filter, query)) {
    const sorted = blocks.toSorted((one, other) => other.newest - one.newest);
    for (let from = 0, most = firstRead; from < sorted.length; most = Math.min(maxRead, most * 2)) {
      if (kept.isEnough(sorted[from]?.newest ?? 0)) return;
      const ids: string[] = [];
      for (; from < sorted.length && ids.length < most; from += 1) ids.push(...(sorted[from]?.ids ?? []));
      for await (const rows of messagesOf(context, filter, ids)) look(rows);
    }
  }
}

interface Key {
  time: number;
  seq: number;
  id: string;
}

interface Found extends Key {
  score: number;
  hit: () => SearchHit;
}

type Kept = ReturnType<typeof createKept>;

/** The newest of what was found, each once. */
function createKept(most: number, from: Key | undefined, includesFrom: boolean) {
  const all: Found[] = [];
  const ids = new Set<string>();
  const sort = () => {
    all.sort(byTime);
    for (const { id } of all.splice(most)) ids.delete(id);
  };
  return {
    add: ({ rowId: id, seq, createdAt: time }: Candidate, score: number, hit: () => SearchHit) => {
      if (ids.has(id)) return;
      const order = from ? byTime({ time, seq, id }, from) : 1;
      if (order < 0 || (order === 0 && !includesFrom)) return;
      ids.add(id);
      all.push({ time, seq, id, score, hit });
      if (all.length > 2 * most) sort();
    },
    /** Whether nothing that is as old as that, or older, has a place here. */
    isEnough: (time: number) => {
      sort();
      return all.length === most && (all.at(-1) as Found).time > time;
    },
    all: () => {
      sort();
      return all;
    },
  };
}

/** Newest first; what was stored together in its order. */
function byTime(one: Key, other: Key): number {
  return other.time - one.time || other.seq - one.seq || (one.id < other.id ? 1 : one.id > other.id ? -1 : 0);
}

function byScore(one: Found, other: Found): number {
  return other.score - one.score || byTime(one, other);
}

function ranked(found: readonly Found[], position: Position | undefined): Found[] {
  const sorted = found.toSorted(byScore);
  const { last } = position ?? {};
  return last ? sorted.filter((each) => byScore(each, { ...last, hit: each.hit }) > 0) : sorted;
}

interface Position {
  /** By time: where the page begins, or with `last` the newest of all pages. */
  from: Key;
  /** The last of the page before, where the best are first. */
  last?: Key & { score: number };
}

function cursorOf(last: Found, from: Key | undefined): string {
  const key = ({ time, seq, id }: Key) => [time, seq, id];
  return encodeCursor(from ? [...key(from), Math.round(last.score * 1000), ...key(last)] : key(last));
}

/** @throws invalid_input */
function positionOf(cursor: string, sort: "newest" | "best"): Position {
  const key = (values: readonly (string | number)[]): Key => {
    const [time, seq, id] = values;
    return { time: Number(time), seq: Number(seq), id: String(id) };
  };
  if (sort === "newest") return { from: key(decodeCursorOf(cursor, ["number", "number", "id"])) };
  const values = decodeCursorOf(cursor, ["number", "number", "id", "number", "number", "number", "id"]);
  return { from: key(values.slice(0, 3)), last: { score: Number(values[3]) / 1000, ...key(values.slice(4)) } };
}

function earlier(one: Date | undefined, other: Date | undefined): Date | undefined {
  return one && other ? (one < other ? one : other) : (one ?? other);
}

function hitOf(query: Query, candidate: Candidate, fields: readonly SearchField[]): SearchHit {
  const { id, conversationId, title, archived, seq, role, createdAt, content, parts } = candidate;
  const about = { conversationId, title, archived, messageId: id, seq, role, createdAt: new Date(createdAt) };
  const texts = textsOf(content, parts, fields);
  for (const { field, text } of texts) {
    const snippet = snippetOf(query, text);
    if (snippet) return { ...about, field, snippet };
  }
  const [first] = texts;
  return {
    ...about,
    field: first?.field ?? "text",
    snippet: { text: (first?.text ?? "").slice(0, 200).toWellFormed(), marks: [] },
  };
}
