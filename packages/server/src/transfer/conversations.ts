/** Storing conversations of other products, with a report of what was not kept. Importing again changes nothing. */
import { setImmediate as pause } from "node:timers/promises";
import { ChatkeepError, type ErrorCode, type ImportResult, type Part, type UserStore } from "chatkeep";
import type { AssetFinder } from "./assets.ts";
import { type WithFiles, withFiles } from "./attachments.ts";
import { ExportedFiles } from "./exported-files.ts";
import {
  type ConversationFormat,
  FormatError,
  type LeftOut,
  type ReadConversation,
  type RowFormat,
  storable,
} from "./formats/format.ts";
import { conversationFormats, rowFormats } from "./formats/index.ts";
import { productNames } from "./formats/names.ts";
import type { Value } from "./values.ts";

/** What became of one conversation of a file. */
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
  /** Files in which there are no conversations, with the reasons. */
  skipped: { file: string; reason: string }[];
  imported: number;
  alreadyThere: number;
  failed: number;
  messages: number;
}

/** Messages that are stored together, and how many such batches at once: while one is read and sent, another is written. */
const [batch, batchesAtOnce] = [8_000, 2];
/** Characters of such a batch, after which it is full whatever it has. */
const maxChars = 1024 * 1024;
/** Rows of one conversation that are held at once. */
const maxRows = 1_000_000;
const faultsOfConversations = new Set<ErrorCode>(["invalid_input", "too_large", "conflict", "not_found"]);

export interface ImportSettings {
  /** Called before so many rows are written; what it throws ends the import. */
  beforeRows?: ((count: number) => Promise<void>) | undefined;
  /** Ends the import after what is being stored; what was stored stays. */
  signal?: AbortSignal | undefined;
}

/** A conversation that is wrong is reported, and the others go on. @throws what is not its fault, such as unavailable */
export async function importConversations(
  mine: UserStore,
  userId: string,
  values: AsyncIterable<Value>,
  settings: ImportSettings = {},
): Promise<ProductReport> {
  const importing = new Import(mine, userId, settings);
  const files = new ExportedFiles();
  try {
    for await (const value of values) {
      settings.signal?.throwIfAborted();
      const taken = await files.take(value);
      if (taken) await importing.take(taken);
    }
    for (const value of files.leftOut()) await importing.take(value);
    return await importing.end();
  } finally {
    await files.remove();
  }
}

interface Waiting extends WithFiles {
  report: ConversationReport;
}

/** Of the file that is being read. */
interface OpenFile {
  name: string;
  conversations: number;
  /** Values that are of no format. */
  unknown: number;
  rows: { format: RowFormat; key: string; values: unknown[]; assets: AssetFinder | undefined } | undefined;
}

