/** Files within messages: where a conversation goes elsewhere, an address of this server leads nowhere. */
import { fileIdOf, type Message, NotFoundError, type Part, type UserStore } from "chatkeep";

/** Of the files of one message; a message that is brought in again may have 16 MiB, and bytes as text are a third longer. */
const maxBytes = 8 * 1024 * 1024;

/** The same message with the bytes of the files that it names as `data:` addresses, as far as they are not too many. */
export async function withInlineFiles(user: UserStore, message: Message): Promise<Message> {
  if (!message.parts?.some((part) => part.type === "file" && fileIdOf(part["url"]))) return message;
  let left = maxBytes;
  const parts: Part[] = [];
  for (const part of message.parts) {
    const data = part.type === "file" ? await dataOf(user, fileIdOf(part["url"]), left) : undefined;
    left -= data?.bytes ?? 0;
    parts.push(data ? { ...part, url: data.url } : part);
  }
  return { ...message, parts };
}

async function dataOf(user: UserStore, id: string | undefined, left: number) {
  if (id === undefined) return undefined;
  try {
    const { size, mediaType } = await user.files.get(id);
    if (size > left) return undefined;
    const bytes = Buffer.from(await user.files.read(id));
    return { bytes: size, url: `data:${mediaType};base64,${bytes.toString("base64")}` };
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    return undefined;
  }
}
