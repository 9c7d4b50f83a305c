/** What every verb needs: the database, its tables, the statements that are made already, and who is told of what changes. */
import { createHash } from "node:crypto";
import { ConflictError } from "../errors.ts";
import { type Observer, observed } from "../observer.ts";
import type { Connection, TransactionOptions } from "../sql/connection.ts";
import { param, type Sql, type Statement, statementOf, type Values } from "../sql/sql.ts";
import { isRetryable, isUniqueViolation, translate } from "../sql/sqlstate.ts";
import type { Change } from "./changes.ts";
import type { Creation } from "./conversations/creation.ts";
import type { FileStorage } from "./files/storage.ts";
import type { Lanes } from "./lanes.ts";
import type { Append } from "./messages/outgoing.ts";
import { onOneNode } from "./on-one-node.ts";
import type { Replica } from "./replica.ts";
import type { Conversation } from "./tables/conversation.ts";
import type { Message, Part } from "./tables/message.ts";
import type { Tables, UserId } from "./tables/tables.ts";
import { ownersWall, unsaid, type Wall, walledText } from "./wall.ts";

/**
 * The parts of a reply from the chunks that its server stored before it died, in their order; `earlier` are those that it had
 * before, when it went on.
 */
export type PartsOf = (chunks: readonly string[], earlier: readonly Part[]) => Part[] | Promise<Part[]>;

/** Of a write that may share a statement with others: whose it is, and where it goes. */
export interface Grouped {
  ownerId: UserId;
  conversationId: string;
}

/** Where writes that wait at the same moment share a statement. */
export interface GroupCommit<Write extends Grouped, Result> {
  /** Takes short writes only. @throws what a write alone throws */
  add(write: Write): Promise<Result>;
}

/** One for each kind of write that is asked for by many at once. */
interface GroupCommits {
  append: GroupCommit<Append, Message[]>;
  create: GroupCommit<Creation, Conversation | undefined>;
}

export interface Context {
  readonly connection: Connection;
  readonly tables: Tables;
  /** Each text is made once, for all connections and transactions. */
  readonly statements: Map<string, MadeStatement>;
  readonly runLeaseMs: number;
  readonly partsOf: PartsOf;
  /** For how long what is deleted can be restored; 0: not at all. */
  readonly trashDays: number;
  /** Messages may name no files but those that are there. */
  readonly requiresFiles: boolean;
  /** Of all files of one user. */
  readonly userFileBytes: number;
  /** Where the bytes of new files go; the database when left out. */
  readonly fileStorage: FileStorage | undefined;
  /** Where writes meet; missing in a transaction, which has one connection and one end. */
  readonly groupCommit: GroupCommits | undefined;
  /** Where verbs may read that change nothing; missing in a transaction, which must see what it has written. */
  readonly replica: Replica | undefined;
  /** To be called with what a verb has changed; in a transaction it waits for the commit. */
  changed(change: Change): void;
  /** Where those wait who need the row lock of a conversation; missing in a transaction, which holds its connection anyway. */
  readonly lanes: Lanes | undefined;
  /** Is told of each verb and each statement. */
  readonly observer?: Observer | undefined;
  /** Row-level security stands before the tables. */
  readonly isWalled: boolean;
  /** The tables are spread over the nodes of a Citus cluster. */
  readonly isDistributed: boolean;
  /** Whose the statements are, where it does. */
  readonly wall?: Wall | undefined;
}

/** Runs a verb, or a step of one, with what it needs. */
export type Runner = <Result>(verb: (context: Context) => Promise<Result>) => Promise<Result>;

/** How the verbs of one user run. */
export interface VerbRunner {
  run: Runner;
  /** For verbs that only read: of the replica, where there is one that has all of it. */
  read: Runner;
  /** For verbs that take the row lock of a conversation: they wait for each other where no connection is held. */
  runIn<Result>(conversationId: string, verb: (context: Context) => Promise<Result>): Promise<Result>;
}

/** The same in a transaction. */
export function within(context: Context, connection: Connection): Context {
  return { ...context, connection, groupCommit: undefined, replica: undefined, lanes: undefined };
}

/**
 * Waits where no connection is held until nothing else of this owner is under way in the conversation, and few others are: what an
 * owner's statements wait for, such as the end of a user who is being deleted, holds up nobody else. @throws unavailable
 */
export function inLane<Result>(
  { lanes }: Context,
  ownerId: UserId,
  conversationId: string | undefined,
  work: () => Promise<Result>,
): Promise<Result> {
  return lanes ? lanes.run(ownerId, conversationId, work) : work();
}

export interface MadeStatement extends Statement {
  name: string;
}

