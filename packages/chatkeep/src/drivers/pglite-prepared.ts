/**
 * Prepared statements on PGlite, which by itself parses and plans each anew, in six calls of PostgreSQL: that takes longer than
 * most statements of a chat do.
 */
import {
  messages,
  type PGlite,
  protocol,
  type QueryOptions,
  type Results,
  type Transaction,
} from "@electric-sql/pglite";

/** What `queryOf` of `over-pglite` asks with. Columns of a statement that has a name come as text. */
interface NamedOptions extends QueryOptions {
  name?: string | undefined;
}

type Query = <Row>(text: string, values?: unknown[], options?: NamedOptions) => Promise<Results<Row>>;

const { serialize } = protocol;

/** After a `deallocate all` of the host's: nothing has run, so outside of a transaction it is prepared and asked again. */
const invalidName = "26000";

/** Keeps each statement that is asked for by a name. */
export function keepPrepared(client: PGlite): void {
  const query: Query = client.query.bind(client);
  const transaction = client.transaction.bind(client);
  const known = new Set<string>();

  const send = (...parts: Uint8Array[]) => client.execProtocolStream(joined(parts), { syncToFs: false });
  const run = <Row>(name: string, text: string, values: unknown[] = []): Promise<Results<Row>> =>
    client._runExclusiveQuery(async () => {
      if (!known.has(name)) {
        await send(serialize.parse({ name, text }), serialize.sync());
        known.add(name);
      }
      const given = values.map((value) => (value === null ? null : String(value)));
      const bind = serialize.bind({ statement: name, values: given });
      const answer = await send(bind, serialize.execute({}), serialize.sync()).catch((error) => {
        if (error.code === invalidName) known.clear();
        throw error;
      });
      const rows = answer.filter((message) => message instanceof messages.DataRowMessage).map(({ fields }) => fields);
      return { rows: rows as Row[], fields: [] };
    });
  const named =
    (ask: Query, runNamed: typeof run): Query =>
    (text, values, options) =>
      options?.name === undefined ? ask(text, values, options) : runNamed(options.name, text, values);

  client.query = named(query, async (...given) => {
    await client._checkReady();
    return await client._runExclusiveTransaction(async () => {
      const again = (error: { code?: string }) => {
        if (error.code !== invalidName) throw error;
        return run<never>(...given);
      };
      const result = await run<never>(...given).catch(again);
      await client.syncToFs();
      return result;
    });
  });
  client.transaction = (work) =>
    transaction((tx) => {
      const inside = named(tx.query.bind(tx), (...given) => (tx.closed ? tx.query(given[1]) : run(...given)));
      return work(Object.create(tx, { query: { value: inside } }) as Transaction);
    });
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}
