/** Bringing in what another place has kept: ids, times, states and parents stay, and the same again changes nothing. */
import { ConflictError, InvalidInputError } from "../errors.ts";
import {
  type ColumnsOf,
  flag,
  integer,
  isSame,
  isTrue,
  listsOf,
  names,
  text,
  unnest,
  uuid,
  values,
} from "../sql/columns.ts";
import { list, raw, sql } from "../sql/sql.ts";
import { isUniqueViolation } from "../sql/sqlstate.ts";
import { type Context, changing, owner, prepared, savepointed } from "./context.ts";
import { titleFrom } from "./conversations/titles.ts";
import { requireNotInTrash } from "./conversations/trash.ts";
import { type FileUse, usesIn, usingFiles } from "./files/uses.ts";
import { conversationName, messageName } from "./ids.ts";
import { type ImportedConversation, importedConversationsSchema } from "./import-schemas.ts";
import { parse } from "./input.ts";
import { batchesOf } from "./messages/batches.ts";
import { type InsertedRow, insertedColumns, insertRows, moment } from "./messages/insert-rows.ts";
import { metadataJson, outgoing } from "./messages/outgoing.ts";
import { type NewConversationRow, newConversationColumns } from "./tables/conversation.ts";
import { comparedColumns } from "./tables/message.ts";
import type { UserId } from "./tables/tables.ts";

/** What came of one conversation. */
export interface ImportResult {
  conversationId: string;
  /** Messages that were not there. */
  imported: number;
  /** Messages that were there already, as they are given. */
  alreadyThere: number;
}

type Parsed = ReturnType<typeof importedConversationsSchema.parse>[number];

/**
 * Brings in conversations with any number of messages, all or nothing. What is there already is not changed: of a conversation that
 * is there, the messages that are missing are added, in the order in which they are given.
 * @throws invalid_input, too_large, conflict when an id is in use for something else
 */
export async function importConversations(
  context: Context,
  ownerId: UserId,
  input: ImportedConversation | readonly ImportedConversation[],
): Promise<ImportResult[]> {
  const given = parse(importedConversationsSchema, Array.isArray(input) ? input : [input], "conversations");
  const chats = given.map((chat, index) => chatOf(ownerId, chat, index));
  const results = await changing(context, (through) => storeAll(through, ownerId, chats));
  for (const { conversationId } of results) context.changed({ userId: ownerId, conversationId });
  return results;
}

interface Chat {
  given: Parsed;
  id: string;
  externalId: string | null;
  rows: Omit<InsertedRow, "seq">[];
}

function chatOf(ownerId: UserId, given: Parsed, index: number): Chat {
  const { id, externalId } = conversationName(ownerId, given.id);
  const now = new Date();
  const sent = outgoing(ownerId, id, given.messages);
  const rows = sent.map((row, at) => {
    const createdAt = given.messages[at]?.createdAt ?? given.createdAt ?? now;
    return { ...row, conversationId: id, createdAt: createdAt.toISOString() };
  });
  const known = new Set<string>();
  for (const [at, { id: rowId, parentId }] of rows.entries()) {
    if (parentId !== null && !known.has(parentId)) {
      throw new InvalidInputError(
        `conversations.${index}.messages.${at}.parentId must be the id of a message before it in the same conversation.`,
      );
    }
    known.add(rowId);
  }
  const { headId } = given;
  if (headId && !known.has(messageName(ownerId, id, headId).id)) {
    throw new InvalidInputError(`conversations.${index}.headId must be the id of one of its messages.`);
  }
  return { given, id, externalId, rows };
}

async function storeAll(context: Context, ownerId: UserId, chats: readonly Chat[]): Promise<ImportResult[]> {
  const made = new Set(
    await makeStatement(context).execute({
      ownerId,
      ...listsOf(
        madeColumns,
        chats.map((chat) => madeRow(ownerId, chat)),
      ),
    }),
  );
  const ids = chats.map(({ id }) => id).filter((id) => !made.has(id));
  const locked = new Map(ids.length > 0 ? await lockStatement(context).execute({ ownerId, ids }) : []);
  const taken = chats.find(({ id }) => !made.has(id) && !locked.has(id));
  if (taken) await requireNotInTrash(context, ownerId, taken.given.id);
  if (taken) throw new ConflictError(`The id ${taken.given.id} is in use already: choose a new one.`);
  const there = await findStored(
    context,
    ownerId,
    chats.flatMap(({ id, rows }) => (made.has(id) ? [] : rows)),
  );
  const fresh: InsertedRow[] = [];
  const ends: EndRow[] = [];
  const results = chats.map(({ given, id, rows }): ImportResult => {
    const missing = rows.filter((row) => !there.has(row.id));
    const { count: before = 0, headId = null } = locked.get(id) ?? {};
    fresh.push(...missing.map((row, index) => ({ ...row, seq: before + index + 1 })));
    // Who has gone on from it sees their own words still.
    const hasGoneOn = headId !== null && !rows.some((row) => row.id === headId);
    if (missing.length > 0 && !made.has(id))
      ends.push({ ...endRow(ownerId, id, given, missing, before), keepsHead: hasGoneOn });
    return { conversationId: given.id, imported: missing.length, alreadyThere: rows.length - missing.length };
  });
  await usingFiles(context, ownerId, usesOf(chats, there), "if there", async (through) => {
    for (const some of batchesOf(fresh)) await insert(through, ownerId, some);
  });
  if (ends.length > 0) await endStatement(context).execute({ ownerId, ...listsOf(endColumns, ends) });
  return results;
}

