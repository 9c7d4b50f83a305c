/** /v1/responses, as OpenAI's own client speaks it, answered by the server's model. */
import type { UIMessage } from "ai";
import OpenAI, { BadRequestError, NotFoundError } from "openai";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openTestApp, type Person, type TestApp, testUrl } from "./helpers/app.ts";
import { finish, heldModel, type ScriptedModel, scriptedModel, words } from "./helpers/models.ts";

let test: TestApp;
let model: ScriptedModel;
let ann: Person;
let client: OpenAI;
let bobs: OpenAI;

beforeAll(async () => {
  model = scriptedModel(async function* (prompt) {
    if (JSON.stringify(prompt.at(-1)).includes("fail")) throw new Error("secret of the provider");
    yield { type: "stream-start", warnings: [] };
    yield { type: "reasoning-start", id: "r" };
    yield { type: "reasoning-delta", id: "r", delta: "Hm" };
    yield { type: "reasoning-end", id: "r" };
    yield* words(["Twelve", " hours."], { end: [finish] });
  });
  test = await openTestApp({ model });
  const people = await Promise.all([test.signUp("ann"), test.signUp("bob")]);
  ann = people[0];
  [client, bobs] = people.map(({ token }) => clientOf(test, token)) as [OpenAI, OpenAI];
});
afterAll(() => test.close());

function clientOf({ app }: Pick<TestApp, "app">, apiKey: string): OpenAI {
  const fetch = (url: unknown, init?: RequestInit) => Promise.resolve(app.request(url as string, init));
  return new OpenAI({ baseURL: `${testUrl}/v1`, apiKey, fetch, maxRetries: 0 });
}

const input = "How long does sourdough rise?";

it("answers in a new conversation, and goes on after a response", async () => {
  const first = await client.responses.create({ input, model: "scripted", instructions: "Be brief." });
  expect(first).toMatchObject({
    id: expect.stringMatching(/^resp_/),
    object: "response",
    status: "completed",
    output_text: "Twelve hours.",
    model: "scripted",
    error: null,
    usage: { input_tokens: 3, output_tokens: 7, total_tokens: 10 },
  });
  expect(first.output.map(({ type }) => type)).toEqual(["reasoning", "message"]);
  expect(JSON.stringify(model.prompts.at(-1)?.[0])).toContain("Be brief.");
  const again = await client.responses.retrieve(first.id);
  expect(again).toMatchObject({ id: first.id, output: first.output, output_text: "Twelve hours." });
  const second = await client.responses.create({
    previous_response_id: first.id,
    input: [
      { role: "developer", content: "Speak German." },
      { role: "user", content: "And rye?" },
    ],
  });
  expect(second).toMatchObject({ conversation: first.conversation, previous_response_id: first.id });
  expect(JSON.stringify(model.prompts.at(-1))).toMatch(/Speak German.*How long.*Twelve hours.*And rye/s);
  const id = first.conversation?.id ?? "";
  const inputs = async (order: "asc" | "desc", limit: number) => {
    const ids: string[] = [];
    for await (const item of client.responses.inputItems.list(second.id, { order, limit })) ids.push(String(item.id));
    return ids;
  };
  const asc = await inputs("asc", 2);
  expect(asc).toHaveLength(5);
  expect((await inputs("desc", 2)).reverse()).toEqual(asc);
  const kept = await client.conversations.items.list(id, { order: "asc" });
  expect(kept.data.map((item) => item.id)).toEqual([...asc, ...second.output.map((item) => item.id)]);
  expect((await ann.call<UIMessage[]>("GET", `/api/chat/${id}`)).map(({ role }) => role)).toEqual([
    "user",
    "assistant",
    "system",
    "user",
    "assistant",
  ]);
});

it("streams events that the client puts together", async () => {
  const { id } = await client.conversations.create({ items: [{ role: "user", content: "Hello" }] });
  const stream = client.responses.stream({ conversation: id, input, model: "scripted" });
  const types: string[] = [];
  let text = "";
  const numbers: number[] = [];
  for await (const event of stream) {
    types.push(event.type);
    numbers.push(event.sequence_number);
    if (event.type === "response.output_text.delta") text += event.delta;
  }
  const final = await stream.finalResponse();
  expect(text).toBe("Twelve hours.");
  expect(final).toMatchObject({ status: "completed", output_text: "Twelve hours.", conversation: { id } });
  expect(numbers).toEqual(numbers.map((_, index) => index));
  expect(types.filter((type) => type !== "response.output_text.delta")).toEqual([
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.reasoning_summary_part.added",
    "response.reasoning_summary_text.delta",
    "response.reasoning_summary_text.done",
    "response.reasoning_summary_part.done",
    "response.output_item.done",
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.completed",
  ]);
  const { output } = await client.responses.retrieve(final.id);
  expect(final.output).toMatchObject(output);
  const plain = await client.responses.create({ conversation: { id }, input: "Again", stream: true });
  let last: unknown;
  for await (const event of plain) last = event;
  expect(last).toMatchObject({ type: "response.completed", response: { status: "completed" } });
});

