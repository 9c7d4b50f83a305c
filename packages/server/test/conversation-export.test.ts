import { validateUIMessages } from "ai";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openTestApp, type Person, type TestApp } from "./helpers/app.ts";

let test: TestApp;
let ann: Person;

beforeAll(async () => {
  test = await openTestApp();
  ann = await test.signUp("ann");
});
afterAll(() => test.close());

const pathOf = (id: string, format: string) => `/api/conversations/${encodeURIComponent(id)}/export?format=${format}`;
const file = (id: string, format: string) => ann.request("GET", pathOf(id, format));
const text = async (id: string, format = "markdown") => await (await file(id, format)).text();
const make = (id: string, messages: object[], rest: object = {}) =>
  ann.call("POST", "/api/conversations", { id, messages, ...rest });
const withoutTimes = (markdown: string) => markdown.replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/g, "TIME");

it("a conversation is Markdown with its title, roles and times; thoughts, tools, files and sources are said in words", async () => {
  const parts = [
    { type: "reasoning", text: "First\nthen" },
    { type: "step-start" },
    { type: "text", text: "**Look**:\n\n```js\nunclosed" },
    {
      type: "tool-addTask",
      toolCallId: "1",
      state: "output-available",
      input: { title: "a ``` b" },
      output: { id: 7 },
    },
    { type: "dynamic-tool", toolName: "we`ird", toolCallId: "2", state: "output-error", input: {}, errorText: "No." },
    { type: "file", mediaType: "image/png", filename: "a [b].png", url: "data:image/png;base64,AAAA" },
    { type: "file", mediaType: "text/plain", url: "https://example.com/x y" },
    { type: "source-url", sourceId: "s", url: "https://example.com/?a=<b>", title: "An *example*" },
    { type: "source-url", sourceId: "t", url: "javascript:alert(1)", title: "No link" },
    { type: "data-weather", data: { celsius: 21 } },
  ];
  await make(
    "kinds",
    [
      { id: "s", role: "system", content: "Be brief." },
      { id: "q", role: "user", content: "Hello" },
      { id: "a", role: "assistant", parts },
      { id: "gone", role: "user", content: "a secret" },
    ],
    { title: "Bread & *butter*\n# <b>" },
  );
  await ann.call("DELETE", "/api/conversations/kinds/messages/gone");
  const response = await file("kinds", "markdown");
  expect(response.headers.get("content-type")).toBe("text/markdown; charset=utf-8");
  expect(withoutTimes(await response.text())).toBe(`# Bread \\& \\*butter\\* \\# \\<b\\>

Begun TIME.

## System · TIME

Be brief.

## User · TIME

Hello

## Assistant · TIME

> **Thoughts**
>
> First
> then

**Look**:

\`\`\`js
unclosed
\`\`\`

**Tool** \`addTask\` was asked:

\`\`\`\`json
{
  "title": "a \`\`\` b"
}
\`\`\`\`

It answered:

\`\`\`json
{
  "id": 7
}
\`\`\`

**Tool** \`\`we\`ird\`\` was asked:

\`\`\`json
{}
\`\`\`

It failed:

\`\`\`
No.
\`\`\`

File: a \\[b\\].png (image/png); the JSON of this conversation has it.

File: [text/plain](<https://example.com/x%20y>)

Source: [An \\*example\\*](<https://example.com/?a=%3Cb%3E>)

Source: No link

*A part of the type \`data-weather\` has no words: the JSON of this conversation has it.*

## User · TIME

*This message was deleted.*
`);
});

it("the file has the branch that is shown, whole and once, in both formats", async () => {
  const many = Array.from({ length: 100 }, (_, index) => ({
    id: `m${index}`,
    role: "user",
    content: `Number ${index}.`,
  }));
  await make("long", many);
  await ann.call("POST", "/api/conversations/long/messages", {
    messages: [
      ...[100, 101, 102].map((index) => ({ id: `m${index}`, role: "assistant", content: `Number ${index}.` })),
      { id: "other", role: "assistant", content: "Another end.", parentId: "m101" },
    ],
  });
  const said = async () => [...(await text("long")).matchAll(/^(?:Number \d+|Another end)\.$/gm)].map(([line]) => line);
  const numbers = (count: number) => Array.from({ length: count }, (_, index) => `Number ${index}.`);
  expect(await said()).toEqual([...numbers(102), "Another end."]);
  await ann.call("PATCH", "/api/conversations/long", { headId: "m102" });
  expect(await said()).toEqual(numbers(103));
  const response = await file("long", "json");
  expect(response.headers.get("content-type")).toBe("application/json");
  const { conversation, messages, isWhole } = (await response.json()) as {
    conversation: object;
    messages: { content: string }[];
    isWhole: boolean;
  };
  expect(conversation).toEqual(await ann.call("GET", "/api/conversations/long"));
  expect([messages.map(({ content }) => content), isWhole]).toEqual([numbers(103), true]);
  expect(messages[0]).toMatchObject({ id: "m0", role: "user", seq: 1, parentId: null, status: "complete" });
});

