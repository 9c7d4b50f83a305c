import { randomUUID } from "node:crypto";
import { createModel } from "@chatkeep/server";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { openTestDatabase, type TestDatabase } from "../../chatkeep/test/helpers/database.ts";
import { openTestApp, type Person, type TestApp } from "./helpers/app.ts";
import { type AskedBody, delta, type Refusal, startChoosyEndpoint } from "./helpers/choosy-endpoint.ts";
import { chunksIn } from "./helpers/models.ts";

let endpoint: Awaited<ReturnType<typeof startChoosyEndpoint>>;
let database: TestDatabase;
let app: TestApp | undefined;

beforeAll(async () => {
  [endpoint, database] = [await startChoosyEndpoint(), await openTestDatabase("server")];
});
afterEach(() => app?.close());
afterAll(async () => {
  await endpoint.close();
  await database.close();
});

const apiKey = "an-unusual-key-of-ours";
let people = 0;

async function start(settings: Partial<Parameters<typeof createModel>[0]> = {}) {
  const model = createModel({ id: "some-model", baseUrl: endpoint.baseUrl, apiKey, ...settings });
  app = await openTestApp({ database, model });
  return { app, ann: await app.signUp(`ann${++people}`) };
}

interface Kept {
  status: string;
  content: string;
  finishReason: string | null;
}

async function ask(ann: Person, parts: string | object[], id: string = randomUUID()) {
  const given = typeof parts === "string" ? [{ type: "text", text: parts }] : parts;
  const message = { id: randomUUID(), role: "user", parts: given };
  const stream = await (await ann.request("POST", "/api/chat", { id, message })).text();
  const { items } = await ann.call<{ items: Kept[] }>("GET", `/api/conversations/${id}/messages`);
  const error = chunksIn(stream).find(({ type }) => type === "error")?.errorText;
  return { id, stream, error, reply: items.at(-1) };
}

const errorOf = (message: string, more: object = {}) => ({ error: { message, ...more } });
const picture = { type: "file", mediaType: "image/png", filename: "a.png", url: "data:image/png;base64,AAAA" };
const has = {
  tools: ({ tools, messages }: AskedBody) => tools !== undefined || messages.some(({ role }) => role === "tool"),
  system: ({ messages }: AskedBody) => messages.some(({ role }) => role === "system"),
  reasoning: ({ messages }: AskedBody) => messages.some(({ reasoning_content }) => reasoning_content),
  stream_options: ({ stream_options }: AskedBody) => stream_options !== undefined,
  files: ({ messages }: AskedBody) => messages.some(({ content }) => Array.isArray(content)),
};
type Omission = keyof typeof has;

