/** A check that finds nothing proves nothing: each kind of damage is found, and nothing where there is none. */
import { randomUUID } from "node:crypto";
import { beforeEach, expect, it } from "vitest";
import { numbers } from "../helpers/speaking-endpoint.ts";
import { Journal } from "./journal.ts";
import { type Findings, type Stored, type StoredMessage, verify } from "./verify.ts";

const conversationId = "c0000000-0000-4000-8000-000000000001";
const runId = "r1";
let journal: Journal;
let stored: Stored;

const message = (each: Partial<StoredMessage> & Pick<StoredMessage, "id" | "seq" | "role" | "content">) => ({
  conversationId,
  parentId: null,
  status: "complete",
  ...each,
});

/** A pair, then a question with its reply, of which somebody was shown everything. */
beforeEach(() => {
  journal = new Journal();
  journal.conversations.set(conversationId, { user: { name: "ann", token: "" }, isAcknowledged: true });
  const pair = journal.append(conversationId, [1, 1]);
  const question = journal.question(conversationId, 3);
  const reply = randomUUID();
  pair.isAcknowledged = true;
  question.isAcknowledged = true;
  const text = numbers(3);
  const events = [
    { type: "start", messageId: reply },
    { type: "text-delta", delta: text.slice(0, 3) },
    { type: "text-delta", delta: text.slice(3) },
  ];
  for (const [index, event] of events.entries()) journal.show(runId, index + 1, JSON.stringify(event), index);
  journal.end(runId, "finish");
  stored = {
    conversations: [{ id: conversationId, messageCount: 4 }],
    messages: [
      ...pair.messages.map((each, index) => message({ ...each, seq: index + 1 })),
      message({ id: question.id, seq: 3, role: "user", content: question.text }),
      message({ id: reply, seq: 4, role: "assistant", content: text, parentId: question.id }),
    ],
    runs: [{ id: runId, messageId: reply, status: "completed" }],
  };
});

const found = () => {
  const kinds = Object.entries(verify(journal, stored)).filter(([, list]) => list.length > 0);
  return kinds.map(([kind]) => kind as keyof Findings);
};
const at = (index: number) => stored.messages[index] as StoredMessage;

it("finds nothing where all is as it was acknowledged and shown", () => {
  expect(found()).toEqual([]);
});

it("finds a pair that was acknowledged and is not there", () => {
  stored.messages.splice(0, 2);
  expect(found()).toEqual(["lost", "gaps", "miscounted"]);
});

it("does not miss a pair that was never acknowledged, but wants all of it or nothing", () => {
  journal.append(conversationId, [1, 1]);
  expect(found()).toEqual([]);
  const half = journal.append(conversationId, [1, 1]).messages[0];
  if (half) stored.messages.push(message({ ...half, seq: 5 }));
  stored.conversations = [{ id: conversationId, messageCount: 5 }];
  expect(found()).toEqual(["torn"]);
});

it("finds a pair with something in its middle", () => {
  [at(1).seq, at(2).seq] = [3, 2];
  stored.messages.sort((a, b) => a.seq - b.seq);
  expect(found()).toEqual(["torn"]);
});

it("finds what was stored twice under two ids", () => {
  stored.messages.push(message({ ...at(0), id: randomUUID(), seq: 5 }));
  stored.conversations = [{ id: conversationId, messageCount: 5 }];
  expect(found()).toEqual(["doubled"]);
});

it("finds a question that was answered twice", () => {
  stored.messages.push(message({ ...at(3), id: randomUUID(), seq: 5 }));
  stored.conversations = [{ id: conversationId, messageCount: 5 }];
  expect(found()).toEqual(["doubled"]);
});

it("finds a conversation that was acknowledged and is not there", () => {
  journal.conversations.set(randomUUID(), { user: { name: "ann", token: "" }, isAcknowledged: true });
  expect(found()).toEqual(["lost"]);
});

it("finds a place that is taken twice and one that is empty, also when their number is right", () => {
  at(3).seq = 5;
  expect(found()).toEqual(["gaps"]);
});

it("finds a draft and a run that nobody writes any more", () => {
  journal.shown.clear();
  at(3).status = "streaming";
  stored.runs = [{ id: runId, messageId: at(3).id, status: "running" }];
  expect(found()).toEqual(["unfinished"]);
});

it("finds a reply that is not what was shown, or ended otherwise", () => {
  at(3).status = "interrupted";
  expect(found()).toEqual(["mismatched"]);
  at(3).status = "complete";
  at(3).content = "1 2 ";
  expect(found()).toEqual(["torn", "mismatched"]);
});

it("finds an event that was left out, repeated, or shown twofold", () => {
  journal.show(runId, 3, journal.shown.get(runId)?.events.get(3) ?? "", 1);
  expect(found()).toEqual(["mismatched"]);
  journal.mismatched.length = 0;
  journal.show(runId, 2, JSON.stringify({ type: "text-delta", delta: "other" }), 1);
  expect(verify(journal, stored).mismatched).toHaveLength(2);
});
