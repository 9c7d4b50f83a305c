/** Conversations of a file, line by line. Importing again changes nothing. */
import { setImmediate as pause } from "node:timers/promises";
import { ChatkeepError, InvalidInputError, limits, type UserStore } from "chatkeep";
import { z } from "zod";
import { type Format, formats } from "./formats.ts";
import { type ImportedConversation, readOasstTree } from "./oasst.ts";

interface ImportedLine {
  line: number;
  source: string | undefined;
  conversationId: string | undefined;
  messages: number;
  outcome: "imported" | "already there" | "failed";
  error?: string;
}

export interface ImportReport {
  conversations: ImportedLine[];
  imported: number;
  alreadyThere: number;
  failed: number;
  messages: number;
}

const readers: Record<Format, (line: string, userId: string) => ImportedConversation> = { oasst: readOasstTree };

/**
 * Stores what the lines hold; a line that is wrong is reported, and the others go on.
 * @throws invalid_input for a format that is not known, unavailable
 */
export async function importLines(
  mine: UserStore,
  userId: string,
  format: string,
  lines: AsyncIterable<string> | Iterable<string>,
): Promise<ImportReport> {
  const read = readers[formatOf(format)];
  const conversations: ImportedLine[] = [];
  let line = 0;
  for await (const text of lines) {
    line += 1;
    if (text.trim() !== "") conversations.push(await importLine(mine, line, () => read(text, userId)));
    // As in the export: others are to be served meanwhile.
    await pause();
  }
  const count = (outcome: ImportedLine["outcome"]) => conversations.filter((each) => each.outcome === outcome).length;
  return {
    conversations,
    imported: count("imported"),
    alreadyThere: count("already there"),
    failed: count("failed"),
    messages: conversations.reduce((sum, each) => sum + each.messages, 0),
  };
}

/** @throws invalid_input */
export function formatOf(name: string): Format {
  const format = formats.find((each) => each === name);
  if (format) return format;
  throw new InvalidInputError(`There is no format ${name}: the format is one of ${formats.join(", ")}.`);
}

async function importLine(mine: UserStore, line: number, read: () => ImportedConversation): Promise<ImportedLine> {
  let conversation: ImportedConversation | undefined;
  try {
    conversation = read();
    const { id, source, messages } = conversation;
    const before = await mine.conversations.find(id);
    if (before && before.messageCount >= messages.length) {
      return { line, source, conversationId: id, messages: 0, outcome: "already there" };
    }
    await store(mine, conversation);
    return {
      line,
      source,
      conversationId: id,
      messages: messages.length - (before?.messageCount ?? 0),
      outcome: "imported",
    };
  } catch (error) {
    if (error instanceof ChatkeepError && error.code === "unavailable") throw error;
    return {
      line,
      source: conversation?.source,
      conversationId: undefined,
      messages: 0,
      outcome: "failed",
      error: whatIsWrong(error),
    };
  }
}

/** In appends of at most 100: each is all or none, and what an interrupted import has stored is found by its ids the next time. */
async function store(mine: UserStore, { id, messages }: ImportedConversation): Promise<void> {
  const size = limits.messagesPerAppend;
  const first = messages.slice(0, size);
  const found = await mine.conversations.find(id);
  if (!found) await mine.conversations.create({ id, messages: first });
  for (let from = found ? 0 : size; from < messages.length; from += size) {
    await mine.messages.append(id, messages.slice(from, from + size));
  }
}

function whatIsWrong(error: unknown): string {
  if (error instanceof SyntaxError) return "This line is not JSON.";
  if (error instanceof z.ZodError) {
    const [issue] = error.issues;
    return `${issue?.path.join(".") || "The line"}: ${issue?.message ?? "is not valid"}.`;
  }
  if (error instanceof ChatkeepError) return error.message;
  throw error;
}
