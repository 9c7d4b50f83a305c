/** Storing conversations of other products, with a report of what was not kept. Importing again changes nothing. */
import { setImmediate as pause } from "node:timers/promises";
import { ChatkeepError, type ErrorCode, type ImportResult, type UserStore } from "chatkeep";
import { chatgpt } from "./formats/chatgpt.ts";
import { claude } from "./formats/claude.ts";
import { type ConversationFormat, FormatError, type LeftOut, type ReadConversation } from "./formats/format.ts";
import type { Value } from "./values.ts";

/** The products whose exports are known by their shape. */
const products: readonly ConversationFormat[] = [chatgpt, claude];

interface ConversationReport {
  file: string;
  /** Of the file's conversations, from 1. */
  number: number;
  format?: string;
  conversationId?: string;
  /** Messages that were not there. */
  messages: number;
  alreadyThere: number;
  outcome: "imported" | "already there" | "failed";
  /** What of it is not kept, with the reasons. */
  leftOut: LeftOut[];
  error?: string;
}

export interface ProductReport {
  conversations: ConversationReport[];
  /** Files that were not read to their end, with the reasons. */
  faults: { file: string; fault: string }[];
  imported: number;
  alreadyThere: number;
  failed: number;
  messages: number;
}

interface Waiting extends ReadConversation {
  report: ConversationReport;
}

/** Messages that are stored together. */
const batch = 2_000;
const faultsOfConversations = new Set<ErrorCode>(["invalid_input", "too_large", "conflict", "not_found"]);

/** A conversation that is wrong is reported, and the others go on. @throws what is not its fault, such as unavailable */
export async function importConversations(mine: UserStore, values: AsyncIterable<Value>): Promise<ProductReport> {
  const report: ProductReport = { conversations: [], faults: [], imported: 0, alreadyThere: 0, failed: 0, messages: 0 };
  const numbers = new Map<string, number>();
  let waiting: Waiting[] = [];
  let rows = 0;
  const store = async () => {
    await storeAll(mine, waiting);
    [waiting, rows] = [[], 0];
    await pause();
  };
  for await (const given of values) {
    if ("fault" in given) {
      report.faults.push(given);
      continue;
    }
    const number = (numbers.get(given.file) ?? 0) + 1;
    numbers.set(given.file, number);
    const line: ConversationReport = {
      file: given.file,
      number,
      messages: 0,
      alreadyThere: 0,
      outcome: "failed",
      leftOut: [],
    };
    report.conversations.push(line);
    const read = readOne(given.value, line);
    if (!read) continue;
    if (waiting.some(({ conversation }) => conversation.id === read.conversation.id)) await store();
    waiting.push({ ...read, report: line });
    rows += read.conversation.messages.length;
    if (rows >= batch || waiting.length >= batch) await store();
  }
  await store();
  for (const { outcome, messages } of report.conversations) {
    report.messages += messages;
    if (outcome === "failed") report.failed += 1;
    else if (outcome === "imported") report.imported += 1;
    else report.alreadyThere += 1;
  }
  return report;
}

function readOne(value: unknown, line: ConversationReport): ReadConversation | undefined {
  const format = products.find((each) => each.detect(value));
  if (!format) {
    line.error = `This is no conversation of ${products.map(({ name }) => name).join(" or ")}.`;
    return undefined;
  }
  line.format = format.name;
  try {
    const read = format.read(value);
    line.leftOut = read.leftOut;
    return read;
  } catch (error) {
    line.error = error instanceof FormatError ? error.message : "This conversation cannot be read.";
    return undefined;
  }
}

/** All at once; where one is wrong, each by itself. */
async function storeAll(mine: UserStore, waiting: readonly Waiting[]): Promise<void> {
  if (waiting.length === 0) return;
  try {
    const results = await mine.import(waiting.map(({ conversation }) => conversation));
    for (const [index, result] of results.entries()) noteStored(waiting[index], result);
  } catch (error) {
    if (!isFaultOfOne(error)) throw error;
    const [only] = waiting;
    if (waiting.length === 1 && only) noteFailed(only, error);
    else for (const one of waiting) await storeAll(mine, [one]);
  }
}

function isFaultOfOne(error: unknown): error is Error {
  return error instanceof RangeError || (error instanceof ChatkeepError && faultsOfConversations.has(error.code));
}

function noteStored(one: Waiting | undefined, { conversationId, imported, alreadyThere }: ImportResult): void {
  if (!one) return;
  const outcome = imported > 0 || alreadyThere === 0 ? "imported" : "already there";
  Object.assign(one.report, { conversationId, messages: imported, alreadyThere, outcome });
}

function noteFailed({ report }: Waiting, error: Error): void {
  report.leftOut = [];
  report.error = error instanceof RangeError ? "It is nested too deep to be read." : error.message;
}
