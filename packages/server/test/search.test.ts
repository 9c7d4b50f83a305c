/** GET /api/search, and the client's verb for it. */

import { createClient } from "chatkeep/client";
import type { SearchPage } from "chatkeep/wire";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openTestApp, type Person, send, type TestApp } from "./helpers/app.ts";

let test: TestApp;
let [ann, bob]: Person[] = [];

beforeAll(async () => {
  test = await openTestApp();
  [ann, bob] = await Promise.all([test.signUp("ann"), test.signUp("bob")]);
  await ann.call("POST", "/api/conversations", {
    id: "trip",
    title: "Journey to Zürich",
    messages: [
      { id: "q", role: "user", content: "When does the train to Zürich leave?" },
      {
        id: "a",
        role: "assistant",
        parts: [
          { type: "text", text: "At nine, from Zürich's side." },
          { type: "file", mediaType: "text/plain", url: "data:,", filename: "timetable.txt" },
        ],
      },
    ],
  });
});
afterAll(() => test.close());

const find = (who: Person | undefined, query: string) =>
  (who as Person).call<SearchPage>("GET", `/api/search?${query}`);

it("finds messages and titles of whoever asks, with the words marked", async () => {
  const { items, conversations, nextCursor } = await find(ann, "text=zurich&limit=1");
  expect(items).toEqual([
    {
      conversationId: "trip",
      title: "Journey to Zürich",
      archived: false,
      messageId: "a",
      seq: 2,
      role: "assistant",
      createdAt: expect.stringMatching(/Z$/),
      field: "text",
      snippet: { text: "At nine, from Zürich's side.", marks: [{ start: 14, end: 20 }] },
    },
  ]);
  expect(conversations).toMatchObject([{ conversationId: "trip", marks: [{ start: 11, end: 17 }] }]);
  expect((await find(ann, `text=zurich&limit=1&cursor=${nextCursor}`)).items).toMatchObject([{ messageId: "q" }]);
  expect(await find(bob, "text=zurich")).toEqual({ items: [], nextCursor: null, conversations: [] });
  expect((await send(test.app, "GET", "/api/search?text=zurich")).status).toBe(401);
});

it("takes every option, and says what is wrong with one", async () => {
  const client = createClient({
    baseUrl: "http://chatkeep.test/api",
    fetch: async (input, init) => await test.app.request(input as string, init),
    headers: { authorization: `Bearer ${ann?.token}` },
  });
  const query = {
    role: "assistant",
    after: new Date(0),
    before: "2999-01-01T00:00:00Z",
    conversationId: "trip",
    archived: false,
    sort: "best",
    limit: 5,
  } as const;
  expect((await client.search({ text: "timetable", in: ["text", "files"], ...query })).items).toMatchObject([
    { messageId: "a", field: "files" },
  ]);
  expect((await client.search({ text: "timetable", ...query })).items).toEqual([]);
  await expect(client.search({ text: "-" })).rejects.toMatchObject({
    code: "invalid_input",
    message: "search.text must have a letter or a digit to look for.",
  });
  for (const wrong of [
    "",
    "text=",
    "text=a&in=everywhere",
    "text=a&role=king",
    "text=a&after=soon",
    "text=a&sort=worst",
    "text=a&limit=1000",
    "text=a&cursor=x",
    "text=a%00",
  ]) {
    const response = await (ann as Person).request("GET", `/api/search?${wrong}`);
    expect([wrong, response.status]).toEqual([wrong, 422]);
  }
});
