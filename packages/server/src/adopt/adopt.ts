/** Taking over what another product has kept in this database: looked at first, and brought in only when that is asked for. */
import { ChatkeepError, type Connection, InvalidInputError, type Store } from "chatkeep";
import { eq } from "drizzle-orm";
import type { Database } from "../database.ts";
import { user } from "../models/index.ts";
import { faultOf, storableOf } from "../transfer/conversations.ts";
import { langchain } from "./langchain.ts";
import { mastra } from "./mastra.ts";
import { type Adopted, queryOn, type Source } from "./source.ts";
import { vercelChatbot } from "./vercel-chatbot.ts";

const sources: readonly Source[] = [vercelChatbot, mastra, langchain];

export interface AdoptOptions {
  /** One of the sources; all whose tables are there when left out. */
  source?: string | undefined;
  /** Where their tables are. */
  schema: string;
  /** Whose all conversations become, in place of their owners there. */
  userId?: string | undefined;
  /** Without it everything is read, and nothing is changed. */
  apply: boolean;
  onProgress?: ((conversations: number) => void) | undefined;
}

export interface AdoptReport {
  source: string;
  tables: string[];
  /** Of whom there are conversations; those that have no account yet get one, without a password. */
  owners: number;
  newAccounts: number;
  conversations: number;
  messages: number;
  /** Messages that were brought in, where `apply` was asked for; the others were there. */
  imported: number;
  leftOut: { conversationId: string; messageId?: string; reason: string }[];
  failed: { conversationId: string; error: string }[];
}

type Open = Pick<Connection, "query"> & { db: Database };

/** @throws invalid_input when there are no such tables, or columns of them are missing */
export async function adopt(connection: Open, store: Store, options: AdoptOptions): Promise<AdoptReport[]> {
  const found = await sourcesIn(connection, options);
  const reports: AdoptReport[] = [];
  for (const source of found) reports.push(await adoptFrom(connection, store, source, options));
  return reports;
}

async function sourcesIn(connection: Open, { source: name, schema }: AdoptOptions): Promise<Source[]> {
  const known = sources.filter((source) => name === undefined || source.name === name);
  if (known.length === 0) {
    throw new InvalidInputError(
      `There is no source ${name}: it is one of ${sources.map((each) => each.name).join(", ")}.`,
    );
  }
  const rows = await queryOn(connection)(
    "select table_name, column_name from information_schema.columns where table_schema = $1",
    [schema],
  );
  const columns = Map.groupBy(rows, ({ table_name }) => String(table_name));
  const there = known.filter((source) => Object.keys(source.tables).every((table) => columns.has(table)));
  if (there.length === 0) {
    const wanted = known.map((source) => `${source.name} (${Object.keys(source.tables).join(", ")})`).join("; ");
    throw new InvalidInputError(`In the schema ${schema} are no tables of ${wanted}: name another with --schema.`);
  }
  for (const source of there) {
    for (const [table, names] of Object.entries(source.tables)) {
      const missing = names.filter((column) => !columns.get(table)?.some(({ column_name }) => column_name === column));
      if (missing.length > 0) {
        throw new InvalidInputError(
          `The table ${table} of ${source.name} has no column ${missing.join(", ")}: it is of another version.`,
        );
      }
    }
  }
  return there;
}

async function adoptFrom(connection: Open, store: Store, source: Source, options: AdoptOptions): Promise<AdoptReport> {
  const report: AdoptReport = {
    source: source.name,
    tables: Object.keys(source.tables),
    owners: 0,
    newAccounts: 0,
    conversations: 0,
    messages: 0,
    imported: 0,
    leftOut: [],
    failed: [],
  };
  const owners = new Map<string, string | undefined>();
  const tableOf = (table: string) => `${quoted(options.schema)}.${quoted(table)}`;
  for await (const adopted of source.read(queryOn(connection), tableOf)) {
    const { owner, leftOut, conversation } = adopted;
    const { id } = conversation;
    if (!owners.has(owner.name)) owners.set(owner.name, await ownerOf(connection.db, owner, options, report));
    report.conversations += 1;
    report.messages += conversation.messages.length;
    report.leftOut.push(...leftOut.map((each) => ({ conversationId: id, ...each })));
    const userId = owners.get(owner.name);
    if (userId === undefined && (options.apply || !owner.email)) {
      report.failed.push({ conversationId: id, error: `Nobody here is ${owner.name || "its owner"}: give --user.` });
    } else if (options.apply && userId !== undefined) {
      await bringIn(store, userId, adopted, report);
    }
    options.onProgress?.(report.conversations);
  }
  report.owners = owners.size;
  return report;
}

async function bringIn(store: Store, userId: string, adopted: Adopted, report: AdoptReport): Promise<void> {
  const { conversation, leftOut } = storableOf(adopted);
  if (leftOut.length > adopted.leftOut.length) {
    report.leftOut.push({ conversationId: conversation.id, ...(leftOut.at(-1) as { reason: string }) });
  }
  try {
    const [result] = await store.forUser(userId).import(conversation);
    report.imported += result?.imported ?? 0;
  } catch (error) {
    if (!(error instanceof ChatkeepError) || !["invalid_input", "too_large", "conflict"].includes(error.code))
      throw error;
    report.failed.push({ conversationId: conversation.id, error: faultOf(error) });
  }
}

/** By address; who has none gets an account, when that is asked for. */
async function ownerOf(
  db: Database,
  { email, name }: Adopted["owner"],
  { userId, apply }: AdoptOptions,
  report: AdoptReport,
): Promise<string | undefined> {
  if (userId !== undefined) return userId;
  if (!email) return undefined;
  const address = email.trim().toLowerCase();
  const [found] = await db.select({ id: user.id }).from(user).where(eq(user.email, address));
  if (found) return found.id;
  report.newAccounts += 1;
  if (!apply) return undefined;
  const [made] = await db.insert(user).values({ name, email: address }).returning({ id: user.id });
  return made?.id;
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