describe("an endpoint that refuses something is asked without it, and from then on:", () => {
  it.each<[string, Omission, number, unknown]>([
    [
      "Ollama, a model without tools",
      "tools",
      400,
      errorOf("registry.ollama.ai/library/gemma3:4b does not support tools", { type: "api_error" }),
    ],
    [
      "vLLM as it starts",
      "tools",
      400,
      {
        object: "error",
        message: '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
        code: 400,
      },
    ],
    [
      "OpenRouter",
      "tools",
      404,
      errorOf(
        "No endpoints found that support tool use. To learn more about provider routing, visit: https://openrouter.ai/docs",
        { code: 404 },
      ),
    ],
    [
      "Groq, an old model",
      "tools",
      400,
      errorOf("`tool calling` is not supported with this model", { type: "invalid_request_error" }),
    ],
    [
      "a strict server",
      "tools",
      422,
      { detail: [{ type: "extra_forbidden", loc: ["body", "tools"], msg: "Extra inputs are not permitted" }] },
    ],
    ["vLLM, Gemma's template", "system", 400, { object: "error", message: "System role not supported", code: 400 }],
    [
      "llama.cpp, Gemma's template",
      "system",
      500,
      errorOf("Jinja Exception: System role not supported", { code: 500 }),
    ],
    [
      "Google, Gemma",
      "system",
      400,
      [errorOf("Developer instruction is not enabled for models/gemma-3-27b-it", { status: "INVALID_ARGUMENT" })],
    ],
    [
      "o1-mini",
      "system",
      400,
      errorOf("Unsupported value: 'messages[0].role' does not support 'system' with this model.", {
        param: "messages[0].role",
      }),
    ],
    [
      "Groq",
      "reasoning",
      400,
      errorOf(
        "'messages.2' : for 'role:assistant' the following must be satisfied[('messages.2' : property 'reasoning_content' is unsupported)]",
      ),
    ],
    ["DeepSeek's first", "reasoning", 400, errorOf("reasoning_content in input messages is not allowed")],
    ["Azure, an old version", "stream_options", 400, errorOf("Unrecognized request argument supplied: stream_options")],
    [
      "Mistral",
      "stream_options",
      422,
      { detail: [{ type: "extra_forbidden", loc: ["body", "stream_options"], msg: "Extra inputs are not permitted" }] },
    ],
    [
      "DeepSeek, pictures",
      "files",
      400,
      errorOf("Failed to deserialize the JSON body: messages[1]: unknown variant `image_url`, expected `text`"),
    ],
    ["vLLM, pictures", "files", 400, { object: "error", message: "some-model is not a multimodal model", code: 400 }],
    ["OpenRouter, pictures", "files", 404, errorOf("No endpoints found that support image input")],
    [
      "one that takes texts only",
      "files",
      422,
      { detail: [{ loc: ["body", "messages", 1, "content"], msg: "Input should be a valid string" }] },
    ],
  ])("%s: %s", async (_name, omission, status, body) => {
    endpoint.refuses((asked) => (has[omission](asked) ? { status, body } : undefined));
    const { ann, app } = await start();
    const first = await ask(ann, [{ type: "text", text: "Hello" }, picture]);
    const second = await ask(ann, [{ type: "text", text: "Which tasks?" }, picture], first.id);
    expect([first.reply, second.reply]).toMatchObject([
      { status: "complete", finishReason: "stop" },
      { status: "complete", content: "Here I am.", finishReason: "stop" },
    ]);
    const refusals = endpoint.asked.filter((asked) => has[omission](asked)).length;
    expect(refusals).toBe(1);
    const { messages } = endpoint.asked.at(-1) as AskedBody;
    expect(JSON.stringify(messages)).toContain("Hello");
    expect(JSON.stringify(messages)).toContain("You are the assistant of chatkeep");
    expect(app.lines.filter((line) => line.includes("is asked without it from now on"))).toMatchObject([
      expect.stringContaining(`"without":"${omission}"`),
    ]);
  });

  it("several things, one after another", async () => {
    endpoint.refuses((asked) => {
      if (has.tools(asked)) return { status: 400, body: errorOf("tools are not supported") };
      return has.system(asked) ? { status: 400, body: errorOf("System role not supported") } : undefined;
    });
    const { ann } = await start();
    expect((await ask(ann, "Hello")).reply).toMatchObject({ status: "complete" });
    expect(endpoint.asked).toHaveLength(3);
  });

  it("calls of tools that were made before are told in words, questions and answers by turns", async () => {
    endpoint.refuses(() => undefined);
    const { ann } = await start();
    const { id } = await ask(ann, "Which tasks?");
    endpoint.refuses((asked) =>
      has.tools(asked) ? { status: 400, body: errorOf("does not support tools") } : undefined,
    );
    expect((await ask(ann, "And now?", id)).reply).toMatchObject({ status: "complete" });
    const { messages } = endpoint.asked.at(-1) as AskedBody;
    expect(messages.map(({ role }) => role)).toEqual(["system", "user", "assistant", "user"]);
    expect(messages[2]?.content).toContain("[listTasks({})]\n[It gave: ");
    expect(messages[2]?.content).toContain("Here I am.");
  });

  it("but not for one request that was wrong: what helped nothing is not left out", async () => {
    let count = 0;
    endpoint.refuses(() => (count++ < 2 ? { status: 400, body: errorOf("tools are not supported") } : undefined));
    const { ann } = await start();
    expect((await ask(ann, "Hello")).reply).toMatchObject({ status: "failed" });
    await ask(ann, "Hello");
    expect(endpoint.asked.at(-1)?.tools).toBeDefined();
  });

  it("nor is anything left out that the endpoint does not name", async () => {
    endpoint.refuses(() => ({ status: 400, body: errorOf("Invalid image: unsupported image format, use png") }));
    const { ann } = await start();
    const { reply, error } = await ask(ann, [{ type: "text", text: "Look" }, picture]);
    expect(endpoint.asked).toHaveLength(1);
    expect(reply).toMatchObject({ status: "failed" });
    expect(error).toContain("The endpoint says: “Invalid image: unsupported image format, use png”");
  });
});