function usesOf(chats: readonly Chat[], there: ReadonlySet<string>): FileUse[] {
  const uses = chats.flatMap(({ given, rows }) => usesIn(rows, given.messages));
  return uses.filter(({ messageId }) => !there.has(messageId));
}

/** As it is when its messages are there. */
interface MadeRow extends NewConversationRow {
  /** As ISO 8601 has it. */
  createdAt: string;
  updatedAt: string;
}

const madeColumns: ColumnsOf<MadeRow> = {
  ...newConversationColumns,
  createdAt: moment("created_at"),
  updatedAt: moment("updated_at"),
};

function madeRow(ownerId: UserId, { given, id, externalId, rows }: Chat): MadeRow {
  const { pinned = false, archived = false, model = null, instructions = null } = given;
  const createdAt = given.createdAt?.toISOString() ?? earliest(rows);
  const end = rows.length > 0 ? endRow(ownerId, id, given, rows, 0) : undefined;
  const updatedAt = end && end.updatedAt > createdAt ? end.updatedAt : createdAt;
  return {
    id,
    externalId,
    title: given.title ?? titleFrom(given.messages),
    titleBy: given.title == null ? null : "person",
    pinned,
    archived,
    metadata: metadataJson(given.metadata),
    model,
    instructions,
    messageCount: rows.length,
    headId: end?.headId ?? null,
    headExternalId: end?.headExternalId ?? null,
    createdAt,
    updatedAt,
  };
}

function earliest(rows: Chat["rows"]): string {
  return rows.map(({ createdAt }) => createdAt).sort()[0] ?? new Date().toISOString();
}

/** The ids of those that were not there. */
function makeStatement(context: Context) {
  const build = () => sql`
    insert into ${context.tables.conversation} (user_id, ${names(madeColumns)})
    select ${owner(context)}, ${values(madeColumns, "m")}
    from ${unnest(madeColumns, "m")}
    on conflict do nothing
    returning id`;
  return prepared(context, "import_conversations", build, ([id]) => id as string);
}

interface Locked {
  count: number;
  headId: string | null;
}

function lockStatement(context: Context) {
  const build = () => sql`
    select c.id, c.message_count, c.head_id
    from ${context.tables.conversation} c
    where c.user_id = ${owner(context)} and c.id in (select unnest(${list("ids", "uuid")})) and c.deleted_at is null
    order by c.id
    for no key update`;
  return prepared(context, "import_lock", build, ([id, count, headId]): [string, Locked] => [
    id as string,
    { count: Number(count), headId: headId as string | null },
  ]);
}

/** The rows that are stored as they are given. @throws conflict for one that is stored otherwise */
async function findStored(
  context: Context,
  ownerId: UserId,
  rows: readonly Omit<InsertedRow, "seq">[],
): Promise<Set<string>> {
  const found = new Set<string>();
  for (const some of batchesOf(rows)) {
    const inserted = some.map((row) => ({ ...row, seq: 0 }));
    for (const { id, isSame } of await storedStatement(context).execute({
      ownerId,
      ...listsOf(insertedColumns, inserted),
    })) {
      if (!isSame)
        throw new ConflictError(
          `The message ${some.find((row) => row.id === id)?.externalId ?? id} is there already, with other content.`,
        );
      found.add(id);
    }
  }
  return found;
}

function storedStatement(context: Context) {
  const build = () => sql`
    select stored.id, (stored.conversation_id = input.conversation_id
      and stored.parent_id is not distinct from input.parent_id
      and (${raw(isSame("stored", "input", comparedColumns))} or stored.revision > 1)) as same
    from ${unnest(insertedColumns, "input")}
    join ${context.tables.message} stored on stored.user_id = ${owner(context)} and stored.id = input.id`;
  return prepared(context, "import_stored", build, ([id, same]) => ({ id: id as string, isSame: isTrue(same) }));
}

async function insert(context: Context, ownerId: UserId, rows: readonly InsertedRow[]): Promise<void> {
  try {
    await savepointed(context, (through) => insertRows(through, ownerId, rows));
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    throw new ConflictError("An id of these messages is in use already, for another message: choose new ones.");
  }
}

interface EndRow {
  endId: string;
  count: number;
  headId: string;
  headExternalId: string | null;
  updatedAt: string;
  keepsHead: boolean;
}

const endColumns: ColumnsOf<EndRow> = {
  endId: uuid("id"),
  count: integer("count"),
  headId: uuid("head_id"),
  headExternalId: text<string | null>("head_external_id"),
  updatedAt: moment("updated_at"),
  keepsHead: flag("keeps_head"),
};

function endRow(
  ownerId: UserId,
  id: string,
  given: Parsed,
  rows: Chat["rows"],
  before: number,
): Omit<EndRow, "keepsHead"> {
  const last = rows.at(-1) as Chat["rows"][number];
  const newest = rows
    .map(({ createdAt }) => createdAt)
    .sort()
    .at(-1) as string;
  const head = given.headId ? messageName(ownerId, id, given.headId) : last;
  return {
    endId: id,
    count: before + rows.length,
    headId: head.id,
    headExternalId: head.externalId,
    updatedAt: given.updatedAt?.toISOString() ?? newest,
  };
}

function endStatement(context: Context) {
  const build = () => sql`
    update ${context.tables.conversation} c
    set message_count = e.count,
      head_id = case when e.keeps_head then c.head_id else e.head_id end,
      head_external_id = case when e.keeps_head then c.head_external_id else e.head_external_id end,
      updated_at = greatest(c.created_at, case when c.message_count = 0 then e.updated_at
        else greatest(c.updated_at, e.updated_at) end)
    from ${unnest(endColumns, "e")}
    where c.user_id = ${owner(context)} and c.id = e.id`;
  return prepared(context, "import_end", build, () => undefined);
}
