/** One conversation as a file: the branch that is shown, from its first message to its head, page by page. */
import { type Conversation, type Message, NotFoundError, type UserStore } from "chatkeep";
import { asConversation, asMessage } from "chatkeep/wire";
import { cutInMarkdown, headingOf, messageInMarkdown } from "./markdown.ts";

/** The formats of a conversation's file. */
export const fileFormats = ["markdown", "json"] as const;
export type FileFormat = (typeof fileFormats)[number];

/** Of each format, how its files are called and what they are. */
export const fileKinds: Record<FileFormat, { ending: string; mediaType: string }> = {
  markdown: { ending: "md", mediaType: "text/markdown; charset=utf-8" },
  json: { ending: "json", mediaType: "application/json" },
};

const pageSize = 50;

/**
 * The conversation, and its file in pieces. It is looked up before the first piece, so that what is not there is an error and
 * no file. @throws not_found
 */
export async function openConversationFile(user: UserStore, conversationId: string, format: FileFormat) {
  const conversation = await user.conversations.get(conversationId);
  const pieces = format === "json" ? inJson : inMarkdown;
  return { conversation, pieces: pieces(conversation, shownMessages(user, conversation)) };
}

/** Gives the messages, and at its end whether all of them could be read. */
type Messages = AsyncGenerator<Message, { isWhole: boolean }>;

async function* shownMessages(user: UserStore, { id, messageCount }: Conversation): Messages {
  if (messageCount === 0) return { isWhole: true };
  try {
    for (let after: string | null = null; ; ) {
      const page: Awaited<ReturnType<typeof user.messages.branch>> = await user.messages.branch(id, {
        after,
        limit: pageSize,
      });
      // Another branch is shown by now.
      if (after !== null && page.items.length === 0) return { isWhole: false };
      yield* page.items;
      if (page.nextCursor === null) return { isWhole: true };
      after = page.nextCursor;
    }
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    return { isWhole: false };
  }
}

async function* inMarkdown(conversation: Conversation, messages: Messages): AsyncGenerator<string> {
  yield headingOf(conversation);
  for (;;) {
    const { done, value } = await messages.next();
    if (!done) yield messageInMarkdown(value);
    else if (!value.isWhole) yield cutInMarkdown;
    if (done) return;
  }
}

async function* inJson(conversation: Conversation, messages: Messages): AsyncGenerator<string> {
  yield `{"conversation":${JSON.stringify(asConversation(conversation))},\n"messages":[`;
  for (let separator = "\n"; ; separator = ",\n") {
    const { done, value } = await messages.next();
    if (!done) yield `${separator}${JSON.stringify(asMessage(value))}`;
    else yield `\n],"isWhole":${value.isWhole}}\n`;
    if (done) return;
  }
}
