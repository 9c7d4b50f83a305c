import { createHash, randomUUID } from "node:crypto";
import { connect } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { limits } from "chatkeep";
import { type Client, createClient, type StoredFile } from "chatkeep/client";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, it } from "vitest";
import { diagnose } from "../src/commands/doctor.ts";
import { models } from "../src/models/index.ts";
import { openTestApp, type Person, type TestApp } from "./helpers/app.ts";
import { scriptedModel, words } from "./helpers/models.ts";
import { until } from "./helpers/until.ts";

let test: TestApp;
let ann: Person;
let bob: Person;
let client: Client;
let http: ReturnType<typeof createAdaptorServer>;
let port: number;
const asked: unknown[] = [];

beforeAll(async () => {
  const model = scriptedModel((prompt) => {
    asked.push(prompt);
    return words(["Seen."]);
  });
  test = await openTestApp({ model });
  [ann, bob] = await Promise.all([test.signUp("ann"), test.signUp("bob")]);
  http = createAdaptorServer({ fetch: (request: Request) => test.app.request(request) });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  port = (http.address() as { port: number }).port;
  const headers = { authorization: `Bearer ${ann.token}` };
  client = createClient({ baseUrl: `http://127.0.0.1:${port}/api`, headers });
});
afterAll(async () => {
  await new Promise((resolve) => http.close(resolve));
  await test.close();
});

const png = Uint8Array.from(
  atob("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="),
  (char) => char.charCodeAt(0),
);

async function send(name: string, data: Uint8Array | string, type?: string): Promise<StoredFile> {
  return await client.files.send(
    new Blob([typeof data === "string" ? data : new Uint8Array(data)], type ? { type } : {}),
    { name },
  );
}

it("a file comes back as it was sent, with what a browser may do with it", async () => {
  const file = await send('bröd "1".png', png, "text/html");
  const hash = createHash("sha256").update(png).digest("hex");
  expect(file).toMatchObject({ name: 'bröd "1".png', mediaType: "image/png", size: png.length, hash });
  expect(file.url).toBe(`/api/files/${file.id}`);
  const answer = await ann.request("GET", file.url);
  expect(new Uint8Array(await answer.arrayBuffer())).toEqual(png);
  expect(Object.fromEntries(answer.headers)).toMatchObject({
    "content-type": "image/png",
    "content-length": String(png.length),
    "content-disposition": `inline; filename="br?d \\"1\\".png"; filename*=UTF-8''br%C3%B6d%20%221%22.png`,
    "content-security-policy": expect.stringMatching(/default-src 'none'.*sandbox/),
    "cross-origin-resource-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "cache-control": "private, no-cache",
    etag: `"${hash}"`,
  });
  expect((await ann.request("GET", `${file.url}?download=true`)).headers.get("content-disposition")).toMatch(
    /^attachment/,
  );
  const head = await ann.request("HEAD", file.url);
  expect([await head.text(), head.headers.get("content-length"), head.headers.get("cache-control")]).toEqual([
    "",
    String(png.length),
    "private, no-cache",
  ]);
  const unchanged = await ann.request("GET", file.url, undefined, { "if-none-match": `W/"x", "${hash}"` });
  expect([unchanged.status, await unchanged.text()]).toEqual([304, ""]);
  expect(new Uint8Array(await (await client.files.read(file.id)).arrayBuffer())).toEqual(png);
  expect(client.files.address(file.id, { download: true })).toMatch(new RegExp(`${file.id}\\?download=true$`));
});

it.each([
  ["a.html", "text/html", "<script>alert(1)</script>", /^attachment/, "text/html; charset=utf-8"],
  ["a.svg", "image/svg+xml", "<svg onload='alert(1)'/>", /^attachment/, "image/svg+xml"],
  ["a.png", "image/png", "<svg onload='alert(1)'/>", /^inline/, "text/plain; charset=utf-8"],
  ["a.js", "text/javascript", "alert(1)", /^attachment/, "text/javascript; charset=utf-8"],
  ["a.bin", "", "\0\0\0", /^attachment/, "application/octet-stream"],
  ["a.md", "text/markdown", "# Hello", /^inline/, "text/markdown; charset=utf-8"],
])("%s as %s runs nowhere", async (name, type, content, disposition, contentType) => {
  const answer = await ann.request("GET", (await send(name, content, type)).url);
  expect(answer.headers.get("content-type")).toBe(contentType);
  expect(answer.headers.get("content-disposition")).toMatch(disposition);
  expect(answer.headers.get("content-security-policy")).toMatch(/default-src 'none'.*; sandbox$/);
});

