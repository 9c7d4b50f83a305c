/** Session stores of the Claude Agent SDK: what it relies on, and what people and other clients see of a session. */
import { validateUIMessages } from "ai";
import type { Message } from "chatkeep";
import { createStore, InvalidInputError } from "chatkeep";
import { loadChat } from "chatkeep/ai-sdk";
import {
  conversationIdOf,
  createSessionStore,
  type FoldSessionSummary,
  type SessionEntry,
  type SessionKey,
} from "chatkeep/claude-agent";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createReader, toMessages } from "../src/protocols/claude-agent/entries.ts";
import { openTestDatabase, type TestDatabase } from "./helpers/database.ts";
import { isLong } from "./helpers/long.ts";
import { models, resetPeople } from "./helpers/people.ts";

let database: TestDatabase;
let people: Awaited<ReturnType<typeof resetPeople>>;
let sessions: ReturnType<typeof createSessionStore>;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  people = await resetPeople(database);
  sessions = createSessionStore({ store: people.store, userId: people.ids.ann });
});

const key: SessionKey = { projectKey: "-home-ann-app", sessionId: "0b5e1f9e-77b9-4d4f-8f2f-0c6f5a1d2e30" };
const agent = (name: string): SessionKey => ({ ...key, subpath: `subagents/agent-${name}` });
const other: SessionKey = { ...key, sessionId: "other" };
const elsewhere: SessionKey = { ...key, projectKey: "-home-ann-else" };
const marker = (value: number): SessionEntry => ({ type: "mode", value });
/** As another process has it: it knows nothing of what the first one is doing. */
const secondProcess = (foldSessionSummary?: FoldSessionSummary) =>
  createSessionStore({ store: createStore(database, models), userId: people.ids.ann, foldSessionSummary });
const numbered = (uuid: string, value = 0): SessionEntry => ({ type: "system", uuid, value });
const turn = (type: "user" | "assistant", uuid: string, content: unknown, more: object = {}): SessionEntry => ({
  parentUuid: null,
  isSidechain: false,
  type,
  message: { role: type, content },
  uuid,
  timestamp: "2026-11-26T12:00:00.000Z",
  sessionId: key.sessionId,
  ...more,
});
/** Five bytes of JSON for each. */
const big = (times: number) => 'x"é'.repeat(times);
const listed = async (projectKey: string) => (await sessions.listSessions(projectKey)).map((each) => each.sessionId);

describe("what the SDK relies on", () => {
  it("loads what was appended, nested values too, in the order of the list and of the calls", async () => {
    const entries = [{ type: "a", nested: { list: [1, { deep: null }] } }, marker(1), marker(2), marker(3)];
    await sessions.append(key, entries.slice(0, 2));
    await sessions.append(key, entries.slice(2, 3));
    await sessions.append(key, entries.slice(3));
    expect(await sessions.load(key)).toEqual(entries);
  });

  it("loads null where nothing was ever appended, also after an append of nothing, which changes nothing later", async () => {
    await sessions.append(key, []);
    expect(await sessions.load(key)).toBeNull();
    expect(await sessions.load(agent("a"))).toBeNull();
    expect(await listed(key.projectKey)).toEqual([]);
    await sessions.append(key, [marker(1)]);
    await sessions.append(key, []);
    expect(await sessions.load(key)).toEqual([marker(1)]);
  });

  it("keeps projects, sessions and subagents apart", async () => {
    const keys = [key, other, elsewhere, agent("a"), agent("b")];
    for (const [index, each] of keys.entries()) await sessions.append(each, [marker(index)]);
    expect(await Promise.all(keys.map(sessions.load))).toEqual(keys.map((_, index) => [marker(index)]));
  });

  it("lists the sessions of a project with the time of the last append, none for one that has none, and no subagents", async () => {
    const before = Date.now() - 60_000;
    await sessions.append(key, [marker(1)]);
    await sessions.append(other, [marker(2)]);
    await sessions.append(elsewhere, [marker(3)]);
    await sessions.append({ ...key, sessionId: "only-below", subpath: "subagents/x" }, [marker(4)]);
    const found = await sessions.listSessions(key.projectKey);
    expect(found.map(({ sessionId }) => sessionId)).toEqual([other.sessionId, key.sessionId]);
    expect(found.every(({ mtime }) => Number.isInteger(mtime) && mtime > before)).toBe(true);
    expect(await listed("never")).toEqual([]);
  });

  it("deletes a session with its subagents and nothing else, and takes it well when there is none", async () => {
    for (const each of [key, agent("a"), agent("b"), other, elsewhere]) await sessions.append(each, [marker(1)]);
    await sessions.delete(key);
    await sessions.delete({ projectKey: "never", sessionId: "never" });
    expect(await Promise.all([key, agent("a"), agent("b")].map(sessions.load))).toEqual([null, null, null]);
    expect(await sessions.listSubkeys(key)).toEqual([]);
    expect(await Promise.all([other, elsewhere].map(sessions.load))).toEqual([[marker(1)], [marker(1)]]);
    await sessions.append(key, [marker(2)]);
    expect(await sessions.load(key)).toEqual([marker(2)]);
  });

  it("deletes one subagent alone", async () => {
    for (const each of [key, agent("a"), agent("b")]) await sessions.append(each, [marker(1)]);
    await sessions.delete(agent("a"));
    expect(await Promise.all([key, agent("a"), agent("b")].map(sessions.load))).toEqual([
      [marker(1)],
      null,
      [marker(1)],
    ]);
  });

  it("lists the subagents of a session, never the session itself", async () => {
    await sessions.append(key, [marker(1)]);
    expect(await sessions.listSubkeys(key)).toEqual([]);
    for (const each of [agent("b"), agent("a"), { ...other, subpath: "subagents/c" }])
      await sessions.append(each, [marker(1)]);
    expect((await sessions.listSubkeys(key)).sort()).toEqual(["subagents/agent-a", "subagents/agent-b"]);
    expect(await sessions.listSubkeys({ projectKey: "never", sessionId: "never" })).toEqual([]);
  });
});