export interface PreparedStatement<Row> {
  /** The values of the parameters, by name; or in a list, where their names are its places. */
  execute(values?: Values): Promise<Row[]>;
}

/** The statement of this name, whose text is built the first time. `read` makes a row of its columns. */
export function prepared<Row>(
  {
    connection,
    statements,
    observer,
    wall,
    isDistributed,
  }: Pick<Context, "connection" | "statements" | "observer" | "wall" | "isDistributed">,
  name: string,
  build: () => Sql,
  read: (columns: readonly unknown[]) => Row,
): PreparedStatement<Row> {
  return {
    execute: async (given = {}) => {
      const gate = wall?.said ? undefined : wall;
      const key = gate ? gate.name + name : name;
      const known = statements.get(key);
      const made = known ?? make(name, build(), gate, isDistributed);
      if (!known) statements.set(key, made);
      const values = made.valuesOf(given);
      if (gate?.owners !== undefined) values.push(gate.owners);
      const query = () => connection.query(made.text, values, made.name);
      const rows = await (observer ? observed(observer, "statement", plainName(name), query) : query());
      if (gate?.said === false) gate.said = true;
      return rows.map((row) => read(row));
    },
  };
}

/** Without how many rows it is made for. */
function plainName(name: string): string {
  return name.replace(/_\d+$/, "");
}

/** The name ends with a hash of the text: a connection refuses a second text under one name, and two stores may share a pool. */
function make(name: string, piece: Sql, wall: Wall | undefined, isDistributed: boolean): MadeStatement {
  const { text: given, valuesOf, parameters } = statementOf(piece);
  const plain = isDistributed ? onOneNode(given) : given;
  const text = wall ? walledText(plain, parameters, wall) : plain;
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 8);
  return { text, valuesOf, parameters, name: `chatkeep_${name}_${hash}` };
}

/** The same for statements of these owners. */
export function ownedBy(context: Context, owners: readonly UserId[]): Context {
  return context.isWalled ? { ...context, wall: ownersWall(owners) } : context;
}

/** The parameter `ownerId`. */
export function owner({ tables }: Context): Sql {
  return param("ownerId", tables.userType);
}

/** Of an insert whose ids were taken meanwhile. */
const attempts = 4;
/** Of a verb; PostgreSQL looks for deadlocks once a second, and may choose the same one again. */
const deadlocks = 8;
/** After which nothing is tried again, however few times it was. */
const retryForMs = 10_000;

/** Runs a verb: what drivers throw gets a code, and a deadlock is tried again unless a transaction of the caller's is open. */
export async function guarded<Result>(connection: Connection, verb: () => Promise<Result>): Promise<Result> {
  const until = performance.now() + retryForMs;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await verb();
    } catch (error) {
      const isLast = attempt === deadlocks || performance.now() > until;
      if (isLast || !isRetryable(error) || connection.isTransaction) throw translate(error);
      await pause(attempt);
    }
  }
}

/** Runs `work` in a transaction (a savepoint inside another one), again after a deadlock or a serialization failure. */
export function inTransaction<Result>(
  connection: Connection,
  work: (inside: Connection) => Promise<Result>,
  options?: TransactionOptions,
): Promise<Result> {
  return guarded(connection, () => connection.transaction(work, options));
}

/** The same for a verb: what it changes is told after the commit, and nothing of what was rolled back. */
export async function changing<Result>(context: Context, work: (context: Context) => Promise<Result>): Promise<Result> {
  let changes: Change[] = [];
  const result = await inTransaction(context.connection, (inside) => {
    changes = [];
    const changed = (change: Change) => void changes.push(change);
    return work({ ...within(context, inside), changed, wall: unsaid(context.wall) });
  });
  for (const change of changes) context.changed(change);
  return result;
}

/**
 * Runs a statement that inserts under ids from outside. A unique violation the first time may mean that the same
 * append has just been committed by another connection, so it runs again and sees it; after that the id is taken elsewhere.
 * @throws conflict
 */
export async function withTakenIds<Result>(
  context: Context,
  statement: (context: Context) => Promise<Result>,
  sentence: string,
): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await savepointed(context, statement);
    } catch (error) {
      if (!isUniqueViolation(error)) throw error;
      if (attempt === attempts) throw new ConflictError(sentence);
    }
  }
}

/** A failed statement ends a whole transaction; inside one of the caller's it gets a savepoint of its own. */
export function savepointed<Result>(
  context: Context,
  statement: (context: Context) => Promise<Result>,
): Promise<Result> {
  const { connection } = context;
  if (!connection.isTransaction) return statement(context);
  return connection.transaction((inside) => statement({ ...within(context, inside), wall: unsaid(context.wall) }));
}

function pause(attempt: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 2 ** attempt * 5 * (0.5 + Math.random())));
}
