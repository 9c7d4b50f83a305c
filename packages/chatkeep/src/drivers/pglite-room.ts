/** A full disk makes PGlite spin for ever: while there is little room, the database takes no writes, and says why. */
import type { PGlite, Transaction } from "@electric-sql/pglite";
import { UnavailableError } from "../errors.ts";
import { freeBytes, inMebibytes, roomBytes } from "./pglite-folder.ts";

const readOnly = "25006";
/** What a value may come to on the disk: in the log, in its row, in an index, and once more. */
const copies = 4;

type Query = Transaction["query"];

/** Looks before every statement, which costs a few microseconds; reads go on. */
export function keepRoom(client: PGlite, folder: string): void {
  const query = client.query.bind(client);
  const exec = client.exec.bind(client);
  const transaction = client.transaction.bind(client);
  let isFull = false;
  const look = async (values: unknown[] | undefined) => {
    const full = freeBytes(folder) < roomBytes.write + copies * bytesOf(values);
    if (full !== isFull) await exec(`set default_transaction_read_only = ${full ? "on" : "off"}`);
    isFull = full;
  };
  const asking = (ask: Query, before: typeof look): Query => {
    return async (text, values, options) => {
      await before(values);
      return await explained(() => ask(text, values, options));
    };
  };
  client.query = asking(query, look);
  client.exec = async (text, options) => {
    await look([text]);
    return await explained(() => exec(text, options));
  };
  client.transaction = async (work) => {
    await look(undefined);
    return await transaction((tx) => {
      const lookInside = async (values: unknown[] | undefined) => {
        if (isFull || freeBytes(folder) >= roomBytes.write + copies * bytesOf(values)) return;
        // In one that has failed already it is refused, and not needed: what comes is its rollback.
        await tx.exec("set transaction read only").catch(() => {});
      };
      return work(Object.create(tx, { query: { value: asking(tx.query.bind(tx), lookInside) } }) as Transaction);
    });
  };
}

async function explained<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (cause) {
    if ((cause as { code?: string }).code !== readOnly) throw cause;
    const limit = inMebibytes(roomBytes.write);
    throw new UnavailableError(
      `The disk of the embedded database has little more than ${limit} free, so nothing can be written: make room, and try again.`,
      { cause },
    );
  }
}

function bytesOf(values: readonly unknown[] | undefined): number {
  let bytes = 0;
  for (const value of values ?? []) {
    if (typeof value === "string") bytes += value.length;
    else if (value instanceof Uint8Array) bytes += value.byteLength;
    else if (Array.isArray(value)) bytes += bytesOf(value);
  }
  return bytes;
}