describe("appending again, and at once", () => {
  it("ignores a uuid that is stored, in the same list, in another one, and with other content", async () => {
    await sessions.append(key, [numbered("u1", 1), numbered("u1", 2), numbered("u2")]);
    await sessions.append(key, [numbered("u1", 1), numbered("u2"), numbered("u3")]);
    await sessions.append(key, [numbered("u4"), numbered("u2", 9), marker(1)]);
    const stored = ["u2", "u3", "u4"].map((uuid) => numbered(uuid));
    expect(await sessions.load(key)).toEqual([numbered("u1", 1), ...stored, marker(1)]);
  });

  it("takes one uuid in a session, its copy, its subagent and another user's session", async () => {
    const uuid = "7d4f2a30-5c0e-4b7e-9a2f-2f1f0a9b8c7d";
    const bobs = createSessionStore({ store: people.store, userId: people.ids.bob });
    for (const each of [key, other, agent("a")]) await sessions.append(each, [numbered(uuid, 1)]);
    await bobs.append(key, [numbered(uuid, 2)]);
    expect(await sessions.load(other)).toEqual([numbered(uuid, 1)]);
    expect(await bobs.load(key)).toEqual([numbered(uuid, 2)]);
  });

  it("stores entries without a uuid each time, and a list that is given again after a failure once", async () => {
    await sessions.append(key, [marker(1)]);
    await sessions.append(key, [marker(1)]);
    const { ann } = people;
    let isCut = true;
    const transaction: typeof ann.transaction = async (conversationId, work) => {
      const result = await ann.transaction(conversationId, work);
      if (isCut) throw new Error("The connection was lost before the answer came.");
      return result;
    };
    const user = { ...ann, transaction };
    const torn = createSessionStore({ store: { ...people.store, forUser: () => user }, userId: people.ids.ann });
    const entries = [marker(2), marker(3)];
    await expect(torn.append(key, entries)).rejects.toThrow("lost");
    isCut = false;
    await torn.append(key, entries);
    await torn.append(key, entries);
    const values = (await sessions.load(key))?.map(({ value }) => value);
    expect(values).toEqual([1, 1, 2, 3, 2, 3]);
  });

  it("takes more entries than one statement does, and the same again", async () => {
    const entries = Array.from({ length: 250 }, (_, index) => numbered(`u${index}`, index));
    await sessions.append(key, entries);
    await sessions.append(key, entries);
    expect(await sessions.load(key)).toEqual(entries);
  });

  it("keeps the order of calls that do not wait for each other, and each list of two processes together", async () => {
    const second = secondProcess();
    const lists = Array.from({ length: 8 }, (_, list) =>
      Array.from({ length: list === 3 ? 120 : 3 }, (_, index) => ({ type: "mode", list, index })),
    );
    await Promise.all(lists.map((list, index) => (index < 5 ? sessions : second).append(key, list)));
    const loaded = (await sessions.load(key)) ?? [];
    const own = loaded.filter(({ list }) => Number(list) < 5);
    expect(own).toEqual(lists.slice(0, 5).flat());
    for (const [number, list] of lists.entries()) {
      const start = loaded.findIndex((each) => each.list === number);
      expect(loaded.slice(start, start + list.length)).toEqual(list);
    }
    expect(loaded).toHaveLength(lists.flat().length);
  });

  it("makes one session when two processes begin it at once", async () => {
    const stores = Array.from({ length: 4 }, () => secondProcess());
    await Promise.all(stores.map((each, index) => each.append(key, [numbered("same"), marker(index)])));
    const loaded = (await sessions.load(key)) ?? [];
    expect(loaded.filter(({ uuid }) => uuid === "same")).toHaveLength(1);
    expect(loaded).toHaveLength(5);
  });
});