it("is empty for nobody's words, and says when it is cut because the conversation goes or turns meanwhile", async () => {
  await make("empty", []);
  expect(withoutTimes(await text("empty"))).toBe("# Conversation\n\nBegun TIME.\n");
  expect(JSON.parse(await text("empty", "json"))).toMatchObject({ messages: [], isWhole: true });
  const long = Array.from({ length: 100 }, () => ({ role: "user", content: "x".repeat(100_000) }));
  for (const [format, sign] of [
    ["markdown", "was changed or deleted while this was written"],
    ["json", '"isWhole":false'],
  ] as const) {
    await make(`goes ${format}`, long);
    const response = await file(`goes ${format}`, format);
    await ann.call("DELETE", `/api/conversations/goes%20${format}`);
    expect((await response.text()).slice(-200)).toContain(sign);
  }
  // Several pages, of which no more than one is read ahead.
  const shorter = long.map((message) => ({ ...message, content: "x".repeat(20_000) }));
  await make("turns", shorter);
  for (let times = 0; times < 3; times += 1)
    await ann.call("POST", "/api/conversations/turns/messages", { messages: shorter });
  await ann.call("POST", "/api/conversations/turns/messages", {
    messages: [{ id: "last", role: "user", content: "x" }],
  });
  const first = await ann.call<{ items: { id: string }[] }>("GET", "/api/conversations/turns/messages?after=0&limit=1");
  await ann.call("POST", "/api/conversations/turns/messages", {
    messages: [{ id: "fork", role: "user", content: "y", parentId: first.items[0]?.id }],
  });
  await ann.call("PATCH", "/api/conversations/turns", { headId: "last" });
  const reader = (await file("turns", "json")).body?.pipeThrough(new TextDecoderStream()).getReader();
  let said = "";
  // What was shown when the first page was read; the title is of the same letters.
  while (said.length < 10_000) said += (await reader?.read())?.value ?? "";
  await ann.call("PATCH", "/api/conversations/turns", { headId: "fork" });
  for (let piece = await reader?.read(); piece?.value !== undefined; piece = await reader?.read()) said += piece.value;
  expect(JSON.parse(said)).toMatchObject({ isWhole: false });
  expect(said).not.toContain('"fork"');
});

it("the name of the file holds nothing that is more than a letter, whatever the title is", async () => {
  const day = new Date().toISOString().slice(0, 10);
  const titles: [string, string][] = [
    ["Bread", `attachment; filename="Bread ${day}.md"`],
    ["../../etc/passwd", `attachment; filename="etc passwd ${day}.md"`],
    ['a"b\r\nset-cookie: x\u202e', `attachment; filename="a b set-cookie x ${day}.md"`],
    ["Brötchen 🥐", `filename*=UTF-8''Br%C3%B6tchen%20%F0%9F%A5%90%20${day}.md`],
    ["...", `attachment; filename="Conversation ${day}.md"`],
    ["x".repeat(200), `attachment; filename="${"x".repeat(80)} ${day}.md"`],
  ];
  for (const [index, [title, header]] of titles.entries()) {
    await make(`name ${index}`, [], { title });
    const response = await file(`name ${index}`, "markdown");
    await response.body?.cancel();
    expect(response.headers.get("content-disposition")).toContain(header);
  }
});

it("is its owner's alone, also of a temporary one, and says what format there is", async () => {
  const bob = await test.signUp("bob");
  await make("of ann", [{ role: "user", content: "Ann's" }], { temporary: true });
  expect(await text("of ann")).toContain("Ann's");
  const refusals = [
    await bob.request("GET", pathOf("of ann", "markdown")),
    await bob.request("GET", pathOf("never", "markdown")),
    await ann.request("GET", pathOf("of ann", "pdf")),
    await ann.request("GET", "/api/conversations/of%20ann/export"),
    await test.app.request(pathOf("of ann", "json")),
  ];
  expect(refusals.map(({ status }) => status)).toEqual([404, 404, 422, 422, 401]);
  const [others, never] = await Promise.all(refusals.slice(0, 2).map((response) => response.json()));
  expect(JSON.stringify(others).replace("of ann", "never")).toBe(JSON.stringify(never));
});