it("what the configuration names is never sent", async () => {
  endpoint.refuses(() => undefined);
  const { ann } = await start({ without: ["tools", "system", "reasoning", "stream_options", "files"] });
  const { id } = await ask(ann, [{ type: "text", text: "Hello" }, picture]);
  await ask(ann, "More", id);
  for (const asked of endpoint.asked) for (const had of Object.values(has)) expect(had(asked)).toBe(false);
  expect(JSON.stringify(endpoint.asked[1])).toContain("[A file that this model cannot read]");
});

it("a model is given as much of a conversation as its configuration says", async () => {
  endpoint.refuses(() => undefined);
  const { ann } = await start({ historyTokens: 500 });
  const { id } = await ask(ann, `First ${"x".repeat(1_500)}`);
  await ask(ann, `Second ${"x".repeat(1_500)}`, id);
  expect(JSON.stringify(endpoint.asked.at(-1))).toContain("Second");
  expect(JSON.stringify(endpoint.asked.at(-1))).not.toContain("First");
});

it("reasoning goes back to an endpoint that takes it", async () => {
  endpoint.refuses(() => undefined);
  const { ann } = await start();
  const { id } = await ask(ann, "Hello");
  await ask(ann, "More", id);
  expect(endpoint.asked[1]?.messages[2]).toMatchObject({ role: "assistant", reasoning_content: "Hm." });
});

it("files that no endpoint takes are named, and drawings are read as text", async () => {
  endpoint.refuses(() => undefined);
  const { ann } = await start();
  const file = (filename: string, url: string) => ({ type: "file", mediaType: "x/y", filename, url });
  const { reply } = await ask(ann, [
    { type: "text", text: "Look" },
    file("voice.webm", "data:audio/webm;codecs=opus;base64,AAAA"),
    file("a.heic", "data:image/heic;base64,AAAA"),
    file("a.bin", "data:application/octet-stream;base64,AAAA"),
    file("a.svg", "data:image/svg+xml;utf8,<svg/>"),
    file("a.json", "data:application/json,{}"),
    file("a.png", "data:image/png;base64,AAAA"),
  ]);
  expect(reply).toMatchObject({ status: "complete" });
  expect(endpoint.asked[0]?.messages[1]?.content).toMatchObject([
    { text: "Look" },
    { text: expect.stringContaining("voice.webm (audio/webm)") },
    { text: expect.stringContaining("a.heic (image/heic)") },
    { text: expect.stringContaining("a.bin") },
    { text: "<svg/>" },
    { text: "{}" },
    { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } },
  ]);
});

describe("a conversation that is too long says so, and what to do:", () => {
  it.each<[string, Refusal]>([
    [
      "OpenAI",
      {
        status: 400,
        body: errorOf(
          "This model's maximum context length is 8192 tokens. However, your messages resulted in 9003 tokens (8903 in the messages, 100 in the functions). Please reduce the length of the messages or functions.",
          { code: "context_length_exceeded" },
        ),
      },
    ],
    [
      "Anthropic",
      {
        status: 400,
        body: {
          type: "error",
          error: { type: "invalid_request_error", message: "prompt is too long: 210000 tokens > 200000 maximum" },
        },
      },
    ],
    [
      "Google",
      {
        status: 400,
        body: [errorOf("The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).")],
      },
    ],
    [
      "llama.cpp",
      {
        status: 400,
        body: errorOf("the request exceeds the available context size, try increasing it", {
          type: "exceed_context_size_error",
        }),
      },
    ],
    [
      "vLLM",
      {
        status: 400,
        body: {
          object: "error",
          message: "The decoder prompt (length 40000) is longer than the maximum model length of 32768.",
          code: 400,
        },
      },
    ],
    [
      "xAI",
      {
        status: 400,
        body: {
          code: "400",
          error: "This model's maximum prompt length is 131072 but the request contains 200000 tokens.",
        },
      },
    ],
    [
      "Together",
      { status: 422, body: errorOf("Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4097.") },
    ],
    ["DashScope", { status: 400, body: errorOf("Range of input length should be [1, 30720]") }],
    [
      "Groq, by the minute",
      {
        status: 413,
        body: errorOf(
          "Request too large for model `x` in organization `org_01` service tier `on_demand` on tokens per minute (TPM): Limit 6000, Requested 9000",
        ),
      },
    ],
    ["a proxy", { status: 413, body: "<html><body>413 Request Entity Too Large</body></html>" }],
    [
      "DeepSeek",
      {
        status: 400,
        body: errorOf("This model's maximum context length is 65536 tokens, and tools are not supported beyond that"),
      },
    ],
  ])("%s", async (_name, refusal) => {
    endpoint.refuses(() => refusal);
    const { ann, app } = await start();
    const { error, reply } = await ask(ann, "Hello");
    expect(endpoint.asked).toHaveLength(1);
    expect(error).toMatch(/^This conversation is too long for the model\. Ask in a new one/);
    expect(reply).toMatchObject({ status: "failed", finishReason: "error" });
    expect(app.lines.join()).toContain("model_context_too_long");
  });
});

