/** A runner for CopilotKit's runtime, with agents of AG-UI's own client, and its `verifyEvents` as the judge of what is given back. */
import { randomUUID } from "node:crypto";
import { AbstractAgent, type BaseEvent, type Message, type RunAgentInput, verifyEvents } from "@ag-ui/client";
import { createStore, UnauthenticatedError } from "chatkeep";
import { loadChat } from "chatkeep/ai-sdk";
import { agUiCodec, createAgentRunner, type RunEvent } from "chatkeep/copilotkit";
import { createReplies, partsOf, type Replies } from "chatkeep/replies";
import { from, lastValueFrom, Observable, type Subscriber, toArray } from "rxjs";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { openAgain, openTestDatabase, type TestDatabase } from "./helpers/database.ts";
import { ids, models, resetPeople } from "./helpers/people.ts";

type Fields = Record<string, unknown>;
type Step = Fields | Promise<unknown> | Error;

let database: TestDatabase;
let replies: Replies<RunEvent>;
const opened: { close(): Promise<void> }[] = [];
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const repliesOn = (connection: ReturnType<typeof openAgain>, leaseMs?: number) =>
  createReplies({
    store: createStore(connection, models, { partsOf: partsOf(agUiCodec), ...(leaseMs && { runLeaseMs: leaseMs }) }),
    codec: agUiCodec,
    logger: silent,
  });

beforeAll(async () => {
  // Agents write there themselves what went wrong.
  for (const method of ["error", "warn"] as const) vi.spyOn(console, method).mockImplementation(() => {});
  database = await openTestDatabase();
});
afterAll(async () => {
  vi.restoreAllMocks();
  await database.close();
});
beforeEach(async () => {
  await resetPeople(database);
  replies = repliesOn(database);
});
afterEach(async () => {
  await replies.close(0);
  for (const each of opened.splice(0)) await each.close();
});

const runnerOf = (userId: string = ids.ann) => createAgentRunner({ replies, userId });
const chats = (userId: string = ids.ann) => replies.store.forUser(userId);

/** Says what its script has, step by step, until it is aborted. */
class ScriptedAgent extends AbstractAgent {
  aborted = 0;
  private readonly script: (input: RunAgentInput) => Step[];
  private to: Subscriber<BaseEvent> | undefined;
  constructor(script: (input: RunAgentInput) => Step[]) {
    super({ agentId: "scripted" });
    this.script = script;
  }
  run(input: RunAgentInput): Observable<BaseEvent> {
    return new Observable((to) => {
      this.to = to;
      void (async () => {
        for (const step of this.script(input)) {
          if (step instanceof Error) return to.error(step);
          if (step instanceof Promise) await step;
          else to.next(step as unknown as BaseEvent);
        }
        to.complete();
      })();
    });
  }
  override abortRun() {
    this.aborted += 1;
    this.to?.complete();
  }
}

const inputOf = (threadId: string, messages: Fields[] = [], more: Partial<RunAgentInput> = {}): RunAgentInput => ({
  threadId,
  runId: randomUUID(),
  messages: messages as unknown as Message[],
  tools: [],
  context: [],
  state: {},
  forwardedProps: {},
  ...more,
});
const asks = (id: string, content: string) => ({ id, role: "user", content });
const says = (messageId: string, ...words: string[]): Fields[] => [
  { type: "TEXT_MESSAGE_START", messageId, role: "assistant" },
  ...words.map((delta) => ({ type: "TEXT_MESSAGE_CONTENT", messageId, delta })),
  { type: "TEXT_MESSAGE_END", messageId },
];
const calls = (toolCallId: string, args: string, ended = true): Fields[] => [
  { type: "TOOL_CALL_START", toolCallId, toolCallName: "weather", parentMessageId: `m-${toolCallId}` },
  { type: "TOOL_CALL_ARGS", toolCallId, delta: args },
  ...(ended ? [{ type: "TOOL_CALL_END", toolCallId }] : []),
];
const agentOf = (...steps: Step[]) =>
  new ScriptedAgent(({ threadId, runId }) => [
    { type: "RUN_STARTED", threadId, runId },
    ...steps,
    { type: "RUN_FINISHED", threadId, runId },
  ]);

const all = async (events: Observable<BaseEvent>) =>
  (await lastValueFrom(events.pipe(toArray()))) as unknown as Fields[];
