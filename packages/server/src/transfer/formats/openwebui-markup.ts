/** `<details type="reasoning">` and `<details type="tool_calls">`, as Open WebUI writes them into the text of a reply. */
import type { Part } from "chatkeep";
import { decodeHTML } from "entities";
import { jsonOr, textPart, toolPart } from "./format.ts";

interface Piece {
  text: string;
  /** Of what is marked up: what its tag says. */
  tag?: Record<string, string>;
}

const [opening, closing] = ['<details type="', "</details>"];
const [summaryOpening, summaryClosing] = ["<summary>", "</summary>"];

/** The text in parts, in the order in which they stand there. */
export function markedUp(content: string): Part[] {
  return piecesOf(content).flatMap(({ text, tag }, index) => (tag ? partOf(tag, text, index) : said(text)));
}

export function withoutMarkup(content: string): string {
  return piecesOf(content)
    .map(({ text, tag }) => (tag ? "" : text))
    .join("");
}

function said(text: string): Part[] {
  return text.trim() === "" ? [] : [textPart(text.trim())];
}

/** What is not closed is text like any other. */
function piecesOf(content: string): Piece[] {
  const pieces: Piece[] = [];
  let from = 0;
  for (let at = content.indexOf(opening); at >= 0; at = content.indexOf(opening, from)) {
    const tagEnd = content.indexOf(">", at);
    const end = content.indexOf(closing, at);
    if (tagEnd < 0 || end < tagEnd) break;
    pieces.push({ text: content.slice(from, at) });
    pieces.push({ text: content.slice(tagEnd + 1, end), tag: attributesOf(content.slice(at, tagEnd)) });
    from = end + closing.length;
  }
  pieces.push({ text: content.slice(from) });
  return pieces;
}

function attributesOf(tag: string): Record<string, string> {
  const found = tag.matchAll(/\s([\w-]+)="([^"]*)"/g);
  return Object.fromEntries([...found].map(([, name, value]) => [name as string, decodeHTML(value as string)]));
}

function partOf(tag: Record<string, string>, inner: string, index: number): Part[] {
  const from = inner.indexOf(summaryClosing);
  const body = (inner.includes(summaryOpening) && from >= 0 ? inner.slice(from + summaryClosing.length) : inner).trim();
  if (tag["type"] === "reasoning") return body === "" ? [] : [{ type: "reasoning", text: unquoted(decodeHTML(body)) }];
  if (tag["type"] === "tool_calls") {
    const call = { id: tag["id"] || `call_${index}`, name: tag["name"] ?? "tool", input: jsonOr(tag["arguments"]) };
    const output = tag["result"] ?? decodeHTML(body);
    return [output === "" ? toolPart(call) : toolPart(call, { output: jsonOr(output) })];
  }
  return [{ type: "data-openwebui-details", data: { ...tag, text: body } }];
}

/** Thoughts are quoted, line by line. */
function unquoted(text: string): string {
  return text
    .split("\n")
    .map((line) => (line.startsWith("> ") ? line.slice(2) : line === ">" ? "" : line))
    .join("\n");
}
