/** Items of a conversation: a page of them, one by its id, and taking one away. */
import { ConflictError, NotFoundError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import type { Page } from "../../store/messages/page.ts";
import type { Message } from "../../store/tables/message.ts";
import type { UserStore } from "../../store/user-verbs.ts";
import { type ItemPlace, type KeptItem, partsWithout, placeOf, toItems } from "./items.ts";

export interface ItemListOptions {
  /** The id of an item: the ones that follow it. */
  after?: string | undefined;
  order: "asc" | "desc";
  /** 1 to 100. */
  limit: number;
}

export interface ItemList {
  object: "list";
  data: KeptItem[];
  first_id: string;
  last_id: string;
  has_more: boolean;
}

export function listOf(data: KeptItem[], hasMore = false): ItemList {
  return {
    object: "list",
    data,
    first_id: data[0]?.id ?? "",
    last_id: data.at(-1)?.id ?? "",
    has_more: hasMore,
  };
}

/** A page of the branch that is shown; the cost grows with the page, not with the conversation. @throws not_found */
export async function listItems(user: UserStore, conversationId: string, options: ItemListOptions): Promise<ItemList> {
  const { after, order, limit } = options;
  const start = after === undefined ? undefined : await find(user, conversationId, after);
  const found = start && after !== undefined ? itemsBeside(start, after, order) : [];
  for await (const message of messagesFrom(user, conversationId, start?.message.id, order, limit)) {
    if (found.length > limit) break;
    found.push(...inOrder(toItems(message), order));
  }
  return listOf(found.slice(0, limit), found.length > limit);
}

function inOrder(items: KeptItem[], order: ItemListOptions["order"]): KeptItem[] {
  return order === "asc" ? items : items.reverse();
}

/** What a message has on the further side of one of its items, also where that was deleted. */
function itemsBeside({ message, place }: Found, itemId: string, order: ItemListOptions["order"]): KeptItem[] {
  if (!place) return [];
  const rank = rankOf(itemId);
  const isFurther = ({ id }: KeptItem) => (order === "asc" ? rankOf(id) > rank : rankOf(id) < rank);
  return inOrder(toItems(message), order).filter(isFurther);
}

function rankOf(itemId: string): number {
  const place = placeOf(itemId);
  return place ? place.index * 2 + Number(place.isOutput) : 0;
}

async function* messagesFrom(
  user: UserStore,
  conversationId: string,
  start: string | undefined,
  order: ItemListOptions["order"],
  items: number,
): AsyncGenerator<Message> {
  const limit = Math.min(items + 1, limits.pageSize);
  let from: string | null | undefined = start ?? null;
  while (from !== undefined) {
    const side: { after?: string | null; before?: string } =
      order === "asc" ? { after: from } : from === null ? {} : { before: from };
    const page: Page<Message> = await user.messages.branch(conversationId, { ...side, limit });
    yield* order === "asc" ? page.items : page.items.toReversed();
    from = page.nextCursor ?? undefined;
  }
}

interface Found {
  message: Message;
  /** Where it is one of several. */
  place?: ItemPlace | undefined;
}

/** The message that an item is in. @throws not_found */
async function find(user: UserStore, conversationId: string, itemId: string): Promise<Found> {
  await user.conversations.get(conversationId);
  const message = await messageAt(user, conversationId, itemId);
  if (message) return { message };
  const place = placeOf(itemId);
  const around = place && (await messageAt(user, conversationId, place.messageId));
  if (!around) throw new NotFoundError("item", itemId);
  return { message: around, place };
}

async function messageAt(user: UserStore, conversationId: string, id: string): Promise<Message | undefined> {
  try {
    return await user.messages.get(conversationId, id);
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}

/** @throws not_found */
export async function getItem(user: UserStore, conversationId: string, itemId: string): Promise<KeptItem> {
  const found = await find(user, conversationId, itemId);
  const item = itemIn(found, itemId);
  if (!item) throw new NotFoundError("item", itemId);
  return item;
}

/** A UUID is given back in lower case, so that the id of a message is not compared as it was sent. */
function itemIn({ message, place }: Found, itemId: string): KeptItem | undefined {
  return toItems(message).find(({ id }) => id === (place ? itemId : message.id));
}

/** As often as others may have changed the message in between. */
const attempts = 5;

/** Takes the content of an item away for good; again it changes nothing. @throws not_found; conflict while a reply writes it */
export async function deleteItem(user: UserStore, conversationId: string, itemId: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const found = await find(user, conversationId, itemId);
    const { message, place } = found;
    if (message.status === "deleted" || wasDeleted(message, place)) return;
    if (!itemIn(found, itemId)) throw new NotFoundError("item", itemId);
    const parts = place && partsWithout(message, place);
    const isLast = !parts || toItems({ ...message, parts }).length === 0;
    try {
      if (isLast) await user.messages.redact(conversationId, message.id);
      else await user.messages.update(conversationId, message.id, { parts }, { revision: message.revision });
      return;
    } catch (error) {
      if (!(error instanceof ConflictError) || attempt === attempts || message.status === "streaming") throw error;
    }
  }
}

function wasDeleted({ parts }: Message, place: ItemPlace | undefined): boolean {
  return place !== undefined && parts?.[place.index]?.type === "data-openai-deleted";
}