const run = (threadId: string, agent: AbstractAgent, messages: Fields[] = [], more: Partial<RunAgentInput> = {}) =>
  all(runnerOf().run({ threadId, agent, input: inputOf(threadId, messages, more) }));
/** What a thread gives, which AG-UI's own verification has let pass. */
const connect = async (threadId: string, runner = runnerOf()) =>
  await all(runner.connect({ threadId }).pipe(verifyEvents(false)));
const typesOf = (events: Fields[]) => events.map(({ type }) => type);
const givenIn = (events: Fields[]) =>
  events.flatMap(({ input }) => ((input as Fields | undefined)?.["messages"] as Fields[] | undefined) ?? []);
const textOf = (events: Fields[]) =>
  events.flatMap(({ type, delta }) => (type === "TEXT_MESSAGE_CONTENT" ? String(delta) : [])).join("");

/** What an agent that plays the events has in the end. */
async function played(threadId: string, runner = runnerOf()) {
  const agent = new (class extends AbstractAgent {
    run = () => from([]);
    protected override connect = () => runner.connect({ threadId });
  })({ threadId });
  await agent.connectAgent({});
  return { messages: agent.messages as unknown as Fields[], state: agent.state as Fields };
}

/** Open until it is opened. */
function gate() {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { promise, open: () => resolve() };
}

it("gives the events of a run, and later the same thread with what was asked, said once each", async () => {
  const live = await run("t", agentOf(...says("a1", "Hel", "lo"), ...says("a2", "!")), [asks("u1", "Hi 👋")]);
  expect(typesOf(live).slice(0, 3)).toEqual(["RUN_STARTED", "TEXT_MESSAGE_START", "TEXT_MESSAGE_CONTENT"]);
  expect(live).toHaveLength(9);
  expect(givenIn(live)).toEqual([asks("u1", "Hi 👋")]);

  const history = [asks("u1", "Hi 👋"), { id: "a1", role: "assistant", content: "Hello" }];
  await run("t", agentOf(...says("a3", "Fine")), [...history, asks("u2", "How are you?")]);
  const events = await connect("t");
  expect(typesOf(events).filter((type) => String(type).startsWith("RUN_"))).toEqual([
    "RUN_STARTED",
    "RUN_FINISHED",
    "RUN_STARTED",
    "RUN_FINISHED",
  ]);
  expect(givenIn(events)).toEqual([asks("u1", "Hi 👋"), asks("u2", "How are you?")]);
  expect((await played("t")).messages).toMatchObject([
    asks("u1", "Hi 👋"),
    { id: "a1", role: "assistant", content: "Hello" },
    { id: "a2", content: "!" },
    asks("u2", "How are you?"),
    { id: "a3", content: "Fine" },
  ]);
});

it("keeps what can be read in parts that useChat and the web app know", async () => {
  const thought = [
    { type: "REASONING_START", messageId: "r" },
    { type: "REASONING_MESSAGE_START", messageId: "r", role: "reasoning" },
    { type: "REASONING_MESSAGE_CONTENT", messageId: "r", delta: "Hm." },
    { type: "REASONING_MESSAGE_END", messageId: "r" },
    { type: "REASONING_END", messageId: "r" },
  ];
  const result = {
    type: "TOOL_CALL_RESULT",
    toolCallId: "c",
    messageId: "c-r",
    role: "tool",
    content: '{"sky":"clear"}',
  };
  await run("t", agentOf(...thought, ...calls("c", '{"city":"Bonn"}'), result, ...says("a", "Clear.")), [
    asks("u", "Sky?"),
  ]);
  const chat = await loadChat(chats(), "t");
  expect(chat.map(({ role }) => role)).toEqual(["user", "assistant"]);
  expect(chat[1]?.parts.slice(0, 3)).toMatchObject([
    { type: "reasoning", text: "Hm." },
    {
      type: "tool-weather",
      toolCallId: "c",
      state: "output-available",
      input: { city: "Bonn" },
      output: { sky: "clear" },
    },
    { type: "text", text: "Clear." },
  ]);
  expect((await chats().conversations.get("t")).title).toBe("Sky?");
});

