/** Conversations of a file, line by line. Importing again brings in what is missing, and changes nothing else. */
import { setImmediate as pause } from "node:timers/promises";
import { ChatkeepError, type ErrorCode, InvalidInputError, limits, type UserStore } from "chatkeep";
import { type Format, formats } from "./formats.ts";
import type { Line } from "./lines.ts";
import { type ImportedConversation, readOasstTree, TreeError } from "./oasst.ts";

interface ImportedLine {
  line: number;
  source: string | undefined;
  conversationId: string | undefined;
  messages: number;
  outcome: "imported" | "already there" | "failed";
  error?: string;
}

export interface ImportReport {
  /** The first hundred that failed, and the first hundred that did not. */
  conversations: ImportedLine[];
  /** Lines that are counted only. */
  omitted?: number;
  /** Why the lines after the last one were not looked at. */
  stopped?: string;
  imported: number;
  alreadyThere: number;
  failed: number;
  messages: number;
}

const readers: Record<Format, (line: string, userId: string) => ImportedConversation> = { oasst: readOasstTree };

const maxListed = 100;
const longest = { source: 100, error: 300 };
/** A file of which so many lines are wrong, and ten times as many as are right, is none of this format. */
const maxFailed = 1_000;

/**
 * Stores what the lines hold; a line that is wrong is reported, and the others go on.
 * @throws invalid_input for a format that is not known, and what is not the fault of a line, such as unavailable
 */
export async function importLines(
  mine: UserStore,
  userId: string,
  format: string,
  lines: AsyncIterable<Line>,
  /** Called before so many rows are written; what it throws ends the import. */
  beforeRows: (count: number) => Promise<void> = async () => {},
): Promise<ImportReport> {
  const read = readers[formatOf(format)];
  const report: ImportReport = { conversations: [], imported: 0, alreadyThere: 0, failed: 0, messages: 0 };
  for await (const line of lines) {
    const { number } = line;
    if ("fault" in line) count(report, failedLine(number, undefined, line.fault));
    else count(report, await importLine(mine, number, () => read(line.text, userId), beforeRows));
    const { failed, imported, alreadyThere } = report;
    if (failed >= maxFailed && failed > 10 * (imported + alreadyThere)) {
      report.stopped = `Stopped after line ${number}, because ${failed} lines are wrong: is the file in the format ${format}?`;
      break;
    }
    // As in the export: others are to be served meanwhile.
    await pause();
  }
  return report;
}

/** @throws invalid_input */
export function formatOf(name: string): Format {
  const format = formats.find((each) => each === name);
  if (format) return format;
  throw new InvalidInputError(`There is no format ${name}: the format is one of ${formats.join(", ")}.`);
}

function count(report: ImportReport, line: ImportedLine): void {
  const { conversations, imported, alreadyThere, failed } = report;
  const listed = line.outcome === "failed" ? failed : imported + alreadyThere;
  if (listed < maxListed) conversations.push(line);
  else report.omitted = (report.omitted ?? 0) + 1;
  report.messages += line.messages;
  if (line.outcome === "failed") report.failed += 1;
  else if (line.outcome === "imported") report.imported += 1;
  else report.alreadyThere += 1;
}

async function importLine(
  mine: UserStore,
  line: number,
  read: () => ImportedConversation,
  beforeRows: (count: number) => Promise<void>,
): Promise<ImportedLine> {
  let conversation: ImportedConversation;
  try {
    conversation = read();
  } catch (error) {
    return failedLine(line, undefined, whatIsWrong(error));
  }
  const { id } = conversation;
  const source = conversation.source.slice(0, longest.source);
  try {
    await beforeRows(1 + conversation.messages.length);
    const messages = await store(mine, conversation);
    return { line, source, conversationId: id, messages, outcome: messages > 0 ? "imported" : "already there" };
  } catch (error) {
    if (error instanceof ChatkeepError && faultsOfLines.has(error.code)) {
      return failedLine(line, source, error.message);
    }
    throw error;
  }
}

const faultsOfLines = new Set<ErrorCode>(["invalid_input", "too_large", "conflict", "not_found"]);

function failedLine(line: number, source: string | undefined, error: string): ImportedLine {
  return {
    line,
    source,
    conversationId: undefined,
    messages: 0,
    outcome: "failed",
    error: error.length > longest.error ? `${error.slice(0, longest.error)}…` : error,
  };
}

/**
 * In appends of at most 100: each is all or none, and stores those of its messages whose ids are not there. Gives how many
 * were missing.
 */
async function store(mine: UserStore, { id, messages }: ImportedConversation): Promise<number> {
  const size = limits.messagesPerAppend;
  const found = await mine.conversations.find(id);
  if (!found) await mine.conversations.create({ id, messages: messages.slice(0, size) });
  const before = found?.messageCount ?? 0;
  let added = found ? 0 : Math.min(size, messages.length);
  for (let from = found ? 0 : size; from < messages.length; from += size) {
    const stored = await mine.messages.append(id, messages.slice(from, from + size));
    added += stored.filter(({ seq }) => seq > before).length;
  }
  if (found?.headId && added > 0) await showAgain(mine, id, found.headId, messages);
  return added;
}

/** Who has gone on from an imported conversation sees their own words still; who has not, the best branch of the file. */
async function showAgain(
  mine: UserStore,
  conversationId: string,
  headId: string,
  messages: ImportedConversation["messages"],
): Promise<void> {
  const last = messages.at(-1);
  const isOfFile = messages.some(({ id }) => id === headId);
  await mine.conversations.showBranch(conversationId, isOfFile && last ? last.id : headId);
}

function whatIsWrong(error: unknown): string {
  if (error instanceof SyntaxError) return "This line is not JSON.";
  if (error instanceof TreeError) return error.message;
  return "This line cannot be read.";
}