it("ranges are what players and downloads ask for", async () => {
  const bytes = new Uint8Array(700_000).map((_, index) => index % 251);
  const { url, hash } = await send("a.bin", bytes);
  const cases: [
    range: string,
    ifRange: string | undefined,
    status: number,
    part: Uint8Array | undefined,
    place: string | null,
  ][] = [
    ["bytes=0-0", undefined, 206, bytes.slice(0, 1), "bytes 0-0/700000"],
    ["bytes=524287-524288", undefined, 206, bytes.slice(524_287, 524_289), "bytes 524287-524288/700000"],
    ["bytes=699999-", `"${hash}"`, 206, bytes.slice(699_999), "bytes 699999-699999/700000"],
    ["bytes=-5", undefined, 206, bytes.slice(-5), "bytes 699995-699999/700000"],
    ["bytes=5-9999999", undefined, 206, bytes.slice(5), "bytes 5-699999/700000"],
    ["bytes=700000-", undefined, 416, undefined, "bytes */700000"],
    ["bytes=-0", undefined, 416, undefined, "bytes */700000"],
    ["bytes=0-1", '"other"', 200, bytes, null],
    ["bytes=0-1,4-5", undefined, 200, bytes, null],
    ["bytes=9-1", undefined, 200, bytes, null],
    ["lines=1-2", undefined, 200, bytes, null],
  ];
  for (const [range, ifRange, status, part, place] of cases) {
    const answer = await ann.request("GET", url, undefined, { range, ...(ifRange && { "if-range": ifRange }) });
    expect([range, answer.status, answer.headers.get("content-range")]).toEqual([range, status, place]);
    const got = Buffer.from(await answer.arrayBuffer());
    if (part) expect(got.equals(Buffer.from(part)), range).toBe(true);
  }
});

it("what is no file is refused with a sentence, and leaves nothing", async () => {
  const contents = () => test.db.$count(models.fileContent);
  const before = [await contents(), await test.db.$count(models.file)];
  const refused = async (answer: Response) => {
    const { error } = (await answer.json()) as { error: { code: string; message: string } };
    return [answer.status, error.code, error.message];
  };
  const post = (path: string, body: string, type = "text/plain") =>
    ann.request("POST", path, body, { "content-type": type });
  expect(await refused(await post("/api/files?name=a", ""))).toEqual([
    422,
    "invalid_input",
    "The file is empty: choose one that has something in it.",
  ]);
  expect(await refused(await post("/api/files", "a"))).toEqual([422, "invalid_input", expect.stringContaining("name")]);
  expect(await refused(await post(`/api/files?name=${"a".repeat(300)}`, "a"))).toEqual([
    422,
    "invalid_input",
    "file.name must have at most 255 characters.",
  ]);
  expect(await refused(await post("/api/files?name=a", "a", "nonsense"))).toEqual([
    422,
    "invalid_input",
    'file.mediaType must be a media type, such as "image/png".',
  ]);
  expect(await refused(await post("/api/files?name=a", "a", "multipart/form-data; boundary=x"))).toEqual([
    422,
    "invalid_input",
    expect.stringContaining("not a form"),
  ]);
  const tooMuch = { code: "too_large", status: 413, message: expect.stringMatching(/32 MiB|33554432/) };
  await expect(send("a", new Uint8Array(limits.fileBytes + 1))).rejects.toMatchObject(tooMuch);
  const endless = ReadableStream.from(
    (function* () {
      for (;;) yield new Uint8Array(1024 * 1024);
    })(),
  );
  const init = { method: "POST", body: endless, duplex: "half", headers: { authorization: `Bearer ${ann.token}` } };
  expect((await test.app.request("/api/files?name=a", init as RequestInit)).status).toBe(413);
  // Half of what it announced, and then the line goes dead.
  const line = connect(port, "127.0.0.1");
  line.write(
    `POST /api/files?name=cut HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${ann.token}\r\ncontent-length: 2000000\r\n\r\n`,
  );
  line.write(Buffer.alloc(1_000_000));
  await until(contents, (count) => count > Number(before[0]));
  line.destroy();
  await until(contents, (count) => count === before[0]);
  const ended = new AbortController();
  const abandoned = client.files.send(new Blob([new Uint8Array(1_000_000)]), { name: "a", signal: ended.signal });
  ended.abort();
  await expect(abandoned).rejects.toThrow(/abort/i);
  await until(contents, (count) => count === before[0]);
  expect([await contents(), await test.db.$count(models.file)]).toEqual(before);
});

