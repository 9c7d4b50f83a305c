/** What must hold whichever client comes in: each is tried with another user's conversations, odd ids, odd content, retries, and at once. */
import { randomUUID } from "node:crypto";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { HumanMessage } from "@langchain/core/messages";
import type { UIMessage } from "ai";
import { AssistantCloud } from "assistant-cloud";
import { createSessionStore } from "chatkeep/claude-agent";
import { createClient } from "chatkeep/client";
import { createChatMessageHistory } from "chatkeep/langchain";
import { createSession } from "chatkeep/openai-agents";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openTestApp, type Person, type TestApp, testUrl } from "./helpers/app.ts";
import { scriptedModel, words } from "./helpers/models.ts";

let test: TestApp;
let ann: Person;
let bob: Person;
let server: ReturnType<typeof createAdaptorServer>;
let listening: string;

beforeAll(async () => {
  test = await openTestApp({ model: scriptedModel(() => words(["Yes."])) });
  [ann, bob] = [await test.signUp("ann"), await test.signUp("bob")];
  // assistant-ui's client takes no fetch of ours.
  server = createAdaptorServer({ fetch: (request: Request) => test.app.request(request) });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  listening = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.close();
  await test.close();
});

/** One person at one door. */
interface Visitor {
  /** Adds what somebody says; `id` where the protocol lets its client name a message. */
  say(conversationId: string, text: string, id?: string): Promise<unknown>;
  /** What was said in it, oldest first; throws, or gives nothing, where there is none. */
  said(conversationId: string): Promise<string[]>;
}

interface Door {
  visit(person: Person): Visitor;
  /** Makes a conversation of this name, or of one that is the server's. */
  open(person: Person, name: string): Promise<string>;
  /** Whether its client names messages, so that it can send one again. */
  isNaming: boolean;
  /** Its names are no ids of ours, but what these are made of: each is one. */
  takesAll?: boolean;
  /** Somebody else's conversation of this name would be another one. */
  isPersonal?: boolean;
}

const asIs = async (person: Person, name: string) => {
  await test.store.forUser(person.id).conversations.create({ id: name });
  return name;
};
const fetchHere = async (url: unknown, init?: RequestInit) => await test.app.request(String(url), init);
const bearer = ({ token }: Person) => ({ authorization: `Bearer ${token}` });
const openai = (person: Person) =>
  new OpenAI({ baseURL: `${testUrl}/v1`, apiKey: person.token, fetch: fetchHere, maxRetries: 0 });
const cloud = (person: Person) => {
  const authToken = async () => (await person.call<{ token: string }>("GET", "/api/auth/token")).token;
  return new AssistantCloud({ baseUrl: listening, authToken });
};
const textsIn = (messages: UIMessage[]) =>
  messages
    .filter(({ role }) => role === "user")
    .flatMap(({ parts }) => parts.flatMap((part) => (part.type === "text" ? part.text : [])));

const doors: Record<string, Door> = {
  "the client of chatkeep": {
    open: asIs,
    isNaming: true,
    visit(person) {
      const client = createClient({
        baseUrl: `${testUrl}/api`,
        headers: bearer(person),
        fetch: fetchHere as typeof fetch,
      });
      return {
        say: (conversationId, text, id) =>
          client.messages.append(conversationId, [{ role: "user", content: text, ...(id && { id }) }]),
        said: async (conversationId) => {
          const { items } = await client.messages.list(conversationId, { after: 0 });
          return items.map(({ content }) => content);
        },
      };
    },
  },
  "the AI SDK's chat": {
    open: asIs,
    isNaming: true,
    isPersonal: true,
    visit: (person) => ({
      say: async (id, text, messageId = randomUUID()) => {
        const message = { id: messageId, role: "user", parts: [{ type: "text", text }] };
        const answer = await person.request("POST", "/api/chat", {
          id,
          messages: [message],
          trigger: "submit-message",
          wait: true,
        });
        if (!answer.ok) throw new Error(await answer.text());
        await answer.text();
      },
      said: async (id) => textsIn(await person.call<UIMessage[]>("GET", `/api/chat/${encodeURIComponent(id)}`)),
    }),
  },
  "OpenAI's conversations": {
    open: asIs,
    isNaming: false,
    visit(person) {
      const { items } = openai(person).conversations;
      return {
        say: (id, text) => items.create(id, { items: [{ type: "message", role: "user", content: text }] }),
        said: async (id) => {
          const found: string[] = [];
          for await (const item of items.list(id, { order: "asc", limit: 100 })) {
            if (item.type === "message") found.push(...item.content.map((part) => ("text" in part ? part.text : "")));
          }
          return found;
        },
      };
    },
  },
  "assistant-ui's cloud": {
    open: async (person) => (await cloud(person).threads.create({ last_message_at: new Date() })).thread_id,
    isNaming: false,
    visit(person) {
      const { messages } = cloud(person).threads;
      return {
        say: (id, text) =>
          messages.create(id, {
            parent_id: null,
            format: "ai-sdk/v6",
            content: { role: "user", parts: [{ type: "text", text }] },
          }),
        said: async (id) => {
          const { messages: found } = await messages.list(id, { format: "ai-sdk/v6" });
          return found.reverse().map(({ content }) => (content as { parts: { text: string }[] }).parts[0]?.text ?? "");
        },
      };
    },
  },
  "a session of OpenAI's Agents": {
    open: asIs,
    isNaming: false,
    isPersonal: true,
    visit: ({ id: userId }) => ({
      say: (sessionId, text) =>
        createSession({ store: test.store, userId, sessionId }).addItems([
          { type: "message", role: "user", content: text },
        ]),
      said: async (sessionId) => {
        const items = await createSession({ store: test.store, userId, sessionId }).getItems();
        return items.map((item) =>
          "content" in item
            ? typeof item.content === "string"
              ? item.content
              : (item.content[0] as { text: string }).text
            : "",
        );
      },
    }),
  },
  "a session of the Claude Agent SDK": {
    open: async (_person, name) => name,
    isNaming: false,
    isPersonal: true,
    takesAll: true,
    visit({ id: userId }) {
      const sessions = createSessionStore({ store: test.store, userId });
      const keyOf = (sessionId: string) => ({ projectKey: "of all", sessionId });
      return {
        say: (sessionId, text) =>
          sessions.append(keyOf(sessionId), [
            { type: "user", uuid: randomUUID(), message: { role: "user", content: text } },
          ]),
        said: async (sessionId) => {
          const entries = (await sessions.load(keyOf(sessionId))) ?? [];
          return entries.map((entry) => (entry["message"] as { content: string }).content);
        },
      };
    },
  },
  "a history of LangChain": {
    open: asIs,
    isNaming: true,
    isPersonal: true,
    visit: ({ id: userId }) => ({
      say: (sessionId, text, id) =>
        createChatMessageHistory({ store: test.store, userId, sessionId }).addMessage(
          new HumanMessage({ content: text, ...(id && { id }) }),
        ),
      said: async (sessionId) =>
        (await createChatMessageHistory({ store: test.store, userId, sessionId }).getMessages()).map(
          ({ text }) => text,
        ),
    }),
  },
};