it("stores the result of a browser's tool once, where the tool was called, and tells it in the run that was given it", async () => {
  await run("t", agentOf(...calls("c", "{}")), [asks("u", "Sky?")]);
  const result = { id: "r", role: "tool", toolCallId: "c", content: '"blue"' };
  const call = { id: "c", type: "function", function: { name: "weather", arguments: "{}" } };
  const past = [asks("u", "Sky?"), { id: "m-c", role: "assistant", toolCalls: [call] }];
  await run("t", agentOf(...says("a", "Blue.")), [...past, result]);
  expect(givenIn(await connect("t"))).toEqual([asks("u", "Sky?"), result]);
  const { items } = await chats().messages.branch("t");
  expect(items.map(({ role }) => role)).toEqual(["user", "assistant", "assistant"]);
  expect(items[1]?.parts?.[0]).toMatchObject({ state: "output-available", output: "blue" });
  expect((await played("t")).messages.map(({ role }) => role)).toEqual(["user", "assistant", "tool", "assistant"]);
});

it("refuses a second run of a thread while one is running, and stores nothing of it", async () => {
  const held = gate();
  const first = run("t", agentOf(held.promise, ...says("a", "one")), [asks("u1", "first")]);
  await expect.poll(() => runnerOf().isRunning({ threadId: "t" })).toBe(true);
  const second = agentOf(...says("b", "two"));
  await expect(run("t", second, [asks("u2", "second")])).rejects.toMatchObject({ code: "conflict" });
  // Threads are independent of each other.
  await run("other", agentOf(...says("c", "three")), [asks("u2", "second")]);
  held.open();
  await first;
  expect(await runnerOf().isRunning({ threadId: "t" })).toBe(false);
  expect(textOf(await connect("t"))).toBe("one");
  expect(givenIn(await connect("t"))).toEqual([asks("u1", "first")]);
});

it("runs on when nobody listens, and gives whoever connects the history and then what is running", async () => {
  await run("t", agentOf(...says("a", "old")), [asks("u1", "first")]);
  const held = gate();
  runnerOf().run({
    threadId: "t",
    agent: agentOf(...says("b", "now"), held.promise, ...says("c", "later")),
    input: inputOf("t", [asks("u2", "more")]),
  });
  await expect.poll(() => runnerOf().isRunning({ threadId: "t" })).toBe(true);
  const following = connect("t");
  const elsewhere = repliesOn(await openElsewhere());
  const far = connect("t", createAgentRunner({ replies: elsewhere, userId: ids.ann }));
  await new Promise((resolve) => setTimeout(resolve, 200));
  held.open();
  const near = await following;
  expect(textOf(near)).toBe("oldnowlater");
  expect(givenIn(near)).toEqual([asks("u1", "first"), asks("u2", "more")]);
  expect(textOf(await far)).toBe("oldnowlater");
  expect(textOf(await connect("t"))).toBe("oldnowlater");
  await elsewhere.close(0);
});

it("stops a run from another process, closes what it left open, and never stops a newer one", async () => {
  const agent = agentOf(
    ...says("a", "Hi"),
    { type: "STEP_STARTED", stepName: "s" },
    ...says("b", "he").slice(0, 2),
    ...calls("c", '{"ci', false),
    new Promise(() => {}),
  );
  const input = inputOf("t", [asks("u", "Hi")]);
  const live = all(runnerOf().run({ threadId: "t", agent, input }).pipe(verifyEvents(false)));
  await expect.poll(() => runnerOf().isRunning({ threadId: "t" })).toBe(true);
  await new Promise((resolve) => setTimeout(resolve, 300));
  const elsewhere = repliesOn(await openElsewhere());
  const far = createAgentRunner({ replies: elsewhere, userId: ids.ann });
  expect(await far.stop({ threadId: "t", runId: "an older one" })).toBe(false);
  expect(await far.stop({ threadId: "none" })).toBe(false);
  expect(await createAgentRunner({ replies, userId: ids.bob }).stop({ threadId: "t" })).toBe(false);
  expect(await far.stop({ threadId: "t", runId: input.runId })).toBe(true);
  const events = await live;
  expect(typesOf(events).slice(-5)).toEqual([
    "TOOL_CALL_END",
    "TEXT_MESSAGE_END",
    "STEP_FINISHED",
    "TOOL_CALL_RESULT",
    "RUN_FINISHED",
  ]);
  expect(agent.aborted).toBeGreaterThan(0);
  await expect.poll(() => far.isRunning({ threadId: "t" })).toBe(false);
  expect(await far.stop({ threadId: "t" })).toBe(false);
  const later = await connect("t");
  expect(typesOf(later).slice(-5)).toEqual(typesOf(events).slice(-5));
  expect((await chats().messages.branch("t")).items.at(-1)?.status).toBe("stopped");
  await run("t", agentOf(...says("d", "again")), [asks("u2", "Go on")]);
  expect(textOf(await connect("t"))).toBe("Hiheagain");
  await elsewhere.close(0);
});

