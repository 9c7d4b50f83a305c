/** LangChain's `PostgresChatMessageHistory`: a session of messages, kept as JSON in one table. */
import { randomUUID } from "node:crypto";
import { PostgresChatMessageHistory } from "@langchain/community/stores/message/postgres";
import { AIMessage, type BaseMessage, HumanMessage, SystemMessage, ToolMessage } from "@langchain/core/messages";
import type { SentMessage } from "chatkeep/testing";
import pg from "pg";
import type { AdaptedStore } from "../adapter.ts";
import { answerOf, cases, codeOf, ownLimits, pageOf, wordsOf } from "../adapter.ts";

export const title = "`PostgresChatMessageHistory` of @langchain/community";
export const messagesTable = "langchain_chat_histories";
export const without = ["archive", "whole", "changes"] as const;
const noKey = "an id is a field inside the message, not a key: sending again stores again";
const noOwner = "a session has no owner, and is there without being created";
const noList = "sessions are not listed";
export const notClaimed = {
  ...ownLimits,
  ...cases(noKey, "P1.3", "P1.4", "P1.5", "P1.6", "P3.1", "P3.2", "P3.3", "P3.4", "P3.5", "P3.6", "P3.9", "P3.10"),
  ...cases(noOwner, "P3.7", "P3.8", "P4.1", "P4.2", "P4.3", "P4.4", "P4.5", "D.1", "D.2", "D.3", "D.4"),
  ...cases(noList, "P2.9", "P4.6", "P4.7", "P5.5", "P5.6"),
  ...cases("it has no pages: a session is read whole", "P5.2", "P5.3", "P5.4"),
};
export const why = {
  ...cases(
    "`addMessages` stores one message after the other, each by itself: those of others come in between, and a process that is killed leaves half of an append",
    "P1.2",
    "P1.7",
    "P2.1",
    "P2.2",
    "P2.3",
    "P2.4",
  ),
  ...cases(
    "a message is `jsonb`, which has neither NUL nor lone surrogates: PostgreSQL refuses the append",
    "C.1",
    "C.2",
    "C.12",
    "C.13",
    "C.14",
  ),
};
export const notes = [
  "It stores no times. Order goes by a serial number, so the two cases of clocks (P2.7, P2.8) change nothing in it.",
  "`addMessages`, which takes several, stores one after the other, each by itself. Parts are sent as the content of a message.",
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
  const history = new PostgresChatMessageHistory({ sessionId: "none", poolConfig: { connectionString: url } });
  await history.getMessages();
  await history.end();
}

export async function openStore(url: string): Promise<AdaptedStore> {
  const pool = new pg.Pool({ connectionString: url });
  pool.on("error", () => {});
  const historyOf = (sessionId: string) => new PostgresChatMessageHistory({ sessionId, pool });
  const read = async (id: string) => (await historyOf(id).getMessages()).map(readOf);
  const refuse = async () => {
    throw new Error("no case that is run needs this");
  };
  const store: AdaptedStore = {
    isCounted: false,
    createUser: async () => randomUUID(),
    createConversation: async (_, { id = randomUUID(), messages = [] } = {}) => {
      await historyOf(id).addMessages(messages.map(messageOf));
      return { id };
    },
    append: async (_, id, messages) => {
      await historyOf(id).addMessages(messages.map(messageOf));
      return store.isCounted ? [] : answerOf(await read(id), messages);
    },
    page: async (_, id, options) => pageOf(await read(id), options),
    list: refuse,
    deleteConversation: (_, id) => historyOf(id).clear(),
    deleteUser: refuse,
    codeOf,
    close: () => pool.end(),
  };
  return store;
}

/** It stores none. */
export async function setTimes(): Promise<void> {}
