/** LangGraph's `PostgresSaver`: the messages of a thread are the state of a graph, `MessagesAnnotation`, and appended by `updateState`. */
import { randomUUID } from "node:crypto";
import { AIMessage, type BaseMessage, HumanMessage, SystemMessage, ToolMessage } from "@langchain/core/messages";
import { END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { PostgresSaver } from "@langchain/langgraph-checkpoint-postgres";
import type { SentMessage } from "chatkeep/testing";
import pg from "pg";
import type { AdaptedStore } from "../adapter.ts";
import { answerOf, cases, codeOf, ownLimits, pageOf, wordsOf } from "../adapter.ts";

export const title = "`PostgresSaver` of @langchain/langgraph-checkpoint-postgres";
export const messagesTable = "checkpoint_blobs";
export const without = ["clock", "archive", "whole", "changes"] as const;
const replaces = "an id names a message within its thread, and one that is there is replaced: documented so";
const noOwner = "a thread has no owner, and is there without being created";
export const notClaimed = {
  ...ownLimits,
  ...cases(replaces, "P3.2", "P3.3", "P3.4", "P3.9", "P3.10"),
  ...cases(noOwner, "P3.7", "P3.8", "P4.1", "P4.2", "P4.3", "P4.4", "P4.5", "D.1", "D.2", "D.3", "D.4"),
  ...cases("checkpoints are listed, threads are not", "P4.6", "P4.7", "P5.5", "P5.6"),
  ...cases("it has no pages: a state is read whole", "P5.2", "P5.3", "P5.4"),
};
export const stored = { to: /insert into [\w."]*checkpoints"? /i, nth: 2 };
export const why = {
  ...cases(
    "several write one thread at once: each new state begins from one that was read before, and lacks what the others added since; what was acknowledged is then not in the thread",
    "P1.2",
    "P1.3",
    "P1.4",
    "P1.6",
    "P1.7",
    "P2.1",
    "P2.2",
    "P2.3",
    "P2.4",
    "P3.6",
  ),
  ...cases(
    "each append writes the whole list of messages again: tried by itself, five appends of one short message write 12 kB of WAL to a thread of 10 messages, and 2.6 MB to one of 10,000",
    "P5.1",
  ),
  ...cases(
    "content that is nested more than 50 deep is stored, and the thread then cannot be read: reading throws",
    "C.12",
  ),
};
export const notes = [
  "It is a saver of the states of a graph, not of conversations: `updateState` reads the state, adds the messages and writes a new one. Two at once on one thread both begin from the same state, and the later one is what the thread then shows. Who lets one run at a time work on a thread does not meet this; the saver does not refuse it.",
  "The times of checkpoints are in their ids, so there is no clock to set (P2.7 to P2.9).",
];

const classes = { user: HumanMessage, assistant: AIMessage, system: SystemMessage, tool: ToolMessage } as const;
const roles: Record<string, string> = { human: "user", ai: "assistant" };

function messageOf({ id, role, content, parts }: SentMessage): BaseMessage {
  const fields = { id, content: (parts ?? content ?? "") as string, tool_call_id: id };
  return new classes[role](fields);
}

function readOf(message: BaseMessage) {
  const { content } = message;
  const isText = typeof content === "string";
  return {
    id: String(message.id),
    role: roles[message.getType()] ?? message.getType(),
    content: isText ? content : wordsOf(content),
    parts: isText ? null : content,
  };
}

export async function setUp(url: string): Promise<void> {
  const saver = PostgresSaver.fromConnString(url);
  await saver.setup();
  await saver.end();
}

export async function openStore(url: string): Promise<AdaptedStore> {
  const pool = new pg.Pool({ connectionString: url });
  pool.on("error", () => {});
  const checkpointer = new PostgresSaver(pool);
  const graph = new StateGraph(MessagesAnnotation)
    .addNode("chat", () => ({}))
    .addEdge(START, "chat")
    .addEdge("chat", END)
    .compile({ checkpointer });
  const configOf = (id: string) => ({ configurable: { thread_id: id } });
  const add = (id: string, messages: SentMessage[]) =>
    graph.updateState(configOf(id), { messages: messages.map(messageOf) }, "chat");
  const read = async (id: string) => {
    const { values } = await graph.getState(configOf(id));
    return ((values.messages ?? []) as BaseMessage[]).map(readOf);
  };
  const refuse = async () => {
    throw new Error("no case that is run needs this");
  };
  const store: AdaptedStore = {
    isCounted: false,
    createUser: async () => randomUUID(),
    createConversation: async (_, { id = randomUUID(), messages = [] } = {}) => {
      if (messages.length > 0) await add(id, messages);
      return { id };
    },
    append: async (_, id, messages) => {
      await add(id, messages);
      return store.isCounted ? [] : answerOf(await read(id), messages);
    },
    page: async (_, id, options) => pageOf(await read(id), options),
    list: refuse,
    deleteConversation: (_, id) => checkpointer.deleteThread(id),
    deleteUser: refuse,
    codeOf,
    close: () => pool.end(),
  };
  return store;
}