describe("bad and odd input", () => {
  it("gives back any JSON, with NUL, half surrogates and odd uuids", async () => {
    const text = fc.string({ unit: fc.oneof(fc.constantFrom("\0", "\ud800", "\udc00", "\uFFFD", "\\"), fc.string()) });
    const entry = fc.record(
      { type: fc.oneof(fc.constantFrom("user", "assistant", "system"), text), uuid: text, message: fc.jsonValue() },
      { requiredKeys: ["type"] },
    );
    let session = 0;
    const property = fc.asyncProperty(fc.array(entry, { minLength: 1, maxLength: 8 }), async (given) => {
      session += 1;
      const seen = new Set<string>();
      const isNew = ({ uuid }: SessionEntry) => !uuid || (!seen.has(uuid) && Boolean(seen.add(uuid)));
      const entries = JSON.parse(JSON.stringify(given)) as SessionEntry[];
      await sessions.append({ ...key, sessionId: `s${session}` }, entries);
      expect(await sessions.load({ ...key, sessionId: `s${session}` })).toEqual(entries.filter(isNew));
    });
    await fc.assert(property, { numRuns: isLong ? 200 : 25 });
  }, 120_000);

  it("refuses keys and entries that are none, and stores nothing of the list", async () => {
    const wrong: [unknown, unknown][] = [
      [{ ...key, projectKey: "" }, [marker(1)]],
      [{ ...key, subpath: "" }, [marker(1)]],
      [{ ...key, sessionId: "a\0b" }, [marker(1)]],
      [{ ...key, more: 1 }, [marker(1)]],
      [key, [marker(1), { uuid: "no type" }]],
      [key, [marker(1), null]],
      [key, [marker(1), { type: "big", value: 1n }]],
      [key, "text"],
    ];
    for (const [where, entries] of wrong) {
      const appended = sessions.append(where as SessionKey, entries as SessionEntry[]);
      await expect(appended).rejects.toThrow(InvalidInputError);
    }
    expect(await sessions.load(key)).toBeNull();
    expect(await listed(key.projectKey)).toEqual([]);
  });

  it("another user's session is absent, and is not deleted", async () => {
    await sessions.append(key, [marker(1)]);
    await sessions.append(agent("a"), [marker(1)]);
    const bobs = createSessionStore({ store: people.store, userId: people.ids.bob });
    expect(await bobs.load(key)).toBeNull();
    expect(await bobs.listSessions(key.projectKey)).toEqual([]);
    expect(await bobs.listSubkeys(key)).toEqual([]);
    await bobs.delete(key);
    await bobs.append(key, [marker(2)]);
    expect(await sessions.load(key)).toEqual([marker(1)]);
    expect(await sessions.load(agent("a"))).toEqual([marker(1)]);
  });
});

