/**
 * The page of a shared conversation: HTML without a script, which loads nothing. Shown are the words of people and models, names of
 * files and sources; nothing else that a message has goes out.
 */
import { createHash } from "node:crypto";
import type { Message, Part } from "chatkeep";
import { micromark } from "micromark";
import { gfm, gfmHtml } from "micromark-extension-gfm";
import type { SharedConversation } from "./shares.ts";

const style = `
:root{color-scheme:light dark;--page:#faf9f6;--raised:#fff;--line:#e4e0d8;--ink:#1f1d1a;--quiet:#6b655c;--brand:#b4532a;--tint:#f4ece4}
@media (prefers-color-scheme:dark){:root{--page:#1a1917;--raised:#242220;--line:#3a3733;--ink:#ece8e1;--quiet:#a8a196;--brand:#e08b5f;--tint:#2c2723}}
*{box-sizing:border-box}body{margin:0;background:var(--page);color:var(--ink);font:16px/1.75 system-ui,sans-serif}
header,main,footer{max-width:46rem;margin:0 auto;padding:0 1rem}header{padding-top:2rem}h1{font-size:1.4rem;line-height:1.3;margin:.25rem 0}
.quiet{color:var(--quiet);font-size:.875rem;margin:0}ol{list-style:none;padding:0;margin:1.5rem 0}li.turn{margin:0 0 2.5rem}
.user{background:var(--tint);border-radius:1rem;padding:.75rem 1rem}.turn>h2{font-size:.8rem;font-weight:600;color:var(--quiet);margin:0 0 .25rem}
.words{overflow-wrap:anywhere}.words>:first-child{margin-top:0}.words>:last-child{margin-bottom:0}a{color:var(--brand)}
pre{overflow-x:auto;background:var(--raised);border:1px solid var(--line);border-radius:.5rem;padding:.75rem 1rem;line-height:1.5}
code{font-family:ui-monospace,monospace;font-size:.9em}table{border-collapse:collapse;display:block;overflow-x:auto}
th,td{border:1px solid var(--line);padding:.25rem .6rem;text-align:start}blockquote{margin:0;padding-inline-start:1rem;border-inline-start:3px solid var(--line)}
.beside{font-size:.875rem;color:var(--quiet)}footer{border-top:1px solid var(--line);padding-block:1rem 3rem}
`;

/** It has one style, known by its hash, and nothing else may be loaded or run, sent or framed. */
export const sharedPolicy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const words = {
  en: {
    shared: "Shared conversation",
    untitled: "Conversation",
    about: (date: string) => `Shared on ${date}. Anyone with this link can read it.`,
    user: "Question",
    assistant: "Answer",
    file: "File",
    source: "Source",
    gone: "This message was removed.",
    writing: "This answer is still being written: load the page again in a moment.",
    cut: "What was said before is left out here: it is too long for a page.",
    made: "Written with a language model, which makes mistakes.",
    lost: "This link leads nowhere",
    lostText: "It was never there, its time is over, or whoever shared it has ended that. Ask them for a new one.",
  },
  de: {
    shared: "Geteilte Unterhaltung",
    untitled: "Unterhaltung",
    about: (date: string) => `Geteilt am ${date}. Wer diesen Link hat, kann sie lesen.`,
    user: "Frage",
    assistant: "Antwort",
    file: "Datei",
    source: "Quelle",
    gone: "Diese Nachricht wurde entfernt.",
    writing: "Diese Antwort wird noch geschrieben: lade die Seite gleich noch einmal.",
    cut: "Was davor gesagt wurde, fehlt hier: Es ist zu lang für eine Seite.",
    made: "Mit einem Sprachmodell geschrieben, das sich irren kann.",
    lost: "Dieser Link führt nirgendwohin",
    lostText: "Es gab ihn nie, seine Zeit ist vorbei, oder wer ihn geteilt hat, hat ihn beendet. Bitte um einen neuen.",
  },
};

type Language = keyof typeof words;

/** The first of ours that a browser names; English when it names none. */
export function languageOf(accepted: string | undefined): Language {
  const named = (accepted ?? "").split(",").map((each) => each.trim().slice(0, 2).toLowerCase());
  return named.find((tag): tag is Language => Object.hasOwn(words, tag)) ?? "en";
}

export function sharedPage({ title, createdAt, messages, isCut }: SharedConversation, language: Language): string {
  const t = words[language];
  const date = new Intl.DateTimeFormat(language, { dateStyle: "long", timeZone: "UTC" }).format(createdAt);
  const turns = messages.flatMap((message) => turn(message, language));
  const name = title ?? t.untitled;
  return page(
    language,
    `${name} · ${t.shared}`,
    `<header><p class="quiet">${t.shared}</p><h1 dir="auto">${escaped(name)}</h1><p class="quiet">${t.about(date)}</p></header>
<main>${isCut ? `<p class="quiet">${t.cut}</p>` : ""}<ol>${turns.join("\n")}</ol></main>
<footer><p class="quiet">${t.made}</p></footer>`,
  );
}

/** For a link that is none, or not any more. */
export function lostPage(language: Language): string {
  const t = words[language];
  return page(language, t.lost, `<main><h1>${t.lost}</h1><p>${t.lostText}</p></main>`);
}

function page(language: Language, title: string, body: string): string {
  return `<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex, nofollow">
<meta name="referrer" content="no-referrer">
<title>${escaped(title)}</title>
<style>${style}</style>
</head>
<body>
${body}
</body>
</html>
`;
}

/** What a system or a tool says is not for readers. */
function turn({ role, status, content, parts }: Message, language: Language): string[] {
  if (role !== "user" && role !== "assistant") return [];
  const t = words[language];
  const said =
    status === "deleted" ? note(t.gone) : status === "streaming" ? note(t.writing) : bodyOf(content, parts, t);
  if (said === "") return [];
  return [`<li class="turn ${role}"><h2>${t[role]}</h2><div class="words" dir="auto">${said}</div></li>`];
}

function note(text: string): string {
  return `<p class="quiet">${text}</p>`;
}

function bodyOf(content: string, parts: readonly Part[] | null, t: (typeof words)[Language]): string {
  if (!parts) return inHtml(content);
  return parts.map((part) => partOf(part, t)).join("\n");
}

function partOf(part: Part, t: (typeof words)[Language]): string {
  if (part.type === "text") return inHtml(String(part["text"] ?? ""));
  if (part.type === "file") return beside(t.file, escaped(String(part["filename"] ?? part["mediaType"] ?? "")));
  if (part.type !== "source-url") return "";
  const url = URL.parse(String(part["url"] ?? ""));
  if (url?.protocol !== "https:" && url?.protocol !== "http:") return "";
  const title = escaped(String(part["title"] ?? url.href));
  return beside(t.source, `<a href="${escaped(url.href)}" rel="noopener noreferrer nofollow">${title}</a>`);
}

function beside(label: string, html: string): string {
  return html === "" ? "" : `<p class="beside">${label}: ${html}</p>`;
}

/** Markdown, of which HTML is shown as it is written; addresses that are none of the web lead nowhere, and pictures are their words. */
function inHtml(markdown: string): string {
  const html = micromark(markdown, { extensions: [gfm()], htmlExtensions: [gfmHtml()] });
  return html
    .replaceAll("<a href=", '<a rel="noopener noreferrer nofollow" href=')
    .replaceAll(/<img src="[^"]*" alt="([^"]*)"(?: title="[^"]*")? \/>/g, '<span class="beside">$1</span>');
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