/** Texts that have been lost, cut or changed by others. */
const oddTexts = [
  "\u0000 in the middle \u0000",
  "half \ud83d",
  "line\u2028and\u2029paragraph",
  "\u202eright to left",
  "🏳️‍🌈 👩‍👩‍👧 e\u0301",
  '{"a":[1]}',
  "  spaces  ",
  "x".repeat(200_000),
];
/** Ids that paths, patterns and databases have stumbled over. */
const oddIds = ["../../etc", "a/b?c=d#e", "100%", "ünï 名前 🙂", "a'b\"c;--", "x".repeat(255)];
const wrongIds = ["", "   ", "x".repeat(256), "nul \u0000"];

describe.each(Object.entries(doors))("%s", (_, { visit, open, isNaming, isPersonal = false, takesAll = false }) => {
  const nothing = async (work: Promise<string[]>) =>
    await work.then(
      (said) => expect(said).toEqual([]),
      () => {},
    );

  it("has nothing of another user's, and changes nothing of theirs", async () => {
    const id = await open(ann, `private ${randomUUID()}`);
    await visit(ann).say(id, "Secret");
    await nothing(visit(bob).said(id));
    const written = visit(bob).say(id, "Intruder");
    // Under a name that people give themselves, each has one of their own.
    if (isPersonal) await written;
    else await expect(written).rejects.toThrow();
    expect(await visit(ann).said(id)).toEqual(["Secret"]);
  });

  it("says as much of another user's as of one that never was", async () => {
    const id = await open(ann, `hidden ${randomUUID()}`);
    await visit(ann).say(id, "Secret");
    const absent = id.startsWith("hidden") ? `hidden ${randomUUID()}` : randomUUID();
    const told = async (name: string) => {
      const answer = await visit(bob)
        .said(name)
        .catch((error: Error & { status?: number }) => [
          error.name,
          String(error.status),
          error.message.replaceAll(name, "ID"),
        ]);
      return answer.map((text) => text.replaceAll(encodeURIComponent(name), "ID"));
    };
    expect(await told(id)).toEqual(await told(absent));
  });

  it("gives back odd texts as they came, in their order", async () => {
    const id = await open(ann, `odd ${randomUUID()}`);
    for (const text of oddTexts) await visit(ann).say(id, text);
    const said = await visit(ann).said(id);
    // JSON in UTF-8 has no half of a pair: what a client cannot send, it replaces itself.
    const sent = said.map((text, index) => (text === oddTexts[index]?.toWellFormed() ? oddTexts[index] : text));
    expect(sent).toEqual(oddTexts);
  });

  it("keeps all of what comes at once, each once", async () => {
    const id = await open(ann, `busy ${randomUUID()}`);
    const texts = Array.from({ length: 10 }, (_each, index) => `at once ${index}`);
    await Promise.all(texts.map((text) => visit(ann).say(id, text)));
    expect((await visit(ann).said(id)).toSorted()).toEqual(texts);
  });

  it.runIf(isNaming)("takes what is sent again once, and refuses other words under its id", async () => {
    const id = await open(ann, `again ${randomUUID()}`);
    for (let times = 0; times < 3; times += 1) await visit(ann).say(id, "Once", "the id");
    await expect(visit(ann).say(id, "Otherwise", "the id")).rejects.toThrow();
    expect(await visit(ann).said(id)).toEqual(["Once"]);
  });

  it("takes any name, and refuses what is none", async () => {
    for (const name of oddIds) {
      const unique = name.length === 255 ? `${randomUUID()}${name.slice(36)}` : `${name} ${randomUUID()}`;
      const id = await open(ann, unique);
      await visit(ann).say(id, "Named");
      expect(await visit(ann).said(id)).toEqual(["Named"]);
    }
    for (const name of takesAll ? [] : wrongIds) {
      await expect(visit(ann).say(name, "Nowhere")).rejects.toThrow();
      await nothing(visit(ann).said(name));
    }
  });
});
