/** chatkeep import: conversations of a file, for one user. Importing again changes nothing. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createInterface } from "node:readline";
import {
  ChatkeepError,
  type Database,
  InvalidInputError,
  limits,
  migrate,
  requireMigrated,
  type UserStore,
} from "chatkeep";
import { z } from "zod";
import type { DatabaseConfig } from "../config.ts";
import { openExistingDatabase, openStore } from "../database.ts";
import { migrations } from "../migrations.generated.ts";
import { type Format, formats } from "./formats.ts";
import { type ImportedConversation, readOasstTree } from "./import-oasst.ts";
import { userByEmail } from "./people.ts";

export interface ImportOptions {
  format: string;
  file: string;
  user: string;
  /** Told after each line, with the bytes that were read and their total. */
  onProgress?: (bytes: number, total: number) => void;
}

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

/** @throws invalid_input when the format, the file or the user is not there; a line that is wrong is reported, and the others go on */
export async function importFile(database: DatabaseConfig, options: ImportOptions): Promise<ImportReport> {
  const total = await sizeOf(options);
  await using connection = await openExistingDatabase(database);
  if (connection.engine === "pglite") await migrate(connection.db, migrations);
  else await requireMigrated(connection.db, migrations);
  return await importInto(connection.db, options, total);
}

export async function importInto(db: Database, options: ImportOptions, total: number): Promise<ImportReport> {
  const read = readers[formatOf(options.format)];
  const { id: userId } = await userByEmail(db, options.user);
  const mine = (await openStore(db)).forUser(userId);
  const conversations: ImportedLine[] = [];
  let bytes = 0;
  let line = 0;
  for await (const text of createInterface({ input: createReadStream(options.file), crlfDelay: Infinity })) {
    line += 1;
    bytes += Buffer.byteLength(text) + 1;
    if (text.trim() !== "") conversations.push(await importLine(mine, line, () => read(text, userId)));
    options.onProgress?.(Math.min(bytes, total), total);
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

function formatOf(name: string): Format {
  const format = formats.find((each) => each === name);
  if (format) return format;
  throw new InvalidInputError(`There is no format ${name}: --format is one of ${formats.join(", ")}.`);
}

async function sizeOf({ format, file }: ImportOptions): Promise<number> {
  formatOf(format);
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile()) throw new InvalidInputError(`There is no file ${file} that can be read.`);
  return found.size;
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
