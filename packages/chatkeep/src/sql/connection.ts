/** The port to a database: all that chatkeep needs of whatever a team reaches its PostgreSQL with. */

/** A value of a parameter. Lists and JSON go as text, so that no driver has to guess their types. */
export type Value = string | number | boolean | null;

/** Runs one statement whose parameters are `$1`, `$2` …; gives its rows, each as the list of its columns in their order. */
export type Query = (text: string, values?: readonly Value[], name?: string) => Promise<unknown[][]>;

/** How a transaction begins; as the database has it when left out. Inside another transaction they mean nothing. */
export interface TransactionOptions {
  isolationLevel?: "read committed" | "repeatable read" | "serializable" | undefined;
  accessMode?: "read write" | "read only" | undefined;
}

/**
 * Made by `openPg`, `openNeon`, `openPglite` and `openPostgresJs`, or from what a host has: `fromPg`, `fromPostgresJs`,
 * `fromDrizzle`, `fromKysely`, `fromPrisma`. One of your own needs `query` and `transaction`.
 */
export interface Connection {
  /**
   * Runs one statement. `name` stands for the text, for drivers that keep statements prepared; others leave it out.
   * Columns come as the driver has them: as PostgreSQL prints them, or already as numbers, booleans and JSON.
   * @throws what the driver throws, with the SQLSTATE as its `code` or as that of a `cause`
   */
  readonly query: Query;
  /**
   * Runs `work` in a transaction, and commits when it ends, or rolls back and throws what it throws. Inside a transaction that
   * is open already this is a savepoint: the transaction of a host is the host's to end.
   */
  transaction<Result>(work: (inside: Connection) => Promise<Result>, options?: TransactionOptions): Promise<Result>;
  /** Whether a transaction is open on it, or may be: then a statement that fails ends that, and is never tried again. */
  readonly isTransaction: boolean;
  /** Hears notifications, on a connection of its own; missing where the driver, or a pooler, passes none on. */
  readonly listen?: Listen | undefined;
  /** Opens one more, whose statements may take as long as they take, for migrations; missing where the database has one session only. */
  readonly openUnlimited?: (() => ClosableConnection) | undefined;
}

/** A connection that was opened here, and must be closed. */
export interface ClosableConnection extends Connection {
  close(): Promise<void>;
}

/** What listening gives: the way to end it. */
export interface Listening {
  close(): Promise<void>;
}

/** What is called while listening goes on. */
export interface ListenHandlers {
  /** With what was sent, at most 8,000 bytes. */
  onNotify(payload: string): void;
  /** The connection is gone; what is sent from now on is not heard. */
  onLost(): void;
}

/** Listens on a channel, whose name must be a plain identifier. @throws what the driver throws when it cannot */
export type Listen = (channel: string, handlers: ListenHandlers) => Promise<Listening>;
