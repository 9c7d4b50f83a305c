/** Gemini's activity of Google Takeout: a turn for each entry, newest first, without conversations. */
import type { Part } from "chatkeep";
import TurndownService from "turndown";
import {
  type Fields,
  fieldsOf,
  type ImportedMessage,
  idFrom,
  inLine,
  isFields,
  type LeftOut,
  listOf,
  metadataOf,
  othersOf,
  type ReadConversation,
  type RowFormat,
  textOr,
  textPart,
  timeOf,
  titleOf,
  uniqueIds,
} from "./format.ts";

/** Who says nothing for so long has begun another conversation; the file does not say it. */
const silenceMs = 30 * 60 * 1000;

export const gemini: RowFormat = {
  name: "gemini",
  detect: (value) =>
    isFields(value) &&
    typeof value["time"] === "string" &&
    typeof value["title"] === "string" &&
    ("safeHtmlItem" in value || "header" in value),
  keyOf: () => "",
  read(rows) {
    const turns = rows.map(fieldsOf).map((source) => ({ source, at: timeOf(source["time"], [])?.getTime() ?? 0 }));
    turns.sort((one, other) => one.at - other.at);
    const prefix = prefixOf(turns.map(({ source }) => textOr(source["title"], "")));
    return groupsOf(turns).map((group) => conversationOf(group, prefix));
  },
};

type Turn = { source: Fields; at: number };

/** By the address of the conversation where an entry has one, else by silence. */
function groupsOf(turns: readonly Turn[]): Turn[][] {
  const groups: Turn[][] = [];
  const named = new Map<string, Turn[]>();
  let before: Turn | undefined;
  let last: Turn[] | undefined;
  for (const turn of turns) {
    const name = addressOf(turn.source);
    const byName = name === undefined ? undefined : named.get(name);
    if (byName) byName.push(turn);
    else if (name === undefined && before && last && turn.at - before.at < silenceMs) last.push(turn);
    else {
      const group = [turn];
      groups.push(group);
      if (name !== undefined) named.set(name, group);
      else last = group;
    }
    if (name === undefined) before = turn;
  }
  return groups;
}

function addressOf({ titleUrl }: Fields): string | undefined {
  const url = textOr(titleUrl, "");
  return url.includes("/app/") ? url : undefined;
}

/** "Prompted " in the language of the account: what the titles of nearly all entries begin with, up to a space or a colon. */
function prefixOf(titles: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const title of titles) {
    const end = title.search(/[\s:\u00a0]/);
    if (end > 0) counts.set(title.slice(0, end), (counts.get(title.slice(0, end)) ?? 0) + 1);
  }
  const [word, count] = [...counts].sort((one, other) => other[1] - one[1])[0] ?? ["", 0];
  return word === "Prompted" || (titles.length >= 5 && count > titles.length * 0.8) ? word : "Prompted";
}

function conversationOf(turns: readonly Turn[], prefix: string): ReadConversation {
  const leftOut: LeftOut[] = [];
  const unique = uniqueIds();
  const [first] = turns;
  const messages = turns.flatMap(({ source }) =>
    messagesOf(source, unique(idFrom(source["time"], source["title"])), prefix, leftOut),
  );
  const question = textOr(messages[0]?.parts?.[0]?.["text"], "");
  const conversation = {
    id: `gemini:${addressOf(first?.source ?? {}) ? idFrom(first?.source["titleUrl"]) : idFrom(first?.source["time"])}`,
    title: titleOf(question.split("\n", 1)[0]?.slice(0, 80), leftOut),
    messages: inLine(messages),
  };
  return { conversation, leftOut };
}

const markdown = new TurndownService({ headingStyle: "atx", codeBlockStyle: "fenced", bulletListMarker: "-" });
const used = [
  "header",
  "title",
  "titleUrl",
  "time",
  "safeHtmlItem",
  "products",
  "activityControls",
  "attachedFiles",
  "imageFile",
];

function messagesOf(source: Fields, id: string, prefix: string, leftOut: LeftOut[]): ImportedMessage[] {
  const createdAt = timeOf(source["time"], leftOut, id);
  const time = createdAt && { createdAt };
  const title = textOr(source["title"], "");
  const isPrompt = title.startsWith(prefix);
  const asked = isPrompt ? title.slice(prefix.length).replace(/^[\s:\u00a0]+/, "") : title;
  const files: Part[] = [...listOf(source["attachedFiles"]), source["imageFile"]].filter(Boolean).map((data) => {
    leftOut.push({ messageId: id, reason: "The bytes of an attached file are not brought in." });
    return { type: "data-gemini-file", data };
  });
  const answer = listOf(source["safeHtmlItem"])
    .map((item) => markdown.turndown(textOr(fieldsOf(item)["html"], "")))
    .join("\n\n");
  if (!answer) leftOut.push({ messageId: id, reason: "The export has no answer to it." });
  const question: ImportedMessage[] =
    asked || files.length > 0
      ? [
          {
            id,
            role: "user",
            parts: [...(asked ? [textPart(asked)] : []), ...files],
            ...time,
            ...metadataOf({ gemini: othersOf(source, used, leftOut, id) }),
          },
        ]
      : [];
  if (question.length === 0) leftOut.push({ messageId: id, reason: "The export has no question." });
  return [
    ...question,
    ...(answer ? [{ id: `${id}:answer`, role: "assistant" as const, parts: [textPart(answer)], ...time }] : []),
  ];
}
