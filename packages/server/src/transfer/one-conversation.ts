/** One conversation as a file: the branch that is shown, from its first message to its head, page by page. */
import { setImmediate as pause } from "node:timers/promises";
import { type Conversation, type Message, NotFoundError, type UserStore } from "chatkeep";
import { toUIMessage } from "chatkeep/ai-sdk";
import { toItems } from "chatkeep/openai";
import { asConversation, asMessage } from "chatkeep/wire";
import type { FileFormat, LineFormat } from "./file-formats.ts";
import { withInlineFiles } from "./inline-files.ts";
import { cutInMarkdown, headingOf, messageInMarkdown } from "./markdown.ts";

const pageSize = 50;

/**
 * The conversation, and its file in pieces. It is looked up before the first piece, so that what is not there is an error and
 * no file. @throws not_found
 */
export async function openConversationFile(user: UserStore, conversationId: string, format: FileFormat) {
  const conversation = await user.conversations.get(conversationId);
  const shown = shownMessages(user, conversation, format !== "markdown");
  return { conversation, pieces: writers[format](conversation, shown) };
}

/** All conversations of a user, the archive too, in one of those formats; one that is deleted meanwhile is left out. */
export async function* conversationLines(user: UserStore, format: LineFormat): AsyncGenerator<string> {
  let after: string | undefined;
  do {
    const page = await user.conversations.ids({ after });
    for (const id of page.items) {
      const file = await openConversationFile(user, id, format).catch((error: unknown) => {
        if (!(error instanceof NotFoundError)) throw error;
      });
      if (file) yield* file.pieces;
      // The embedded database answers in this process: without a pause nobody else would be served.
      await pause();
    }
    after = page.nextCursor ?? undefined;
  } while (after);
}

/** Gives the messages, and at its end whether all of them could be read. */
type Messages = AsyncGenerator<Message, { isWhole: boolean }>;

async function* shownMessages(user: UserStore, { id, messageCount }: Conversation, isInline: boolean): Messages {
  if (messageCount === 0) return { isWhole: true };
  try {
    for (let after: string | null = null; ; ) {
      const page: Awaited<ReturnType<typeof user.messages.branch>> = await user.messages.branch(id, {
        after,
        limit: pageSize,
      });
      // Another branch is shown by now.
      if (after !== null && page.items.length === 0) return { isWhole: false };
      for (const message of page.items) yield isInline ? await withInlineFiles(user, message) : message;
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

/** As `useChat` takes it; `createdAt` is beside what the AI SDK knows. */
function asAiSdk(conversation: Conversation, messages: Messages): AsyncGenerator<string> {
  const { id, title, metadata, model, instructions, createdAt, updatedAt } = conversation;
  return onOneLine(
    { id, title, metadata, model, instructions, createdAt, updatedAt },
    "messages",
    messages,
    (message) => (message.status === "deleted" ? [] : [{ ...toUIMessage(message), createdAt: message.createdAt }]),
  );
}

/** The conversation as OpenAI's API has it, but for the metadata, which is there as it is here, and its items. */
function asOpenai(conversation: Conversation, messages: Messages): AsyncGenerator<string> {
  const { id, title, metadata, model, instructions, createdAt } = conversation;
  const created_at = Math.floor(createdAt.getTime() / 1_000);
  const head = { id, object: "conversation", created_at, metadata: metadata ?? {}, title, model, instructions };
  return onOneLine(head, "items", messages, toItems);
}

async function* onOneLine(
  head: object,
  name: string,
  messages: Messages,
  entriesOf: (message: Message) => readonly object[],
): AsyncGenerator<string> {
  yield `${JSON.stringify(head).slice(0, -1)},"${name}":[`;
  let separator = "";
  for (;;) {
    const { done, value } = await messages.next();
    if (done) {
      yield `],"isWhole":${value.isWhole}}\n`;
      return;
    }
    for (const entry of entriesOf(value)) {
      yield separator + JSON.stringify(entry);
      separator = ",";
    }
  }
}

const writers = { markdown: inMarkdown, json: inJson, "ai-sdk": asAiSdk, openai: asOpenai };