it("an agent that fails, before its first event or after some, fails its run and not the thread", async () => {
  const broken = new ScriptedAgent(() => [new Error("key sk-123")]);
  const first = await run("t", broken, [asks("u1", "Hi")]);
  expect(first).toMatchObject([{ type: "RUN_STARTED" }, { type: "RUN_ERROR", code: "model_failed" }]);
  const said = new ScriptedAgent(({ threadId, runId }) => [
    { type: "RUN_STARTED", threadId, runId },
    ...says("a", "Hal").slice(0, 2),
    new Promise((resolve) => setTimeout(resolve, 20)),
    new Error("key sk-123"),
  ]);
  await run("t", said, [asks("u1", "Hi"), asks("u2", "Still there?")]);
  const unfinished = new ScriptedAgent(({ threadId, runId }) => [{ type: "RUN_STARTED", threadId, runId }]);
  expect((await run("t", unfinished)).at(-1)).toMatchObject({ type: "RUN_ERROR", code: "INCOMPLETE_STREAM" });
  const own = { type: "RUN_ERROR", message: "No more credit.", code: "CREDIT" };
  await run("t", new ScriptedAgent(({ threadId, runId }) => [{ type: "RUN_STARTED", threadId, runId }, own]));
  await run("t", agentOf(...says("b", "Now.")), [asks("u3", "And now?")]);
  const events = await connect("t");
  expect(JSON.stringify(events)).not.toContain("sk-123");
  expect(givenIn(events).map(({ id }) => id)).toEqual(["u1", "u2", "u3"]);
  expect(events).toContainEqual(own);
  expect(textOf(events)).toBe("HalNow.");
  const { items } = await chats().messages.branch("t");
  expect(items.filter(({ role }) => role === "assistant").map(({ status }) => status)).toEqual([
    "failed",
    "failed",
    "failed",
    "failed",
    "complete",
  ]);
});

it("a run whose process died keeps what it had said, and its thread goes on", async () => {
  const connection = await openElsewhere();
  const dying = repliesOn(connection, 400);
  const agent = agentOf(...says("a", "half"), new Promise(() => {}));
  createAgentRunner({ replies: dying, userId: ids.ann }).run({
    threadId: "t",
    agent,
    input: inputOf("t", [asks("u", "Hi")]),
  });
  await expect.poll(async () => textOf(await firstOf("t", 3))).toBe("half");
  await connection.close();
  opened.splice(opened.indexOf(connection), 1);
  await replies.close(0);
  replies = repliesOn(database, 400);
  await new Promise((resolve) => setTimeout(resolve, 500));
  await run("t", agentOf(...says("b", "whole")), [asks("u", "Hi"), asks("u2", "Go on")]);
  const events = await connect("t");
  expect(textOf(events)).toBe("halfwhole");
  expect(events).toContainEqual(expect.objectContaining({ type: "RUN_ERROR", code: "RUN_INTERRUPTED" }));
  expect(givenIn(events)).toEqual([asks("u", "Hi"), asks("u2", "Go on")]);
  void dying.close(0);
});

it("keeps the state: changes add to what the run was given, and every later reader has the last one", async () => {
  const delta = (path: string, value: unknown) => ({ type: "STATE_DELTA", delta: [{ op: "add", path, value }] });
  await run("t", agentOf(delta("/b", 2), delta("/c", 3)), [asks("u", "Hi")], { state: { a: 1 } });
  expect((await played("t")).state).toEqual({ a: 1, b: 2, c: 3 });
  await run("t", agentOf({ type: "STATE_SNAPSHOT", snapshot: { d: 4 } }), [], { state: { a: 1, b: 2, c: 3 } });
  expect((await played("t")).state).toEqual({ d: 4 });
  await run("t", agentOf({ type: "STATE_DELTA", delta: [{ op: "replace", path: "/x/y", value: 1 }] }));
  expect(typesOf(await connect("t")).at(-2)).toBe("STATE_DELTA");
});