class Import {
  readonly #report: ProductReport = {
    conversations: [],
    faults: [],
    skipped: [],
    imported: 0,
    alreadyThere: 0,
    failed: 0,
    messages: 0,
  };
  readonly #mine: UserStore;
  readonly #userId: string;
  readonly #settings: ImportSettings;
  #file: OpenFile | undefined;
  #waiting: Waiting[] = [];
  /** Of all conversations so far. */
  readonly #ids = new Set<string>();
  #rows = 0;
  #chars = 0;
  /** What is being stored, while the next is read. */
  #storing: Promise<void>[] = [];

  constructor(mine: UserStore, userId: string, settings: ImportSettings) {
    this.#mine = mine;
    this.#userId = userId;
    this.#settings = settings;
  }

  async take(given: Value): Promise<void> {
    if (this.#file?.name !== given.file) await this.#endFile();
    if ("skipped" in given) this.#report.skipped.push({ file: given.file, reason: given.skipped });
    else if ("fault" in given) {
      await this.#endFile();
      this.#report.faults.push(given);
    } else {
      this.#file ??= { name: given.file, conversations: 0, unknown: 0, rows: undefined };
      await this.#takeValue(this.#file, given.value, given.assets);
    }
  }

  async end(): Promise<ProductReport> {
    await this.#endFile();
    await this.#storeAll();
    const report = this.#report;
    for (const { outcome, messages } of report.conversations) {
      report.messages += messages;
      if (outcome === "failed") report.failed += 1;
      else if (outcome === "imported") report.imported += 1;
      else report.alreadyThere += 1;
    }
    return report;
  }

  async #takeValue(file: OpenFile, value: unknown, assets: AssetFinder | undefined): Promise<void> {
    const format = conversationFormats.find((each) => each.detect(value));
    if (format) return await this.#takeConversation(file, format, value, assets);
    const rowFormat = rowFormats.find((each) => each.detect(value));
    if (!rowFormat) {
      file.unknown += 1;
      return;
    }
    const key = rowFormat.keyOf(value);
    const { rows } = file;
    if (rows && (rows.format !== rowFormat || rows.key !== key || rows.values.length >= maxRows))
      await this.#endRows(file);
    file.rows ??= { format: rowFormat, key, values: [], assets };
    file.rows.values.push(value);
  }

  async #takeConversation(
    file: OpenFile,
    format: ConversationFormat,
    value: unknown,
    assets: AssetFinder | undefined,
  ): Promise<void> {
    const line = this.#lineOf(file, format);
    const read = attempt(line, () => format.read(value, this.#userId));
    if (read) await this.#waitWithFiles(read, line, assets);
  }

  async #waitWithFiles(read: ReadConversation, line: ConversationReport, assets: AssetFinder | undefined) {
    const { beforeRows } = this.#settings;
    await this.#wait(await withFiles(this.#mine, this.#userId, storableOf(read), { assets, beforeRows }), line);
  }

  async #endRows(file: OpenFile): Promise<void> {
    const { rows } = file;
    file.rows = undefined;
    if (!rows) return;
    const fault = this.#lineOf(file, rows.format);
    const all = attempt(fault, () => rows.format.read(rows.values));
    this.#report.conversations.pop();
    file.conversations -= 1;
    if (!all) {
      file.conversations += 1;
      this.#report.conversations.push(fault);
    }
    for (const read of all ?? []) await this.#waitWithFiles(read, this.#lineOf(file, rows.format), rows.assets);
  }

  #lineOf(file: OpenFile, { name }: { name: string }): ConversationReport {
    file.conversations += 1;
    const line: ConversationReport = {
      file: file.name,
      number: file.conversations,
      format: name,
      messages: 0,
      alreadyThere: 0,
      outcome: "failed",
      leftOut: [],
    };
    this.#report.conversations.push(line);
    return line;
  }

  /** Values that nobody knows are wrong among conversations, and another kind of file where there are none. */
  async #endFile(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    if (!file) return;
    await this.#endRows(file);
    const { name, unknown, conversations } = file;
    if (unknown === 0) return;
    if (conversations === 0) {
      this.#report.skipped.push({ file: name, reason: `It has no conversations of ${productNames}.` });
    } else {
      const fault = `${unknown} of its entries are no conversations that are known: they were left out.`;
      this.#report.faults.push({ file: name, fault });
    }
  }

  async #wait(read: WithFiles, report: ConversationReport): Promise<void> {
    report.leftOut = read.leftOut;
    const { id } = read.conversation;
    if (this.#ids.has(id)) await this.#storeAll();
    this.#ids.add(id);
    this.#waiting.push({ ...read, report });
    this.#rows += read.conversation.messages.length + 1;
    this.#chars += charsOf(read.conversation.messages);
    if (this.#rows >= batch || this.#chars >= maxChars) await this.#store();
  }

  async #storeAll(): Promise<void> {
    await this.#store();
    await Promise.all(this.#storing.splice(0));
  }

  async #store(): Promise<void> {
    const [waiting, rows] = [this.#waiting, this.#rows];
    [this.#waiting, this.#rows, this.#chars] = [[], 0, 0];
    if (this.#storing.length >= batchesAtOnce) await this.#storing.shift();
    if (waiting.length === 0) return;
    await this.#settings.beforeRows?.(rows);
    const storing = storeAll(this.#mine, waiting);
    // Whoever waits for it hears of it.
    storing.catch(() => {});
    this.#storing.push(storing);
    await pause();
  }
}

/** About as many as they have. */
function charsOf(messages: ReadConversation["conversation"]["messages"]): number {
  const ofPart = (part: Part) => (typeof part["text"] === "string" ? part["text"].length : JSON.stringify(part).length);
  return messages.reduce(
    (sum, { content = "", parts = [] }) => sum + content.length + parts.reduce((all, part) => all + ofPart(part), 0),
    0,
  );
}

/** What a conversation says of itself is searched and listed, so unlike its messages it takes no NUL and no half surrogates. */
export function storableOf({ conversation, leftOut }: ReadConversation): ReadConversation {
  const { metadata, ...others } = conversation;
  const texts = { title: others.title, model: others.model, instructions: others.instructions };
  const cleaned = storable({ ...texts, metadata });
  const about = (cleaned?.value ?? { ...texts, metadata }) as typeof texts & { metadata?: typeof metadata };
  for (const name of ["title", "model", "instructions"] as const) if (!about[name]?.trim()) delete about[name];
  if (!about.metadata) delete about.metadata;
  const { title: _, model: __, instructions: ___, ...rest } = others;
  const reason = "Of its title or metadata characters that cannot be stored (NUL, half a surrogate pair) are left out.";
  return { conversation: { ...rest, ...about }, leftOut: cleaned ? [...leftOut, { reason }] : leftOut };
}

function attempt<Read>(line: ConversationReport, read: () => Read): Read | undefined {
  try {
    return read();
  } catch (error) {
    line.error = error instanceof FormatError ? error.message : "This conversation cannot be read.";
    return undefined;
  }
}

/** All at once; where one is wrong, each by itself. */
async function storeAll(mine: UserStore, waiting: readonly Waiting[]): Promise<void> {
  try {
    const results = await mine.import(waiting.map(({ conversation }) => conversation));
    for (const [index, result] of results.entries()) noteStored(waiting[index], result);
  } catch (error) {
    if (!isFaultOfOne(error)) throw error;
    const [only] = waiting;
    if (waiting.length === 1 && only?.bare) {
      // Its messages may be there already, without their files.
      only.report.leftOut = only.bare.leftOut;
      await storeAll(mine, [{ ...only.bare, report: only.report }]);
    } else if (waiting.length === 1 && only) noteFailed(only, error);
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

/** The store names a conversation by its place in what it was given, which nobody knows. */
export function faultOf({ message }: Error): string {
  return message.replace(/^conversations\.\d{1,9}\./, "Its ");
}

function noteFailed({ report }: Waiting, error: Error): void {
  report.leftOut = [];
  report.error = error instanceof RangeError ? "It is nested too deep to be read." : faultOf(error);
}