it("says that it failed, and nothing of why", async () => {
  const failed = await client.responses.create({ input: "fail" });
  expect(failed).toMatchObject({ status: "failed", error: { code: "server_error" } });
  expect(JSON.stringify(failed)).not.toContain("secret of the provider");
  const stream = await client.responses.create({ input: "fail", stream: true });
  const types: string[] = [];
  for await (const { type } of stream) types.push(type);
  expect(types.at(-1)).toBe("response.failed");
});

it("is deleted, and is nobody else's", async () => {
  const { id, conversation } = await client.responses.create({ input });
  for (const each of [id, "resp_never", "resp_W10"]) {
    await expect(bobs.responses.retrieve(each)).rejects.toThrow(NotFoundError);
    await expect(bobs.responses.delete(each)).rejects.toThrow(NotFoundError);
    await expect(bobs.responses.cancel(each)).rejects.toThrow(NotFoundError);
    await expect(bobs.responses.inputItems.list(each)).rejects.toThrow(NotFoundError);
    await expect(bobs.responses.create({ input, previous_response_id: each })).rejects.toThrow(NotFoundError);
  }
  await expect(bobs.responses.create({ input, conversation: conversation?.id ?? "" })).rejects.toThrow(NotFoundError);
  await client.responses.delete(id);
  await expect(client.responses.retrieve(id)).rejects.toThrow(NotFoundError);
  expect((await client.conversations.items.list(conversation?.id ?? "")).data).toHaveLength(1);
});

it("refuses by name what it does not do", async () => {
  const cases: [string | null, object][] = [
    ["model", { model: "gpt-9" }],
    ["store", { store: false }],
    ["background", { background: true }],
    ["tools", { tools: [{ type: "web_search" }] }],
    ["input", { input: [{ type: "function_call_output", call_id: "c", output: "x" }] }],
    ["input", { input: "" }],
    [null, { temperature: 0 }],
    [null, { conversation: "conv_1", previous_response_id: "resp_1" }],
  ];
  const before = model.prompts.length;
  for (const [param, given] of cases) {
    const error = await client.responses.create({ input, ...given } as never).catch((thrown: unknown) => thrown);
    expect(error, JSON.stringify(given)).toBeInstanceOf(BadRequestError);
    expect(error).toMatchObject({ param });
  }
  expect(model.prompts.length).toBe(before);
});

it("is cancelled while it is written, and asked again it is not made twice", async () => {
  const { model: held, release } = heldModel(Array(30).fill("word "));
  const other = await openTestApp({ model: held, database: test.database });
  try {
    const mine = clientOf(other, ann.token);
    const stream = await mine.responses.create({ input, stream: true });
    let id = "";
    for await (const event of stream) {
      if (event.type === "response.created") id = event.response.id;
      if (event.type === "response.output_text.delta") break;
    }
    expect(await mine.responses.retrieve(id)).toMatchObject({ status: "in_progress" });
    expect(await mine.responses.cancel(id)).toMatchObject({ id, status: "cancelled" });
    const { output_text } = await mine.responses.retrieve(id);
    expect(output_text).toMatch(/^word /);
    release();
    const keyed = { headers: { "Idempotency-Key": "one" } };
    const [one, two] = await Promise.all([
      mine.responses.create({ input, conversation: "again" }, keyed).catch(() => undefined),
      ann.call("POST", "/api/conversations", { id: "again" }),
    ]);
    const first = one ?? (await mine.responses.create({ input, conversation: "again" }, keyed));
    expect(two).toBeDefined();
    const second = await mine.responses.create({ input, conversation: "again" }, keyed);
    expect([second.id, second.output]).toEqual([first.id, first.output]);
    const anew = [await mine.responses.create({ input }, keyed), await mine.responses.create({ input }, keyed)];
    expect(anew[0]?.id).toBe(anew[1]?.id);
  } finally {
    release();
    await other.close();
  }
});