it("two are written at once for one user, and one that is not read to its end makes place for the next", async () => {
  const long = Array.from({ length: 100 }, () => ({ role: "user", content: "x".repeat(100_000) }));
  await make("twice", long);
  const open = await Promise.all([file("twice", "json"), file("twice", "markdown")]);
  expect((await file("twice", "json")).status).toBe(429);
  await open[0]?.body?.cancel();
  expect((await file("twice", "json")).status).toBe(200);
  expect((await ann.request("HEAD", pathOf("twice", "json"))).status).toBe(429);
  await open[1]?.body?.cancel();
  for (let times = 0; times < 3; times += 1)
    expect((await ann.request("HEAD", pathOf("twice", "json"))).status).toBe(200);
});

it("is messages of the AI SDK, or items of OpenAI, alone or with all others, and comes back from there", async () => {
  const cara = await test.signUp("cara");
  const parts = [
    { type: "reasoning", text: "Look it up." },
    {
      type: "tool-weather",
      toolCallId: "1",
      state: "output-available",
      input: { city: "Bern" },
      output: { celsius: 7 },
    },
    { type: "text", text: "Seven degrees.\u2028\n" },
  ];
  const messages = [
    { id: "s", role: "system", content: "Be brief." },
    { id: "q", role: "user", content: "How warm?", metadata: { from: "phone" } },
    { id: "a", role: "assistant", parts },
    { id: "gone", role: "user", content: "a secret" },
    { id: "other", role: "assistant", content: "another branch", parentId: "q" },
    { id: "last", role: "user", content: "Thanks", parentId: "a" },
  ];
  await cara.call("POST", "/api/conversations", { id: "warm/1", title: "Warm", metadata: { p: 1 }, messages });
  await cara.call("DELETE", "/api/conversations/warm%2F1/messages/gone");
  await cara.call("POST", "/api/conversations", { id: "empty" });
  await cara.call("PATCH", "/api/conversations/empty", { archived: true });
  const linesOf = async (format: string) => {
    const body = await (await cara.request("GET", `/api/export?format=${format}`)).text();
    const lines = body
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    return new Map(lines.map((line): [string, typeof line] => [line.id, line]));
  };

  const sdk = await linesOf("ai-sdk");
  const alone = JSON.parse(await (await cara.request("GET", pathOf("warm/1", "ai-sdk"))).text());
  expect(sdk.get("warm/1")).toEqual(alone);
  expect(sdk.get("empty")).toMatchObject({ messages: [], isWhole: true });
  expect(alone).toMatchObject({ title: "Warm", metadata: { p: 1 }, isWhole: true });
  expect(await validateUIMessages({ messages: alone.messages })).toHaveLength(4);
  expect(alone.messages.map(({ id }: { id: string }) => id)).toEqual(["s", "q", "a", "last"]);
  expect(alone.messages[2].parts).toEqual(parts);

  const openai = (await linesOf("openai")).get("warm/1");
  expect(openai).toMatchObject({ object: "conversation", metadata: { p: 1 }, isWhole: true });
  expect(openai.items.map(({ type }: { type: string }) => type)).toEqual([
    "message",
    "message",
    "reasoning",
    "function_call",
    "function_call_output",
    "message",
    "message",
  ]);
  expect(JSON.stringify([alone, openai])).not.toMatch(/secret|another branch/);

  const dan = await test.signUp("dan");
  const body = JSON.stringify(alone);
  const told = await (await dan.request("POST", "/api/import/file?name=warm.json", body)).text();
  expect(told).toContain('"type":"done"');
  const back = JSON.parse(await (await dan.request("GET", pathOf("warm/1", "ai-sdk"))).text());
  expect(back.messages).toEqual(alone.messages);
  expect(back).toMatchObject({ title: "Warm" });
});

it("files come along within the messages, up to a size, and an address that is not ours stays", async () => {
  const mine = test.store.forUser(ann.id);
  const small = await mine.files.put({ name: "small.txt", data: Buffer.from("flour") });
  const large = await mine.files.put({ name: "large.bin", data: Buffer.alloc(9 * 1024 * 1024, 1) });
  const part = ({ url, mediaType, name }: typeof small) => ({ type: "file", mediaType, url, filename: name });
  const other = { type: "file", mediaType: "text/plain", url: "https://example.com/x" };
  await make("with files", [{ id: "q", role: "user", parts: [part(small), part(large), other] }]);
  const inline = { ...part(small), url: `data:text/plain;base64,${Buffer.from("flour").toString("base64")}` };
  const [one] = JSON.parse(await text("with files", "ai-sdk")).messages;
  expect(one.parts).toEqual([inline, part(large), other]);
  expect((await validateUIMessages({ messages: [one] }))[0]?.parts).toHaveLength(3);
  expect(JSON.parse(await text("with files", "json")).messages[0].parts[0]).toEqual(inline);
  expect(await text("with files", "openai")).toContain(inline.url);
  expect(await (await ann.request("GET", "/api/export?format=ai-sdk")).text()).toContain(inline.url);
});