it("keeps what a run waits for, and gives the answer to the run that goes on", async () => {
  const interrupts = [{ id: "i", reason: "approval", message: "Send it?" }];
  const waiting = new ScriptedAgent(({ threadId, runId }) => [
    { type: "RUN_STARTED", threadId, runId },
    { type: "RUN_FINISHED", threadId, runId, outcome: { type: "interrupt", interrupts } },
  ]);
  await run("t", waiting, [asks("u", "Send it")]);
  expect((await connect("t")).at(-1)).toMatchObject({ outcome: { type: "interrupt", interrupts } });
  let seen: unknown;
  const resumed = new ScriptedAgent(({ threadId, runId, resume }) => {
    seen = resume;
    return [{ type: "RUN_STARTED", threadId, runId }, ...says("a", "Sent."), { type: "RUN_FINISHED", threadId, runId }];
  });
  const resume = [{ interruptId: "i", status: "resolved" as const, payload: true }];
  await run("t", resumed, [], { resume });
  expect(seen).toEqual(resume);
  const events = await connect("t");
  expect(textOf(events)).toBe("Sent.");
  expect(events.filter(({ outcome }) => outcome)).toHaveLength(1);
});

it("of two runs of a new thread at the same moment one begins, and nothing of the other is stored", async () => {
  const held = gate();
  const began = ["x", "y"].map((id) => run("t", agentOf(held.promise, ...says(`a-${id}`, id)), [asks(id, id)]));
  for (const each of began) each.catch(held.open);
  const both = await Promise.allSettled(began);
  expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  const events = await connect("t");
  expect(givenIn(events).map(({ id }) => id)).toEqual([textOf(events)]);
  expect((await chats().messages.list("t")).items).toHaveLength(2);
});

it("a copy of a thread may have the ids of its messages, and a message may be named twice", async () => {
  const question = asks(randomUUID(), "Hi");
  await run("t", agentOf(...says("a", "One.")), [question]);
  await run("copy", agentOf(...says("b", "Two.")), [question, question, asks("u2", "And?")]);
  expect(givenIn(await connect("copy"))).toEqual([question, asks("u2", "And?")]);
  await run("copy", agentOf(...says("c", "Three.")), [question]);
  expect(textOf(await connect("copy"))).toBe("Three.");
  expect(givenIn(await connect("copy"))).toEqual([question]);
  expect(textOf(await connect("t"))).toBe("One.");
});

it("has threads of each user apart: another one's is as one that never was", async () => {
  await run("t", agentOf(...says("a", "Ann's")), [asks("u", "Hi")]);
  const bob = runnerOf(ids.bob);
  expect(await connect("t", bob)).toEqual([]);
  expect(await connect("none")).toEqual([]);
  expect(await bob.isRunning({ threadId: "t" })).toBe(false);
  const agent = agentOf(...says("a", "Bob's"));
  await all(bob.run({ threadId: "t", agent, input: inputOf("t", [asks("u", "Hallo")]) }));
  expect(textOf(await connect("t", bob))).toBe("Bob's");
  expect(textOf(await connect("t"))).toBe("Ann's");
});

it("asks whose thread it is for each request, with the headers that there are, and lets nobody in who is not known", async () => {
  const seen: unknown[] = [];
  const known: Record<string, string> = { a: ids.ann };
  const runner = createAgentRunner({
    replies,
    getUserId: ({ headers }) => {
      seen.push(headers);
      return known[headers?.["x-who"] ?? ""];
    },
  });
  const agent = Object.assign(agentOf(...says("a", "Hi")), { headers: { "x-who": "a" } });
  await all(runner.run({ threadId: "t", agent, input: inputOf("t", [asks("u", "Hi")]) }));
  expect(textOf(await all(runner.connect({ threadId: "t", headers: { "x-who": "a" } })))).toBe("Hi");
  await expect(all(runner.connect({ threadId: "t", headers: { "x-who": "b" } }))).rejects.toThrow(UnauthenticatedError);
  await expect(runner.stop({ threadId: "t" })).rejects.toThrow(UnauthenticatedError);
  expect(seen).toEqual([{ "x-who": "a" }, { "x-who": "a" }, { "x-who": "b" }, undefined]);
});

