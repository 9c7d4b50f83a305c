/** An example in a process of its own, and what a client of it needs. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { childEnvironment } from "../../packages/chatkeep/test/helpers/child-environment.ts";
import { freePort } from "../../packages/chatkeep/test/helpers/throwaway-postgres.ts";

export interface Running {
  url: string;
  process: ChildProcess;
}

/** Starts `server.ts` of an example in a folder where its database may be, and waits until it says where it listens. */
export async function start(example: string, cwd: string, environment: Record<string, string> = {}): Promise<Running> {
  const file = fileURLToPath(new URL(`../${example}/server.ts`, import.meta.url));
  const child = spawn(process.execPath, ["-C", "chatkeep-source", file], {
    cwd,
    env: { ...childEnvironment, PORT: String(await freePort()), SESSION_SECRET: "for the tests", ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (text) => {
    said += text;
  });
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.on("data", (text) => resolve(String(text).trim()));
    child.once("exit", (code) => reject(new Error(`${example} ended with ${code}: ${said}`)));
  });
  return { url, process: child };
}

/** Ends it as Ctrl-C does; gives the code that it ends with. */
export async function end({ process: child }: Running, signal: NodeJS.Signals = "SIGINT"): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const exit = once(child, "exit");
  child.kill(signal);
  const [code] = (await exit) as [number | null];
  return code;
}

/** What a signed-in user sends; a body makes it a POST of JSON. */
export type Call = (method: string, path: string, body?: object) => Promise<Response>;

export async function signIn(running: { url: string }, name: string): Promise<Call> {
  const response = await as(running, "")("POST", "/sign-in", { name });
  return as(running, response.headers.get("set-cookie")?.split(";")[0] ?? "");
}

export function as({ url }: { url: string }, cookie: string): Call {
  return (method, path, body) =>
    fetch(url + path, {
      method,
      headers: { cookie, ...(body && { "content-type": "application/json" }) },
      ...(body && { body: JSON.stringify(body) }),
    });
}

/** How the routes of an example are spoken to. */
export interface Speech {
  chat(conversationId: string): string;
  ask(call: Call, conversationId: string, text: string, id?: string): Promise<Response>;
  /** The words in what was streamed so far. */
  wordsIn(stream: string): string;
  history(call: Call, conversationId: string): Promise<string[]>;
}

const events = (stream: string) => [...stream.matchAll(/^data: (["{].*)$/gm)].map(([, data = ""]) => JSON.parse(data));

export const aiSdk: Speech = {
  chat: (id) => `/api/chat/${id}`,
  ask: (call, conversationId, text, id = randomUUID()) =>
    call("POST", "/api/chat", { id: conversationId, message: { id, role: "user", parts: [{ type: "text", text }] } }),
  wordsIn: (stream) => events(stream).reduce((words, { delta = "" }) => words + delta, ""),
  history: async (call, id) => {
    const messages = (await (await call("GET", `/api/chat/${id}`)).json()) as { parts: { text?: string }[] }[];
    return messages.map(({ parts }) => parts.map(({ text = "" }) => text).join(""));
  },
};

export const plainText: Speech = {
  chat: (id) => `/chats/${id}`,
  ask: (call, conversationId, content, id = randomUUID()) => call("POST", `/chats/${conversationId}`, { id, content }),
  wordsIn: (stream) => events(stream).reduce((words, data) => words + (typeof data === "string" ? data : ""), ""),
  history: async (call, id) => {
    const { items } = (await (await call("GET", `/chats/${id}`)).json()) as { items: { content: string }[] };
    return items.map(({ content }) => content);
  },
};

/** Reads a stream until `isEnough`, then goes away; gives what has come. */
export async function readUntil(response: Response, isEnough: (stream: string) => boolean): Promise<string> {
  let stream = "";
  for await (const text of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    stream += text;
    if (isEnough(stream)) break;
  }
  return stream;
}
