/** Copilot's activity as a table: a row for each message, with its conversation's name, and no ids. */
import {
  type Fields,
  fieldsOf,
  type ImportedMessage,
  idFrom,
  inLine,
  isFields,
  type LeftOut,
  metadataOf,
  othersOf,
  type RowFormat,
  textOr,
  textPart,
  timeOf,
  titleOf,
  uniqueIds,
} from "./format.ts";

/** Both sets of names that its export has had. */
const namesOf = {
  conversation: ["Conversation", "ChatName"],
  time: ["Time", "CreatedAt"],
  author: ["Author"],
  message: ["Message", "MessageContent"],
} as const;

function take(row: Fields, what: keyof typeof namesOf): string {
  return namesOf[what].map((name) => textOr(row[name], "")).find((text) => text !== "") ?? "";
}

export const copilot: RowFormat = {
  name: "copilot",
  detect: (value) =>
    isFields(value) && Object.values(namesOf).every((names) => names.some((name) => typeof value[name] === "string")),
  keyOf: (value) => take(fieldsOf(value), "conversation"),
  read(rows) {
    const leftOut: LeftOut[] = [];
    const sources = inTime(rows.map(fieldsOf), leftOut);
    const [first] = sources;
    const name = first ? take(first, "conversation") : "";
    const unique = uniqueIds();
    const conversation = {
      id: `copilot:${idFrom(name, first && take(first, "time"))}`,
      title: titleOf(name, leftOut),
      messages: inLine(sources.flatMap((row) => messageOf(unique(idFrom(row)), row, leftOut))),
    };
    return [{ conversation, leftOut }];
  },
};

/** Newest first in some files. */
function inTime(rows: Fields[], leftOut: LeftOut[]): Fields[] {
  const at = (row: Fields | undefined) => timeOf(row && take(row, "time"), [])?.getTime() ?? 0;
  const isReversed = rows.length > 1 && at(rows[0]) > at(rows.at(-1));
  if (rows.some((row) => at(row) === 0))
    leftOut.push({ reason: "Some of its messages have no time that can be read." });
  return isReversed ? rows.toReversed() : rows;
}

const used = Object.values(namesOf).flat() as string[];

function messageOf(id: string, row: Fields, leftOut: LeftOut[]): ImportedMessage[] {
  const text = take(row, "message");
  if (!text) {
    leftOut.push({ messageId: id, reason: "It has no content." });
    return [];
  }
  const author = take(row, "author").toLowerCase();
  const createdAt = timeOf(take(row, "time"), []);
  return [
    {
      id,
      role: ["user", "human", "you"].includes(author) ? "user" : "assistant",
      parts: [textPart(text)],
      ...(createdAt && { createdAt }),
      ...metadataOf({ copilot: othersOf(row, used, leftOut, id) }),
    },
  ];
}