describe("what people and other clients see", () => {
  const call = { type: "tool_use", id: "t1", name: "Read", input: { file: "a.ts" } };
  const transcript: SessionEntry[] = [
    { type: "queue-operation", operation: "enqueue", content: "Fix the test" },
    { type: "file-history-snapshot", messageId: "u1", snapshot: {} },
    turn("user", "u0", "<local-command-stdout>cleared</local-command-stdout>"),
    turn("user", "u1", "Fix the test\0 \ud800"),
    turn("user", "u2", "Only for the model.", { isMeta: true }),
    turn("assistant", "u3", [{ type: "thinking", thinking: "Hm.", signature: "c2ln" }], { requestId: "r1" }),
    turn("assistant", "u4", [{ type: "text", text: "I look at it." }, call]),
    turn("user", "u5", [{ type: "tool_result", tool_use_id: "t1", content: [{ type: "text", text: "const a = 1;" }] }]),
    turn("user", "u6", [{ type: "tool_result", tool_use_id: "t0", content: "No such file.", is_error: true }]),
    { type: "system", subtype: "compact_boundary", uuid: "u7", content: "Conversation compacted" },
    turn("user", "u8", "The chat so far: …", { isCompactSummary: true }),
    turn("user", "u9", [
      { type: "text", text: "And this?" },
      { type: "image", source: { type: "base64", media_type: "image/png", data: "AAAA" } },
    ]),
    turn(
      "user",
      "u10",
      "<command-message>review</command-message><command-name>/review</command-name><command-args>12</command-args>",
    ),
    turn("assistant", "u11", [{ type: "redacted_thinking", data: "x" }]),
    turn("assistant", "u12", [{ type: "text", text: "Done." }]),
    { type: "last-prompt", lastPrompt: "/review 12" },
  ];
  const shown = [
    ["user", [{ type: "text", text: "Fix the test\0 \ud800" }]],
    ["assistant", [{ type: "reasoning", text: "Hm." }]],
    [
      "assistant",
      [
        { type: "text", text: "I look at it." },
        { type: "tool-Read", toolCallId: "t1", state: "input-available", input: { file: "a.ts" } },
      ],
    ],
    ["tool", [{ type: "tool-Read", toolCallId: "t1", state: "output-available", input: {}, output: "const a = 1;" }]],
    [
      "tool",
      [{ type: "tool-unknown", toolCallId: "t0", state: "output-error", errorText: "No such file.", input: {} }],
    ],
    [
      "user",
      [
        { type: "text", text: "And this?" },
        { type: "file", mediaType: "image/png", url: "data:image/png;base64,AAAA" },
      ],
    ],
    ["user", [{ type: "text", text: "/review 12" }]],
    ["assistant", [{ type: "text", text: "Done." }]],
  ];
  const branch = async (id: string) => (await people.ann.messages.branch(id, { limit: 100 })).items;
  const words = (messages: Awaited<ReturnType<typeof branch>>) =>
    messages.map(({ role, parts }) => [role, parts?.filter(({ type }) => type !== "data-claude-agent")]);

  it.each([
    ["at once", transcript.length],
    ["one by one", 1],
    ["by threes", 3],
  ])("shows the turns and nothing else, appended %s, and gives everything back", async (_, size) => {
    for (let from = 0; from < transcript.length; from += size)
      await sessions.append(key, transcript.slice(from, from + size));
    expect(words(await branch(conversationIdOf(key)))).toEqual(shown);
    expect(await sessions.load(key)).toEqual(transcript);
    await sessions.append(key, transcript.slice(3, 9));
    expect(words(await branch(conversationIdOf(key)))).toEqual(shown);
  });

  it("is read by useChat, and named by its first question, or as it was named", async () => {
    await sessions.append(key, transcript);
    const id = conversationIdOf(key);
    const messages = await loadChat(people.ann, id);
    await expect(validateUIMessages({ messages })).resolves.toHaveLength(shown.length);
    expect((await people.ann.conversations.get(id)).title).toBe("Fix the test \ufffd");
    await sessions.append(key, [{ type: "custom-title", customTitle: ` ${"🙂".repeat(300)}\0` }]);
    expect((await people.ann.conversations.get(id)).title).toBe("🙂".repeat(200));
  });

  it("keeps subagents in the archive, in which they are found as well as those that a person puts there", async () => {
    await sessions.append(key, transcript);
    await sessions.append(agent("a"), transcript);
    expect((await people.ann.conversations.list()).items.map(({ id }) => id)).toEqual([conversationIdOf(key)]);
    await people.ann.conversations.archive(conversationIdOf(key), true);
    await people.ann.conversations.archive(conversationIdOf(agent("a")), false);
    expect(await listed(key.projectKey)).toEqual([key.sessionId]);
    expect(await sessions.listSubkeys(key)).toEqual([agent("a").subpath]);
  });

  it("gives the SDK its own entries alone, when people write in the chat, shorten it or take a message away", async () => {
    await sessions.append(key, transcript.slice(0, 4));
    const id = conversationIdOf(key);
    await people.ann.messages.append(id, [{ role: "user", content: "From another client" }]);
    await sessions.append(key, transcript.slice(4));
    expect(await sessions.load(key)).toEqual(transcript);
    await people.ann.conversations.clear(id);
    expect(await sessions.load(key)).toEqual(transcript);
    const [question] = (await people.ann.messages.list(id, { after: 3, limit: 1 })).items;
    await people.ann.messages.redact(id, question?.id ?? "");
    await sessions.append(
      key,
      transcript.slice(0, 4).filter(({ uuid }) => uuid),
    );
    expect(await sessions.load(key)).toEqual(transcript.filter(({ uuid }) => uuid !== "u1"));
  });

  it("cuts an entry that is larger than a message may be into messages that hold it, and shows its words where these are short", () => {
    const text = { type: "text", text: "Look at this." };
    const document = {
      type: "document",
      source: { type: "base64", media_type: "application/pdf", data: big(4_000_000) },
    };
    for (const [entry, count, parts] of [
      [turn("user", "u1", [text]), 1, [text, expect.anything()]],
      // It has room for itself, and not for what is shown of it.
      [turn("user", "u1", [text, { ...document, source: { ...document.source, data: big(2_000_000) } }]), 1, 2],
      [turn("user", "u1", [text, document]), 4, 2],
    ] as const) {
      const messages = toMessages("id", entry, new Map()).map(({ message }) => message);
      expect(messages.map(({ id }) => id)).toEqual(["id", "id/2", "id/3", "id/4"].slice(0, count));
      if (typeof parts === "number") expect(messages[0]?.parts).toHaveLength(parts);
      else expect(messages[0]?.parts).toEqual(parts);
      const read = createReader();
      const [back, ...more] = messages.flatMap((message) => read(message as Message));
      expect(more).toEqual([]);
      // Compared by hand: of a difference there would be no end of printing.
      expect(JSON.stringify(back) === JSON.stringify(entry)).toBe(true);
    }
  });

  it.runIf(isLong)(
    "stores an entry that is larger than a message may be, once",
    async () => {
      const content = [{ type: "tool_result", tool_use_id: "t1", content: big(4_000_000) }];
      const entries = [turn("user", "u1", "Look"), turn("user", "big", content), turn("assistant", "u3", "Long.")];
      await sessions.append(key, entries);
      await sessions.append(key, entries);
      const loaded = (await sessions.load(key)) ?? [];
      expect(loaded.map(({ uuid }) => uuid)).toEqual(["u1", "big", "u3"]);
      expect(JSON.stringify(loaded) === JSON.stringify(entries)).toBe(true);
      expect(words(await branch(conversationIdOf(key)))).toHaveLength(2);
    },
    120_000,
  );
});