it("a question with files is answered by a model that is given them; others cannot name them", async () => {
  const picture = await send("bread.png", png, "image/png");
  const note = await send("note.md", "# Flour and water", "text/markdown");
  const part = ({ url, mediaType, name }: StoredFile) => ({ type: "file", mediaType, url, filename: name });
  const question = {
    id: randomUUID(),
    role: "user",
    parts: [part(picture), part(note), { type: "text", text: "What is it?" }],
  };
  const id = randomUUID();
  const answer = await ann.request("POST", "/api/chat", { id, message: question });
  expect(await answer.text()).toContain("Seen.");
  const files = (JSON.parse(JSON.stringify(asked.at(-1))) as { content: { type: string }[] }[]).flatMap(
    ({ content }) => (typeof content === "string" ? [] : content.filter(({ type }) => type === "file")),
  );
  expect(files).toMatchObject([
    { mediaType: "image/png", filename: "bread.png", data: { data: Buffer.from(png).toString("base64") } },
    { mediaType: "text/markdown", filename: "note.md", data: { data: btoa("# Flour and water") } },
  ]);
  const [stored] = await ann.call<{ parts: unknown[] }[]>("GET", `/api/chat/${id}`);
  expect(stored?.parts).toEqual(question.parts);
  await expect(client.files.remove(picture.id)).rejects.toMatchObject({ code: "conflict", status: 409 });

  const theirs = { id: randomUUID(), message: { ...question, id: randomUUID() } };
  for (const [path, body] of [
    ["/api/chat", theirs],
    ["/api/conversations", { messages: [{ role: "user", parts: [part(picture)] }] }],
  ] as const) {
    const refused = await bob.request("POST", path, body);
    expect([refused.status, await refused.json()]).toEqual([
      404,
      { error: { code: "not_found", message: `There is no file ${picture.id}.` } },
    ]);
  }
  expect((await bob.request("GET", picture.url)).status).toBe(404);
  expect(await bob.call("GET", "/api/files")).toEqual({ items: [], nextCursor: null });
  await ann.call("DELETE", `/api/conversations/${id}`);
  await expect(client.files.remove(picture.id)).rejects.toMatchObject({ code: "conflict" });
  await ann.call("DELETE", `/api/trash/${id}`);
  await client.files.remove(picture.id);
  await expect(client.files.read(picture.id)).rejects.toMatchObject({ code: "not_found" });
  expect((await client.files.list({ limit: 1 })).items).toMatchObject([{ id: note.id }]);
});

it("doctor finds bytes that are missing, bytes that nobody names, and counts of messages that are gone", async () => {
  const wrong = async () => {
    const { checks } = await diagnose(test.database, "test");
    return checks.filter(({ ok }) => !ok).map(({ name, found }) => [name, found]);
  };
  expect(await wrong()).toEqual([]);
  const [cut, named] = [await send("cut.bin", new Uint8Array(600_000)), await send("named.txt", "Named by SQL")];
  const { id } = await ann.call<{ id: string }>("POST", "/api/conversations", {
    messages: [{ role: "user", parts: [{ type: "file", mediaType: "text/plain", url: named.url }] }],
  });
  const { db } = test;
  await db.execute(sql`delete from attachment_piece where seq = 1 and content_id = (
    select content_id from attachment where id = ${cut.id})`);
  await db.execute(sql`delete from message where conversation_id = ${id}`);
  await db.execute(sql`insert into attachment_content (user_id, hash, size) values (${ann.id}, repeat('a', 64), 0)`);
  expect(await wrong()).toEqual(
    expect.arrayContaining([
      ["files whose bytes are not all there", "1"],
      ["bytes that no file names", "1"],
      ["files that are counted for messages which are not there", "1"],
    ]),
  );
});
