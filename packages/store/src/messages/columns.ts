/** Which columns of a message its owner gets, and how a row becomes a `Message`. */
import type { ChatModels, Message, Part } from "../models/chat.ts";
import { textOf } from "../models/schemas.ts";

export function messageColumns({ message }: ChatModels) {
  return columnsOf(message);
}

/** The same columns of a subquery that selected them, in the order in which `messageFrom` reads them. */
export function columnsOf<Table extends Record<keyof Message, unknown>>(message: Table): Pick<Table, keyof Message> {
  return {
    id: message.id,
    conversationId: message.conversationId,
    role: message.role,
    content: message.content,
    parts: message.parts,
    seq: message.seq,
    parentId: message.parentId,
    status: message.status,
    createdAt: message.createdAt,
    finishReason: message.finishReason,
  };
}

/** A message of a row of those columns; `undefined` where an outer join found none. */
export function messageFrom(columns: readonly unknown[]): Message | undefined {
  const [id, conversationId, role, content, parts, seq, parentId, status, createdAt, finishReason] = columns;
  if (id === null) return undefined;
  return toMessage({
    id: id as string,
    conversationId: conversationId as string,
    role: role as Message["role"],
    content: content as string,
    parts: partsFrom(parts),
    seq: seq as number,
    parentId: parentId as string | null,
    status: status as Message["status"],
    createdAt: timeFrom(createdAt),
    finishReason: finishReason as Message["finishReason"],
  });
}

/** Content that text cannot hold was kept in the parts: it comes back from there. */
export function toMessage(row: Message): Message {
  if (!row.parts || !row.content.includes("\uFFFD")) return row;
  return { ...row, content: textOf(row.parts) };
}

/** Times come from the drivers as PostgreSQL prints them. */
export function timeFrom(value: unknown): Date {
  return new Date(value as string);
}

/** JSON comes parsed or not, which is the driver's choice. */
export function partsFrom(value: unknown): Part[] | null {
  return typeof value === "string" ? JSON.parse(value) : ((value as Part[] | null | undefined) ?? null);
}
