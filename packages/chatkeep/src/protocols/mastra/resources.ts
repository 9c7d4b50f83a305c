/** The working memory of Mastra's resources: each a conversation in the archive, with one message that is changed in place. */
import { createHash } from "node:crypto";
import type { StorageResourceType } from "@mastra/core/storage";
import { ConflictError, InvalidInputError, NotFoundError, UnavailableError } from "../../errors.ts";
import type { Message, Part } from "../../store/tables/message.ts";
import type { UserStore } from "../../store/user-verbs.ts";
import { recordKey } from "./threads.ts";

const besideType = "data-mastra-resource";
const messageId = "working-memory";
const title = "Working memory";
/** Each time another process was faster. */
const attempts = 10;

/** What of a resource is to be another than it is. */
export interface ResourceChanges {
  workingMemory?: string | undefined;
  metadata?: Record<string, unknown> | undefined;
}

export async function findResource(user: UserStore, resourceId: string): Promise<StorageResourceType | null> {
  const message = await findMessage(user, conversationIdOf(resourceId));
  return message ? resourceOf(message, resourceId) : null;
}

/** @throws invalid_input, too_large */
export async function saveResource(user: UserStore, resource: StorageResourceType): Promise<StorageResourceType> {
  return await write(user, resource.id, () => resource);
}

/** What is given of it, metadata merged key by key; it is made where there is none. @throws invalid_input, too_large */
export async function updateResource(
  user: UserStore,
  resourceId: string,
  { workingMemory, metadata }: ResourceChanges,
): Promise<StorageResourceType> {
  return await write(user, resourceId, (before) => {
    const now = new Date();
    const memory = workingMemory ?? before?.workingMemory;
    return {
      id: resourceId,
      ...(memory !== undefined && { workingMemory: memory }),
      metadata: { ...before?.metadata, ...metadata },
      createdAt: before?.createdAt ?? now,
      updatedAt: now,
    };
  });
}

/** The id of the conversation of a resource's working memory, for the verbs of `store.forUser(userId)`. */
function conversationIdOf(resourceId: string): string {
  if (typeof resourceId !== "string" || resourceId === "") {
    throw new InvalidInputError("resourceId must be a text that is not empty.");
  }
  return `mastra-resource-${createHash("sha256").update(JSON.stringify(resourceId)).digest("hex")}`;
}

async function findMessage(user: UserStore, conversationId: string): Promise<Message | undefined> {
  try {
    const message = await user.messages.get(conversationId, messageId);
    return message.status === "deleted" ? undefined : message;
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}

async function write(
  user: UserStore,
  resourceId: string,
  change: (before: StorageResourceType | undefined) => StorageResourceType,
): Promise<StorageResourceType> {
  const id = conversationIdOf(resourceId);
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    const stored = await findMessage(user, id);
    const next = change(stored && resourceOf(stored, resourceId));
    const parts = partsOf(next);
    try {
      if (stored) await user.messages.update(id, messageId, { parts }, { revision: stored.revision });
      else await begin(user, id, resourceId, parts);
      return next;
    } catch (error) {
      if (!(error instanceof ConflictError) && !(error instanceof NotFoundError)) throw error;
    }
  }
  throw new UnavailableError("The working memory changes too fast: try again.");
}

/** @throws conflict when another has made it meanwhile, or it was in the way, and is not any more */
async function begin(user: UserStore, id: string, resourceId: string, parts: Part[]): Promise<void> {
  const messages = [{ id: messageId, role: "assistant" as const, parts }];
  try {
    await user.conversations.create({ id, title, archived: true, metadata: { [recordKey]: resourceId }, messages });
  } catch (error) {
    // Of one whose content was taken away for good nothing is left to change.
    const isGone = error instanceof ConflictError && (await user.messages.get(id, messageId)).status === "deleted";
    if (isGone) await user.conversations.erase(id);
    throw error;
  }
}

/** People can read what is remembered of them. */
function partsOf({ workingMemory, metadata, createdAt, updatedAt }: StorageResourceType): Part[] {
  const said: Part[] = workingMemory ? [{ type: "text", text: workingMemory }] : [];
  const kept = workingMemory === undefined ? {} : { workingMemory };
  const times = { createdAt: isoOf(createdAt), updatedAt: isoOf(updatedAt) };
  return [...said, { type: besideType, data: { ...kept, ...(metadata && { metadata }), ...times } }];
}

function isoOf(given: Date | string): string {
  const time = new Date(given);
  if (Number.isNaN(time.getTime())) throw new InvalidInputError("The times of a resource must be times.");
  return time.toISOString();
}

function resourceOf({ parts }: Message, id: string): StorageResourceType {
  const kept = parts?.find(({ type }) => type === besideType)?.["data"] as Record<string, unknown> | undefined;
  const { workingMemory, metadata, createdAt, updatedAt } = kept ?? {};
  return {
    id,
    ...(typeof workingMemory === "string" && { workingMemory }),
    ...(metadata !== undefined && { metadata: metadata as Record<string, unknown> }),
    createdAt: new Date(String(createdAt)),
    updatedAt: new Date(String(updatedAt)),
  };
}