describe("what an endpoint says is told to the operator and to the user,", () => {
  it.each<[string, number, unknown, string]>([
    [
      "OpenAI",
      401,
      errorOf(
        "Incorrect API key provided: sk-proj-zqk******xyz. You can find your API key at https://platform.openai.com/account/api-keys.",
        { code: "invalid_api_key" },
      ),
      "Incorrect API key provided: … You can find your API key at …",
    ],
    ["our key as it is", 400, errorOf(`The key ${apiKey} is for another region`), "The key … is for another region"],
    [
      "a header",
      403,
      { message: "Bad header Authorization: Bearer zqk.def from 10.0.0.7:8080" },
      "Bad header Authorization: … … from …",
    ],
    [
      "a list of faults",
      422,
      { detail: [{ loc: ["body", "temperature"], msg: "Input should be less than 2" }] },
      "body.temperature: Input should be less than 2",
    ],
    ["a plain text", 400, "upstream says no\r\nto  you", "upstream says no to you"],
    ["a long one", 400, errorOf("no ".repeat(5_000)), `${"no ".repeat(100)}…`],
    [
      "one that quotes the question",
      400,
      errorOf("Invalid message: 'My bank account is empty and I am sad' is bad"),
      "Invalid message: '…' is bad",
    ],
    ["Ollama", 404, errorOf("model 'some-model' not found"), "model 'some-model' not found"],
  ])("without secrets: %s", async (_name, status, body, words) => {
    endpoint.refuses(() => ({ status, body }));
    const { ann, app } = await start();
    const { error, stream } = await ask(ann, "My bank account is empty and I am sad");
    expect(error).toContain(`The endpoint says: “${words}”`);
    const log = app.lines.filter((line) => line.includes("the model failed")).map((line) => JSON.parse(line));
    expect(log).toMatchObject([{ provider: { status, words } }]);
    for (const text of [stream, app.lines.join("\n")]) {
      expect(text).not.toMatch(/zqk|xyz|10\.0\.0\.7|an-unusual-key|127\.0\.0\.1:\d+\/v1/);
    }
  });

  it("as it is also from an error in the stream", async () => {
    endpoint.refuses(() => ({
      chunks: [delta({ content: "Half" }), errorOf("The GPU sk-secret12 is tired", { code: 500 })],
    }));
    const { ann } = await start();
    const { error, reply } = await ask(ann, "Hello");
    expect(error).toContain("The endpoint says: “The GPU … is tired”");
    expect(reply).toMatchObject({ status: "failed", content: "Half" });
  });

  it("and a page of a proxy says nothing", async () => {
    endpoint.refuses(() => ({ status: 403, body: "<html><script>alert(1)</script></html>" }));
    const { ann } = await start();
    expect((await ask(ann, "Hello")).error).toMatch(/its key and settings\.$/);
  });
});

it.each([
  ["length", "length", { status: "complete", finishReason: "length" }],
  ["content_filter", "content-filter", { status: "complete", finishReason: "content-filter" }],
  ["a reason of its own", "other", { status: "complete", finishReason: "other" }],
  [null, "none", { status: "failed", finishReason: "error" }],
])("an answer that ended with %s is not shown as whole", async (reason, _name, kept) => {
  endpoint.refuses(() => ({ chunks: [delta({ content: "Half" }), ...(reason ? [delta({}, reason)] : [])] }));
  const { ann } = await start();
  const { reply, error } = await ask(ann, "Hello");
  expect(reply).toMatchObject({ content: "Half", ...kept });
  if (!reason) expect(error).toMatch(/^The model stopped before the end of its answer/);
});
