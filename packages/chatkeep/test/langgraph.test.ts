/** Real graphs of LangGraph, without a model, on chatkeep's checkpointer: they stop, go on, go back and fork, and what they keep is their own. */
import { type BaseMessage, HumanMessage } from "@langchain/core/messages";
import type { RunnableConfig } from "@langchain/core/runnables";
import { Annotation, Command, END, interrupt, MessagesAnnotation, Send, START, StateGraph } from "@langchain/langgraph";
import type { BaseCheckpointSaver } from "@langchain/langgraph-checkpoint";
import { createStore } from "chatkeep";
import { createCheckpointSaver } from "chatkeep/langgraph";
import { beforeAll, expect, it } from "vitest";
import { openCheckpoints } from "./helpers/checkpoints.ts";
import { openAgain } from "./helpers/database.ts";
import { ids, models } from "./helpers/people.ts";

type Checkpoints = Awaited<ReturnType<typeof openCheckpoints>>;

let checkpoints: Checkpoints;
beforeAll(async () => {
  checkpoints = await openCheckpoints();
  return checkpoints[Symbol.asyncDispose];
});

const thread = (name: string): RunnableConfig & { configurable: Record<string, unknown> } => ({
  configurable: { thread_id: name },
});

const Steps = Annotation.Root({
  said: Annotation<string[]>({ reducer: (before, more) => [...before, ...more], default: () => [] }),
  big: Annotation<string>(),
});

/** Says `a`, asks, says the answer, says `c`. */
function askingGraph(checkpointer: BaseCheckpointSaver) {
  return new StateGraph(Steps)
    .addNode("a", () => ({ said: ["a"] }))
    .addNode("ask", () => ({ said: [`answer ${interrupt("which?")}`] }))
    .addNode("c", () => ({ said: ["c"] }))
    .addEdge(START, "a")
    .addEdge("a", "ask")
    .addEdge("ask", "c")
    .addEdge("c", END)
    .compile({ checkpointer });
}

it("a graph stops for a person, and goes on in another process", async () => {
  const config = thread("person");
  const stopped = await askingGraph(checkpoints.ann).invoke({ said: ["hello"] }, config);
  expect(stopped).toMatchObject({ __interrupt__: [{ value: "which?" }] });
  const again = openAgain(checkpoints.database);
  const other = askingGraph(createCheckpointSaver(again, models, { userId: ids.ann }));
  expect((await other.getState(config)).next).toEqual(["ask"]);
  const ended = await other.invoke(new Command({ resume: "bread" }), config);
  expect(ended.said).toEqual(["hello", "a", "answer bread", "c"]);
  expect((await askingGraph(checkpoints.ann).getState(config)).values.said).toEqual(ended.said);
  await again.close();
});

it("forks of one checkpoint keep each its own values, though LangGraph gives both the same versions", async () => {
  const graph = new StateGraph(Steps)
    .addNode("a", ({ said }) => ({ said: [`a after ${said.at(-1)}`] }))
    .addNode("b", () => ({ said: ["b"] }))
    .addEdge(START, "a")
    .addEdge("a", "b")
    .addEdge("b", END)
    .compile({ checkpointer: checkpoints.ann });
  const config = thread("forks");
  await graph.invoke({ said: ["one"] }, config);
  const first = await graph.getState(config);
  const history = [];
  for await (const state of graph.getStateHistory(config)) history.push(state);
  const early = history.find(({ next }) => next[0] === "a");
  if (!early) throw new Error("no state before a");
  const fork = await graph.updateState(early.config, { said: ["two"] });
  await graph.invoke(null, fork);
  const second = await graph.getState(config);
  expect(first.values.said).toEqual(["one", "a after one", "b"]);
  expect(second.values.said).toEqual(["one", "two", "a after two", "b"]);
  expect((await graph.getState(first.config)).values, "the first as it was").toEqual(first.values);
  for (const state of history) expect((await graph.getState(state.config)).values).toEqual(state.values);
});

