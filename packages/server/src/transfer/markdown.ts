/** A conversation as Markdown, for people: who said what and when; what tools did, files and thoughts in words. */
import type { Conversation, Message } from "chatkeep";

type Part = { type: string } & Record<string, unknown>;

const roles: Record<Message["role"], string> = {
  user: "User",
  assistant: "Assistant",
  system: "System",
  tool: "Tool",
};

const endings: Record<Message["status"], string | undefined> = {
  complete: undefined,
  streaming: "This reply was still being written.",
  stopped: "This reply was stopped.",
  failed: "This reply failed.",
  interrupted: "This reply was interrupted.",
  deleted: "This message was deleted.",
};

/** What stands above the messages. */
export function headingOf({ title, createdAt }: Pick<Conversation, "title" | "createdAt">): string {
  return `# ${title ? lineOf(title) : "Conversation"}\n\nBegun ${timeOf(createdAt)}.\n`;
}

/** A message with an empty line before it. */
export function messageInMarkdown({ role, createdAt, content, parts, status }: Message): string {
  const said = status === "deleted" ? [] : ((parts ?? [{ type: "text", text: content }]) as Part[]).map(partInMarkdown);
  const blocks = [`## ${roles[role]} · ${timeOf(createdAt)}`, ...said, endings[status] && `*${endings[status]}*`];
  return `\n${blocks.filter(Boolean).join("\n\n")}\n`;
}

/** What ends a conversation that was deleted, or is shown from another branch, while it was read. */
export const cutInMarkdown =
  "\n*The conversation was changed or deleted while this was written: what came after it is not here.*\n";

function partInMarkdown(part: Part): string {
  const { type } = part;
  if (type === "text") return closed(textIn(part, "text"));
  if (type === "reasoning") return thoughts(textIn(part, "text"));
  if (type === "file") return file(part);
  if (type === "source-url" || type === "source-document") return source(part);
  if (type === "dynamic-tool" || type.startsWith("tool-")) return toolCall(part);
  if (type === "step-start") return "";
  return `*A part of the type ${code(type)} has no words: the JSON of this conversation has it.*`;
}

function thoughts(text: string): string {
  if (text.trim() === "") return "";
  return ["**Thoughts**", "", ...closed(text).split("\n")].map((line) => `> ${line}`.trimEnd()).join("\n");
}

function file(part: Part): string {
  const url = textIn(part, "url");
  const mediaType = textIn(part, "mediaType");
  const name = textIn(part, "filename") || mediaType || "without a name";
  const kind = mediaType && name !== mediaType ? ` (${lineOf(mediaType)})` : "";
  const where = link(name, url);
  return where ? `File: ${where}${kind}` : `File: ${lineOf(name)}${kind}; the JSON of this conversation has it.`;
}

function source(part: Part): string {
  const url = textIn(part, "url");
  const name = textIn(part, "title") || textIn(part, "filename") || url || "without a name";
  return `Source: ${link(name, url) ?? lineOf(name)}`;
}

const states: Record<string, string> = {
  "output-available": "",
  "output-error": " It failed:",
  "output-denied": " It was not allowed.",
  "approval-requested": " It waits to be allowed.",
  "approval-responded": " It was decided whether it may.",
};

function toolCall(part: Part): string {
  const name = part.type === "dynamic-tool" ? textIn(part, "toolName") : part.type.slice("tool-".length);
  const state = textIn(part, "state");
  const said = states[state] ?? " There is no answer of it.";
  const blocks = [`**Tool** ${code(name)}`];
  if (part["input"] !== undefined) blocks[0] += " was asked:";
  if (part["input"] !== undefined) blocks.push(json(part["input"]));
  if (state === "output-available") blocks.push("It answered:", json(part["output"] ?? null));
  else blocks.push(said.trim());
  if (state === "output-error") blocks.push(fenced(textIn(part, "errorText"), ""));
  return blocks.join("\n\n");
}

function json(value: unknown): string {
  return fenced(JSON.stringify(value, null, 2), "json");
}

/** In a fence that is longer than any in it. */
function fenced(text: string, language: string): string {
  const fence = "`".repeat(Math.max(3, longestRun(text) + 1));
  return `${fence}${language}\n${text}\n${fence}`;
}

function code(text: string): string {
  const fence = "`".repeat(longestRun(text) + 1);
  const line = text.replaceAll(/\s+/g, " ");
  return `${fence}${line.startsWith("`") || line.endsWith("`") ? ` ${line} ` : line}${fence}`;
}

function longestRun(text: string): number {
  return Math.max(0, ...(text.match(/`+/g) ?? []).map(({ length }) => length));
}

/** With the end of a block of code that has none, which would take in all that follows. */
function closed(text: string): string {
  let open: string | undefined;
  for (const line of text.split("\n")) {
    const [before = "", fence = ""] = /^ {0,3}(`{3,}|~{3,})/.exec(line) ?? [];
    const rest = line.slice(before.length);
    if (!fence || (fence.startsWith("`") && rest.includes("`"))) continue;
    if (open === undefined) open = fence;
    else if (fence[0] === open[0] && fence.length >= open.length && rest.trim() === "") open = undefined;
  }
  return open === undefined ? text : `${text}\n${open}`;
}

/** Where an address can be opened: no content that stands in the address itself. */
function link(name: string, url: string): string | undefined {
  return /^https?:\/\//i.test(url) && URL.canParse(url) ? `[${lineOf(name)}](<${new URL(url).href}>)` : undefined;
}

/** A text as one line that is nothing but text. */
function lineOf(text: string): string {
  return text
    .replaceAll(/\s+/g, " ")
    .trim()
    .replaceAll(/[\\`*_{}[\]<>#|~&]/g, "\\$&");
}

function textIn(part: Part, key: string): string {
  const value = part[key];
  return typeof value === "string" ? value : "";
}

function timeOf(time: Date): string {
  return `${time.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}
