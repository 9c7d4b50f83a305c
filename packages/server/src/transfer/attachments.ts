/** Files of an export become files of the user, and parts of the messages that had them. */
import { ChatkeepError, NotFoundError, type Part, type StoredFile, type UserStore } from "chatkeep";
import { v5 } from "uuid";
import type { Assets } from "./assets.ts";
import type { LeftOut, ReadConversation } from "./formats/format.ts";

/** INVARIANT: never another one, or what is imported again would be other files. */
const namespace = "3d6f7c7e-53a5-5f0c-9f1c-6a4f0b8f6e21";

/** What of a file is at fault, and no reason to end an import. */
const faults = new Set(["invalid_input", "too_large", "conflict"]);

export interface WithFiles extends ReadConversation {
  /** The same without its files, for messages that are there without them. */
  bare?: ReadConversation;
}

/**
 * Stores the files that the conversation's messages had, where their bytes are in the export or came with an earlier one, under ids
 * that are the same each time. What is not there stays named as left out.
 * @throws what is not the fault of a file, such as unavailable
 */
export async function withFiles(
  mine: UserStore,
  userId: string,
  read: ReadConversation,
  assets: Assets | undefined,
): Promise<WithFiles> {
  const wanted = read.leftOut.filter(({ asset }) => asset !== undefined);
  if (wanted.length === 0) return read;
  const parts = new Map<string, Part[]>();
  const leftOut: LeftOut[] = [];
  for (const one of read.leftOut) {
    const { asset, messageId, reason } = one;
    const bare = { ...(messageId !== undefined && { messageId }), reason };
    if (!asset || messageId === undefined) {
      leftOut.push(bare);
      continue;
    }
    const fileId = v5(JSON.stringify([userId, read.conversation.id, asset.id]), namespace);
    const found = await storedOr(mine, fileId, asset, assets);
    if (typeof found === "string") leftOut.push({ ...bare, reason: `${reason} ${found}` });
    else if (found) parts.set(messageId, [...(parts.get(messageId) ?? []), partOf(found)]);
    else leftOut.push(bare);
  }
  const bare = { ...read, leftOut: read.leftOut.map(({ asset: _, ...one }) => one) };
  if (parts.size === 0) return { ...bare, leftOut };
  const messages = read.conversation.messages.map((message) => {
    const added = parts.get(message.id);
    return added ? { ...message, parts: [...(message.parts ?? []), ...added] } : message;
  });
  return { conversation: { ...read.conversation, messages }, leftOut, bare };
}

/** `undefined` where it is nowhere; a sentence where it cannot be kept. */
async function storedOr(
  mine: UserStore,
  id: string,
  asset: NonNullable<LeftOut["asset"]>,
  assets: Assets | undefined,
): Promise<StoredFile | string | undefined> {
  try {
    return await mine.files.get(id);
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
  }
  const there = await assets?.find(asset.id);
  if (!there) return undefined;
  const put = async (mediaType: string | undefined) =>
    await mine.files.put({ id, name: asset.name ?? there.name, mediaType, data: await there.open() });
  try {
    return await put(/^[\w.+-]+\/[\w.+-]+$/.test(asset.mediaType ?? "") ? asset.mediaType : undefined);
  } catch (error) {
    if (error instanceof ChatkeepError && faults.has(error.code)) return error.message;
    // What cannot be unpacked is the export's fault, and none of the conversation's.
    if (error instanceof Error && !(error instanceof ChatkeepError)) return "It cannot be unpacked.";
    throw error;
  }
}

function partOf({ mediaType, name, url }: StoredFile): Part {
  return { type: "file", mediaType, filename: name, url };
}