it("a checkpoint is copied beside itself with all of its values", async () => {
  const graph = askingGraph(checkpoints.ann);
  const config = thread("copy");
  await graph.invoke({ said: ["hello"], big: "kept" }, config);
  const original = await graph.getState(config);
  await graph.updateState(original.config, null, "__copy__");
  const copy = await graph.getState(config);
  expect(copy.config.configurable?.["checkpoint_id"]).not.toBe(original.config.configurable?.["checkpoint_id"]);
  expect(copy.values).toEqual(original.values);
  const ended = await graph.invoke(new Command({ resume: "x" }), config);
  expect(ended.said).toEqual(["hello", "a", "answer x", "c"]);
});

it("a graph in a graph stops and goes on, in a namespace of its own", async () => {
  const graph = new StateGraph(Steps)
    .addNode("inner", askingInner())
    .addNode("after", () => ({ said: ["after"] }))
    .addEdge(START, "inner")
    .addEdge("inner", "after")
    .compile({ checkpointer: checkpoints.ann });
  const config = thread("nested");
  await graph.invoke({ said: ["hello"] }, config);
  const state = await graph.getState(config, { subgraphs: true });
  expect(state.tasks[0]?.state).toMatchObject({ values: { said: ["hello", "inner"] } });
  const ended = await graph.invoke(new Command({ resume: "yes" }), config);
  expect(ended.said).toEqual(["hello", "hello", "inner", "yes", "after"]);
  const namespaces = await checkpoints.query(
    "select distinct split_part(checkpoint_ns, ':', 1) from checkpoint where thread_id = 'nested' order by 1",
  );
  expect(namespaces).toEqual([[""], ["inner"]]);
});

function askingInner() {
  return new StateGraph(Steps)
    .addNode("one", () => ({ said: ["inner"] }))
    .addNode("two", () => ({ said: [String(interrupt("sure?"))] }))
    .addEdge(START, "one")
    .addEdge("one", "two")
    .compile();
}

it("what one of several tasks has done is not done again when another one failed", async () => {
  const done: string[] = [];
  let isBroken = true;
  const graph = new StateGraph(Steps)
    .addNode("work", ({ name }: { name: string }) => {
      if (name === "bad" && isBroken) throw new Error("the network is away");
      done.push(name);
      return { said: [name] };
    })
    .addConditionalEdges(START, () => ["good", "bad", "fine"].map((name) => new Send("work", { name })))
    .compile({ checkpointer: checkpoints.ann });
  const config = thread("tasks");
  await expect(graph.invoke({ said: [] }, config)).rejects.toThrow("the network is away");
  isBroken = false;
  expect((await graph.invoke(null, config)).said).toEqual(["good", "bad", "fine"]);
  expect([...done].sort()).toEqual(["bad", "fine", "good"]);
});

it.each(["put", "putWrites"] as const)(
  "a process that dies in its second %s loses no step before that",
  async (method) => {
    const config = thread(`dies in ${method}`);
    const dying = createCheckpointSaver(checkpoints.database, models, { userId: ids.ann });
    let calls = 0;
    const real = dying[method].bind(dying) as (...args: unknown[]) => Promise<never>;
    dying[method] = (async (...args: unknown[]) => {
      calls += 1;
      if (calls > 1) throw new Error("killed");
      return await real(...args);
    }) as never;
    const first = askingGraph(dying).invoke({ said: ["hello"] }, { ...config, durability: "sync" });
    await expect(first).rejects.toThrow("killed");
    const graph = askingGraph(checkpoints.ann);
    await graph.invoke(null, config);
    expect((await graph.invoke(new Command({ resume: "x" }), config)).said).toEqual(["hello", "a", "answer x", "c"]);
  },
);