it("reads what other clients have said: as runs that were given it, with calls of tools and their results", async () => {
  const { conversations } = chats();
  const tool = {
    type: "tool-weather",
    toolCallId: "c",
    state: "output-available",
    input: { city: "Bonn" },
    output: { sky: "clear" },
  };
  await conversations.create({
    id: "t",
    messages: [
      {
        id: "q",
        role: "user",
        parts: [
          { type: "text", text: "Sky?" },
          { type: "file", mediaType: "image/png", url: "data:image/png;base64,AA==" },
        ],
      },
      { id: "r", role: "assistant", parts: [tool, { type: "text", text: "Clear." }] },
    ],
  });
  const image = { type: "image", source: { type: "data", value: "AA==", mimeType: "image/png" } };
  const call = { id: "c", type: "function", function: { name: "weather", arguments: '{"city":"Bonn"}' } };
  const told = [
    { id: "q", role: "user", content: [{ type: "text", text: "Sky?" }, image] },
    { id: "r", role: "assistant", toolCalls: [call] },
    { id: "c-result", role: "tool", toolCallId: "c", content: '{"sky":"clear"}' },
    { id: "r:1", role: "assistant", content: "Clear." },
  ];
  expect(givenIn(await connect("t"))).toEqual(told);
  await run("t", agentOf(...says("a", "Bye.")), [...told, asks("u", "Thanks")]);
  expect((await chats().messages.branch("t")).items.map(({ id }) => id).slice(0, 3)).toEqual(["q", "r", "u"]);
  expect(givenIn(await connect("t"))).toEqual([...told, asks("u", "Thanks")]);
});

it("another answer to a question stands beside the first, and what is redacted is not told any more", async () => {
  await run("t", agentOf(...says("a", "One.")), [asks("u", "Secret number?")]);
  await run("t", agentOf(...says("b", "Two.")), [asks("u", "Secret number?")]);
  expect(textOf(await connect("t"))).toBe("Two.");
  const snapshot = {
    type: "MESSAGES_SNAPSHOT",
    messages: [asks("u", "Secret number?"), { id: "c", role: "assistant", content: "Three." }],
  };
  await run("t", agentOf(snapshot), [asks("u", "Secret number?"), asks("v", "More")]);
  expect(JSON.stringify(await connect("t"))).toContain("Secret number?");
  await chats().messages.redact("t", "u");
  const events = await connect("t");
  expect(JSON.stringify(events)).not.toContain("Secret");
  expect(textOf(events)).toBe("Two.");
  await run("t", agentOf(...says("d", "Four.")), [asks("u", "Secret number?"), asks("w", "Even more")]);
  expect(givenIn(await connect("t")).map(({ id }) => id)).toEqual(["v", "w"]);
});

it("gives messages of an input back as they came, whatever they are", async () => {
  const messages = [
    { id: "s", role: "system", content: "Be brief." },
    { id: "d", role: "developer", content: "Be kind.", name: "dev" },
    { id: "e", role: "user", content: "" },
    {
      id: "x",
      role: "user",
      content: [
        { type: "text", text: "Look: \u0000 \ud800" },
        { type: "binary", mimeType: "image/png", id: "file-1" },
      ],
    },
    {
      id: "f",
      role: "assistant",
      content: "Made up.",
      toolCalls: [{ id: "k", type: "function", function: { name: "n", arguments: "{" } }],
    },
    { id: "z", role: "activity", activityType: "plan", content: { steps: [1] } },
  ];
  await run("t", agentOf({ type: "CUSTOM", name: "c", value: { "\u0000": "\ud800" } }, ...says("a", "Yes.")), messages);
  const events = await connect("t");
  expect(givenIn(events)).toHaveLength(messages.length);
  for (const message of messages) expect(givenIn(events)).toContainEqual(message);
  expect(events).toContainEqual({ type: "CUSTOM", name: "c", value: { "\u0000": "\ud800" } });
  await expect(run("t", agentOf(), [{ role: "user", content: "no id" }])).rejects.toMatchObject({
    code: "invalid_input",
  });
});

async function openElsewhere() {
  const connection = await openAgain(database);
  opened.push(connection);
  return connection;
}

/** The first events of a thread that is running. */
async function firstOf(threadId: string, count: number): Promise<Fields[]> {
  const events: Fields[] = [];
  await new Promise<void>((resolve) => {
    const subscription = runnerOf()
      .connect({ threadId })
      .subscribe({
        next: (event) => {
          if (events.push(event as unknown as Fields) >= count) resolve();
        },
        complete: resolve,
        error: resolve,
      });
    setTimeout(() => {
      subscription.unsubscribe();
      resolve();
    }, 400);
  });
  return events;
}
