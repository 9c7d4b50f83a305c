/** Files of an export become files of the user, and parts of the messages that had them. */
import { ChatkeepError, NotFoundError, type Part, type StoredFile, type UserStore } from "chatkeep";
import { v5 } from "uuid";
import type { Asset, AssetFinder } from "./assets.ts";
import type { ImportedMessage, LeftOut, ReadConversation } from "./formats/format.ts";

/** INVARIANT: never another one, or what is imported again would be other files. */
const namespace = "3d6f7c7e-53a5-5f0c-9f1c-6a4f0b8f6e21";

/** What reading the bytes of a file throws, which is the export's fault, and none of the conversation's. */
class UnreadableError extends Error {}

/** What of a file is at fault, and no reason to end an import. */
const faults = new Set(["invalid_input", "too_large", "conflict"]);

export interface FilesFrom {
  assets: AssetFinder | undefined;
  /** Called before a file is stored; what it throws ends the import. */
  beforeRows?: ((count: number) => Promise<void>) | undefined;
}

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
  from: FilesFrom,
): Promise<WithFiles> {
  const wanted = read.leftOut.filter(({ asset }) => asset !== undefined);
  if (wanted.length === 0) return read;
  const parts = new Map<string, { url: string | undefined; part: Part }[]>();
  let isAsItWas = true;
  const leftOut: LeftOut[] = [];
  for (const one of read.leftOut) {
    const { asset, messageId, reason } = one;
    const bare = { ...(messageId !== undefined && { messageId }), reason };
    if (!asset || messageId === undefined) {
      leftOut.push(bare);
      continue;
    }
    if (asset.url !== undefined && (await ownFile(mine, asset.id))) continue;
    const fileId = v5(JSON.stringify([userId, read.conversation.id, asset.id]), namespace);
    const found = await storedOr(mine, fileId, asset, from);
    isAsItWas &&= typeof found !== "object";
    if (typeof found === "string") leftOut.push({ ...bare, reason: `${reason} ${found}` });
    else if (found) parts.set(messageId, [...(parts.get(messageId) ?? []), { url: asset.url, part: partOf(found) }]);
    else leftOut.push(bare);
  }
  const bare = { ...read, leftOut: read.leftOut.map(({ asset: _, ...one }) => one) };
  if (isAsItWas) return { ...bare, leftOut };
  const messages = read.conversation.messages.map((message) => withParts(message, parts.get(message.id)));
  return { conversation: { ...read.conversation, messages }, leftOut, bare };
}

/** In the place of the part that named the file where it came from, or at the end. */
function withParts(message: ImportedMessage, files: readonly { url: string | undefined; part: Part }[] = []) {
  const byUrl = new Map(files.flatMap(({ url, part }) => (url === undefined ? [] : [[url, part] as const])));
  const kept = (message.parts ?? []).map((part) => {
    const file = byUrl.get(String(part["url"]));
    return file ? { ...part, ...file } : part;
  });
  const added = files.flatMap(({ url, part }) => (url === undefined ? part : []));
  return files.length > 0 ? { ...message, parts: [...kept, ...added] } : message;
}

async function ownFile(mine: UserStore, id: string): Promise<StoredFile | undefined> {
  try {
    return await mine.files.get(id);
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    return undefined;
  }
}

/** `undefined` where it is nowhere; a sentence where it cannot be kept. */
async function storedOr(
  mine: UserStore,
  id: string,
  asset: NonNullable<LeftOut["asset"]>,
  { assets, beforeRows }: FilesFrom,
): Promise<StoredFile | string | undefined> {
  const own = await ownFile(mine, id);
  if (own) return own;
  const there = await assets?.find(asset.id);
  if (!there) return undefined;
  await beforeRows?.(1);
  const put = async (mediaType: string | undefined) =>
    await mine.files.put({ id, name: asset.name || there.name, mediaType, data: readable(there) });
  try {
    return await put(/^[\w.+-]+\/[\w.+-]+$/.test(asset.mediaType ?? "") ? asset.mediaType : undefined);
  } catch (error) {
    if (error instanceof ChatkeepError && faults.has(error.code)) return error.message;
    if (error instanceof UnreadableError) return "It cannot be unpacked.";
    throw error;
  }
}

async function* readable({ open }: Asset): AsyncGenerator<Uint8Array> {
  try {
    yield* await open();
  } catch (error) {
    throw new UnreadableError("", { cause: error });
  }
}

function partOf({ mediaType, name, url }: StoredFile): Part {
  return { type: "file", mediaType, filename: name, url };
}