it.each(["sync", "async", "exit"] as const)(
  "durability %s keeps the end of each turn of a chat",
  async (durability) => {
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("reply", ({ messages }) => ({ messages: [new HumanMessage(`${messages.length} so far`)] }))
      .addEdge(START, "reply")
      .compile({ checkpointer: checkpoints.ann });
    const config = { ...thread(`turns ${durability}`), durability };
    for (const text of ["one", "two", "three"]) await graph.invoke({ messages: [new HumanMessage(text)] }, config);
    const { messages } = (await graph.getState(config)).values;
    expect(messages.map((message: HumanMessage) => message.content)).toEqual([
      "one",
      "1 so far",
      "two",
      "3 so far",
      "three",
      "5 so far",
    ]);
    expect(messages[0]).toBeInstanceOf(HumanMessage);
  },
);

it("a value that no step changes is stored once", async () => {
  const graph = new StateGraph(Steps)
    .addNode("a", () => ({ said: ["a"] }))
    .addEdge(START, "a")
    .compile({ checkpointer: checkpoints.ann });
  const config = thread("big");
  const big = "x".repeat(100_000);
  await graph.invoke({ said: [], big }, config);
  for (let turn = 0; turn < 5; turn += 1) await graph.invoke({ said: ["more"] }, config);
  expect((await graph.getState(config)).values.big).toBe(big);
  const [row] = await checkpoints.query(
    `select (select count(*)::int from checkpoint_blob where thread_id = 'big' and channel = 'big'),
      (select count(*)::int from checkpoint where thread_id = 'big')`,
  );
  expect(row?.map(Number)).toEqual([1, 18]);
});

it("one graph serves all users, whose threads may have one name", async () => {
  const graph = askingGraph(createCheckpointSaver(checkpoints.database, models));
  const of = (userId: string) => ({ configurable: { thread_id: "shared", user_id: userId } });
  await graph.invoke({ said: ["I am Ann"] }, of(ids.ann));
  expect((await graph.getState(of(ids.bob))).values).toEqual({});
  await graph.invoke({ said: ["I am Bob"] }, of(ids.bob));
  const state = await graph.getState(of(ids.ann));
  expect(state.values.said).toEqual(["I am Ann", "a"]);
  // The config of a state leads back to it, with its owner.
  expect((await graph.invoke(new Command({ resume: "x" }), state.config)).said.at(-1)).toBe("c");
  expect((await graph.getState(of(ids.bob))).values.said).toEqual(["I am Bob", "a"]);
  await expect(graph.invoke({ said: [] }, thread("shared"))).rejects.toThrow(/pass \{ configurable: \{ user_id \} \}/);
});

it("the messages of a thread are taken over into a conversation, as the guide shows", async () => {
  const graph = new StateGraph(MessagesAnnotation)
    .addNode("reply", ({ messages }) => ({ messages: [{ role: "assistant", content: `${messages.length} so far` }] }))
    .addEdge(START, "reply")
    .compile({ checkpointer: checkpoints.ann });
  const config = thread("taken over");
  await graph.invoke({ messages: [{ role: "user", content: "Hello" }] }, config);
  const { conversations, messages } = createStore(checkpoints.database, models).forUser(ids.ann);
  const { id } = await conversations.create({ id: "taken over" });
  const take = async () => {
    const roles = { human: "user", ai: "assistant", system: "system", tool: "tool" } as const;
    const state = (await graph.getState(config)).values["messages"] as BaseMessage[];
    const said = state.flatMap((each) =>
      each.id && each.text && each.type in roles
        ? [{ id: each.id, role: roles[each.type as keyof typeof roles], content: each.text }]
        : [],
    );
    await messages.save(id, said);
    return (await messages.list(id)).items.map(({ role, content }) => [role, content]);
  };
  expect(await take()).toEqual([
    ["user", "Hello"],
    ["assistant", "1 so far"],
  ]);
  await graph.invoke({ messages: [{ role: "user", content: "More" }] }, config);
  expect(await take()).toHaveLength(4);
  expect(await take()).toHaveLength(4);
});