describe("summaries", () => {
  const fold: FoldSessionSummary = (previous, { sessionId }, entries) => {
    const seen = [...((previous?.data["seen"] as unknown[]) ?? []), ...entries.map(({ value }) => value)];
    return {
      sessionId,
      mtime: 0,
      data: { seen, text: "\0 \ud800", filler: "x".repeat(seen.includes(99) ? 70_000 : 0) },
    };
  };
  const seen = async (from: ReturnType<typeof createSessionStore>) =>
    (await from.listSessionSummaries?.(key.projectKey))?.map(({ sessionId, data }) => [sessionId, data["seen"]]);

  it("are folded of each new entry once, with the time that the list has, and are absent without the SDK's function", async () => {
    expect(sessions.listSessionSummaries).toBeUndefined();
    const folding = createSessionStore({ store: people.store, userId: people.ids.ann, foldSessionSummary: fold });
    await folding.append(key, [numbered("a", 1), numbered("b", 2), numbered("b", 2)]);
    await Promise.all([
      folding.append(key, [numbered("b", 2), numbered("c", 3)]),
      secondProcess(fold).append(key, [numbered("b", 2), numbered("d", 4)]),
    ]);
    await folding.append(agent("a"), [numbered("e", 5)]);
    const found = await seen(folding);
    expect(found).toEqual([[key.sessionId, expect.any(Array)]]);
    expect([...((found?.[0]?.[1] as number[]) ?? [])].sort()).toEqual([1, 2, 3, 4]);
    const [summary] = (await folding.listSessionSummaries?.(key.projectKey)) ?? [];
    const [session] = await folding.listSessions(key.projectKey);
    expect([summary?.mtime, summary?.data["text"]]).toEqual([session?.mtime, "\0 \ud800"]);
  });

  it("are absent where entries came in without one, or it is too large, so that the SDK reads the transcript", async () => {
    const folding = createSessionStore({ store: people.store, userId: people.ids.ann, foldSessionSummary: fold });
    await folding.append(key, [numbered("a", 1)]);
    await sessions.append(key, [numbered("b", 2)]);
    expect(await seen(folding)).toEqual([]);
    await folding.append(key, [numbered("c", 3)]);
    expect(await seen(folding)).toEqual([]);
    await folding.append(other, [numbered("a", 99)]);
    expect(await seen(folding)).toEqual([]);
    expect(await folding.load(other)).toEqual([numbered("a", 99)]);
  });
});
