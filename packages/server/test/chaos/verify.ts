/** Holds what is stored against what clients sent, were told and were shown. Knows no database, so that it can be tested itself. */
import { numbers } from "../helpers/speaking-endpoint.ts";
import type { Journal } from "./journal.ts";

export interface StoredMessage {
  id: string;
  conversationId: string;
  seq: number;
  parentId: string | null;
  role: string;
  status: string;
  content: string;
}

export interface Stored {
  conversations: { id: string; messageCount: number }[];
  /** By conversation and seq. */
  messages: StoredMessage[];
  runs: { id: string; messageId: string; status: string }[];
}

/** What is wrong, by kind; empty lists when nothing is. */
export type Findings = Record<
  "lost" | "doubled" | "torn" | "gaps" | "miscounted" | "unfinished" | "mismatched",
  string[]
>;

export function verify(journal: Journal, stored: Stored): Findings {
  const byId = new Map(stored.messages.map((message) => [message.id, message]));
  const found: Findings = {
    lost: [],
    doubled: [],
    torn: [],
    gaps: [],
    miscounted: [],
    unfinished: [],
    mismatched: [...journal.mismatched],
  };
  checkAppends(journal, byId, found);
  checkQuestions(journal, stored, byId, found);
  checkConversations(journal, stored, found);
  checkShown(journal, stored, byId, found);
  return found;
}

type ById = ReadonlyMap<string, StoredMessage>;

function checkAppends({ appends }: Journal, byId: ById, { lost, torn }: Findings): void {
  for (const { conversationId, messages, isAcknowledged } of appends) {
    const rows = messages.map(({ id }) => byId.get(id));
    const [first] = rows;
    if (rows.every((row) => row === undefined)) {
      if (isAcknowledged) lost.push(`append ${messages[0]?.id} in ${conversationId}`);
      continue;
    }
    const isWhole = rows.every(
      (row, index) =>
        row &&
        first &&
        row.seq === first.seq + index &&
        row.conversationId === conversationId &&
        row.content === messages[index]?.content &&
        row.role === messages[index]?.role,
    );
    if (!isWhole) torn.push(`append ${messages[0]?.id} in ${conversationId}`);
  }
}

function checkQuestions({ questions }: Journal, stored: Stored, byId: ById, found: Findings): void {
  const replies = Map.groupBy(
    stored.messages.filter(({ role }) => role === "assistant"),
    ({ parentId }) => parentId,
  );
  for (const { id, text, count, isAcknowledged } of questions) {
    const row = byId.get(id);
    if (!row && isAcknowledged) found.lost.push(`question ${id}`);
    if (row && row.content !== text) found.torn.push(`question ${id}`);
    // What others appended meanwhile may follow the question too.
    const said = (replies.get(id) ?? []).filter(({ content }) => !content.startsWith("sent "));
    if (row && said.length === 0) found.torn.push(`question ${id} has no reply`);
    const whole = said.filter(({ status }) => status === "complete");
    if (whole.length > 1) found.doubled.push(`question ${id} was answered ${whole.length} times`);
    const all = numbers(count);
    for (const reply of said) {
      const isRight = reply.status === "complete" ? reply.content === all : all.startsWith(reply.content);
      if (!isRight) found.torn.push(`reply ${reply.id} (${reply.status}) is not what the model said`);
    }
  }
}

function checkConversations({ conversations }: Journal, stored: Stored, found: Findings): void {
  const rows = new Map(stored.conversations.map((row) => [row.id, row]));
  const messages = Map.groupBy(stored.messages, ({ conversationId }) => conversationId);
  for (const [id, { isAcknowledged }] of conversations) {
    if (isAcknowledged && !rows.has(id)) found.lost.push(`conversation ${id}`);
  }
  for (const { id, messageCount } of stored.conversations) {
    const own = messages.get(id) ?? [];
    if (messageCount !== own.length) found.miscounted.push(`${id} says ${messageCount}, has ${own.length}`);
    if (own.some(({ seq }, index) => seq !== index + 1)) found.gaps.push(id);
    const written = own.filter(({ content }) => /^(sent|count) /.test(content)).map(({ content }) => content);
    const twice = written.length - new Set(written).size;
    if (twice > 0) found.doubled.push(`${twice} messages in ${id}`);
  }
  for (const { id, status } of stored.messages) if (status === "streaming") found.unfinished.push(`message ${id}`);
  for (const { id, status } of stored.runs) if (status === "running") found.unfinished.push(`run ${id}`);
}

const statusesOf: Record<string, string[]> = {
  finish: ["complete"],
  abort: ["stopped"],
  error: ["failed", "interrupted"],
};

function checkShown({ shown, replays }: Journal, { runs }: Stored, byId: ById, { mismatched }: Findings): void {
  const messageOf = new Map(runs.map(({ id, messageId }) => [id, byId.get(messageId)]));
  for (const [runId, { events, ending }] of shown) {
    const message = messageOf.get(runId);
    if (!message) {
      mismatched.push(`run ${runId} was shown, and is not there`);
      continue;
    }
    const ordered = [...events].sort(([a], [b]) => a - b).map(([, event]) => JSON.parse(event));
    const text = ordered.map(({ type, delta }) => (type === "text-delta" ? delta : "")).join("");
    const isStored = ending === undefined ? message.content.startsWith(text) : message.content === text;
    if (!isStored) mismatched.push(`run ${runId}: shown ${text.length} letters, stored ${message.content.length}`);
    if (ending !== undefined && !statusesOf[ending]?.includes(message.status)) {
      mismatched.push(`run ${runId}: shown ${ending}, stored ${message.status}`);
    }
  }
  for (const { messageId, text } of replays) {
    if (byId.get(messageId)?.content !== text) mismatched.push(`message ${messageId} was replayed differently`);
  }
}
