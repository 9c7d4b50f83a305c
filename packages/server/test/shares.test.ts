/** Links by which anybody reads a conversation: up to a message, of what may go out, and for as long as its owner likes. */
import { randomUUID } from "node:crypto";
import { eq } from "drizzle-orm";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createCleaning } from "../src/expired-rows.ts";
import { share, user } from "../src/models/index.ts";
import { openTestApp, type Person, send, type TestApp } from "./helpers/app.ts";

interface Link {
  id: string;
  url: string;
  messageId: string;
  expiresAt: string | null;
  title?: string | null;
}

let test: TestApp;
let ann: Person;
let bob: Person;
beforeAll(async () => {
  test = await openTestApp({ anonymousDays: 30 });
  [ann, bob] = [await test.signUp("ann"), await test.signUp("bob")];
});
afterAll(() => test.close());

const make = (messages: object[], more: object = {}, who = ann) =>
  who.call<{ id: string }>("POST", "/api/conversations", { id: randomUUID(), messages, ...more });
const shared = (conversationId: string, more: object = {}, who = ann) =>
  who.call<Link>("POST", "/api/shares", { conversationId, ...more });
/** As somebody who has the link and nothing else. */
const open = (link: Pick<Link, "url">, headers: Record<string, string> = {}) =>
  send(test.app, "GET", new URL(link.url).pathname, undefined, { accept: "text/html", ...headers });
const read = async (link: Link) => {
  const answer = await open(link);
  return [answer.status, await answer.text()] as const;
};
const refusal = async (answer: Response | Promise<Response>) => {
  const { status, ...rest } = await answer;
  const { error } = (await (await answer).json()) as { error: { code: string; message: string } };
  return { status: status ?? (await answer).status, ...rest, ...error };
};

it("whoever has the link reads the conversation up to that message, and nothing that comes after or beside it", async () => {
  const { id } = await make(
    [
      { id: "s", role: "system", content: "systemword" },
      { id: "q", role: "user", content: "How do I bake **bread**?" },
      {
        id: "a",
        role: "assistant",
        parts: [
          { type: "reasoning", text: "thoughtword" },
          { type: "tool-x", toolCallId: "1", state: "output-available", input: {}, output: "toolword" },
          { type: "text", text: "| a | b |\n|---|---|\n| 1 | 2 |" },
          { type: "source-url", sourceId: "1", url: "https://example.com/", title: "Flour" },
          { type: "data-x", data: "dataword" },
        ],
        metadata: { secret: "metaword" },
      },
      { id: "b", role: "assistant", parentId: "q", content: "branchword" },
    ],
    { title: "Bread & butter", instructions: "instructionword", metadata: { secret: "metaword" } },
  );
  await ann.call("PATCH", `/api/conversations/${id}`, { headId: "a" });
  const link = await shared(id);
  expect(link).toMatchObject({ messageId: "a", expiresAt: null, url: expect.stringMatching(/\/s\/[\w-]{22}$/) });
  await ann.call("POST", `/api/conversations/${id}/messages`, { messages: [{ role: "user", content: "laterword" }] });
  const [status, page] = await read(link);
  expect(status).toBe(200);
  for (const said of ["Bread &amp; butter", "<strong>bread</strong>", "<td>1</td>", 'href="https://example.com/"'])
    expect(page).toContain(said);
  expect(page).not.toMatch(/(system|thought|tool|data|meta|branch|instruction|later)word|ann@|<script/);
  expect(page).not.toContain(ann.id);
  const question = await shared(id, { messageId: "q" });
  expect((await read(question))[1]).not.toContain("<td>1</td>");
  expect((await ann.call<{ items: Link[] }>("GET", `/api/shares?conversationId=${id}`)).items).toMatchObject([
    { id: question.id, title: "Bread & butter" },
    { id: link.id },
  ]);
  expect((await bob.call<{ items: Link[] }>("GET", "/api/shares")).items).toEqual([]);
});

it("the page runs and loads nothing, whatever was said, and is in no index", async () => {
  const { id } = await make(
    [
      {
        role: "user",
        content:
          'See <img src=x onerror=alert(1)> [x](javascript:alert(1)) ![pic](https://evil.example/y.png)\n\n<script>alert(1)</script>\n\n<a href="data:text/html,x">z</a>',
      },
      {
        role: "assistant",
        parts: [
          { type: "text", text: "`<script>`\n\n[ok](https://example.com/?a=1&b=2)" },
          { type: "source-url", sourceId: "1", url: "javascript:alert(1)", title: "bad" },
          { type: "file", mediaType: "text/html", filename: '"><script>x.html', url: "data:text/html,<script>" },
        ],
      },
    ],
    { title: "<script>" },
  );
  const answer = await open(await shared(id));
  const page = await answer.text();
  expect(page).not.toMatch(/<script|<img|="javascript:|<a href="data:|evil/i);
  expect(page).toContain('<span class="beside">pic</span>');
  expect(page).toContain('<a rel="noopener noreferrer nofollow" href="https://example.com/?a=1&amp;b=2">ok</a>');
  const headers = Object.fromEntries(answer.headers);
  expect(headers).toMatchObject({
    "content-type": expect.stringMatching(/^text\/html/),
    "x-robots-tag": "noindex, nofollow",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "x-frame-options": expect.any(String),
  });
  expect(headers["content-security-policy"]).toMatch(/^default-src 'none'; style-src 'sha256-[^']+';/);
  expect(headers["content-security-policy"]).not.toMatch(/script-src|unsafe|img-src|connect-src/);
  expect(
    await (await open({ url: answer.url || "http://x/s/none" }, { "accept-language": "de-AT,en" })).text(),
  ).toMatch(/lang="de"/);
});

it("a link that was ended, has expired, or whose conversation is in the trash leads nowhere, and back when that is back", async () => {
  const { id } = await make([{ id: "q", role: "user", content: "secretword" }]);
  const [ended, expired, kept] = [await shared(id), await shared(id, { expiresInDays: 1 }), await shared(id)];
  expect(Date.parse(expired.expiresAt ?? "") - Date.now()).toBeGreaterThan(86_000_000);
  expect((await bob.request("DELETE", `/api/shares/${ended.id}`)).status).toBe(404);
  expect((await ann.request("DELETE", `/api/shares/${ended.id}`)).status).toBe(204);
  await test.db
    .update(share)
    .set({ expiresAt: new Date(Date.now() - 1_000) })
    .where(eq(share.id, expired.id));
  for (const gone of [ended, expired]) {
    const [status, page] = await read(gone);
    expect([status, page]).toEqual([404, expect.stringContaining("This link leads nowhere")]);
    expect(page).not.toContain("secretword");
  }
  const lines = () => ann.call<{ items: Link[] }>("GET", `/api/shares?conversationId=${id}`);
  expect((await lines()).items.map((each) => each.id)).toEqual([kept.id, expired.id]);
  await test.db
    .update(share)
    .set({ expiresAt: new Date(Date.now() - 40 * 86_400_000) })
    .where(eq(share.id, expired.id));
  await createCleaning({ db: test.db, store: test.store })();
  expect((await lines()).items.map((each) => each.id)).toEqual([kept.id]);

  await ann.request("DELETE", `/api/conversations/${id}`);
  expect((await read(kept))[0]).toBe(404);
  await ann.call("POST", `/api/trash/${id}/restore`);
  expect((await read(kept))[1]).toContain("secretword");
  await ann.call("DELETE", `/api/conversations/${id}/messages/q`);
  const [status, page] = await read(kept);
  expect([status, page]).toEqual([200, expect.stringContaining("This message was removed.")]);
  expect(page).not.toContain("secretword");
  await test.store.forUser(ann.id).conversations.erase(id);
  expect((await read(kept))[0]).toBe(404);
  expect(await test.db.$count(share, eq(share.id, kept.id))).toBe(0);
});

it("long conversations are cut at their beginning, and say so", async () => {
  const { id } = await make([{ role: "user", content: "firstword" }], { title: "Long" });
  const mine = test.store.forUser(ann.id);
  for (let page = 0; page < 6; page += 1)
    await mine.messages.append(
      id,
      Array.from({ length: 100 }, (_, index) => ({ role: "user", content: `said ${page * 100 + index}` })),
    );
  const [, page] = await read(await shared(id));
  expect(page).toContain("said 599");
  expect(page).not.toContain("firstword");
  expect(page).toContain("is left out here");
  expect(page.match(/<li/g)?.length).toBe(500);
});

it("what cannot be shared is refused with a sentence", async () => {
  const { id: theirs } = await make([{ id: "m", role: "user", content: "Bob's" }], {}, bob);
  const { id: mine } = await make([{ id: "m", role: "user", content: "Ann's" }]);
  const { id: empty } = await make([]);
  const { id: fleeting } = await make([{ role: "user", content: "x" }], { temporary: true });
  const ask = (body: object) => refusal(ann.request("POST", "/api/shares", body));
  for (const body of [
    { conversationId: theirs },
    { conversationId: randomUUID() },
    { conversationId: mine, messageId: "n" },
  ])
    expect(await ask(body)).toMatchObject({ status: 404, code: "not_found" });
  for (const [body, says] of [
    [{ conversationId: empty }, /nothing to share/],
    [{ conversationId: fleeting }, /temporary/i],
    [{ conversationId: mine, expiresInDays: 0 }, /from 1 to 3650/],
    [{ conversationId: mine, forever: true }, /forever/],
  ] as const)
    expect(await ask(body)).toMatchObject({ status: 422, message: expect.stringMatching(says) });
  const begun = await send(test.app, "POST", "/api/auth/sign-in/anonymous", {});
  const cookie = (begun.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
  await send(
    test.app,
    "POST",
    "/api/conversations",
    { id: "guest", messages: [{ role: "user", content: "x" }] },
    { cookie },
  );
  const guest = send(
    test.app,
    "POST",
    "/api/shares",
    { conversationId: "guest" },
    { cookie, origin: "http://chatkeep.test" },
  );
  expect((await guest).status).toBe(403);
  for (const path of ["/s/x", "/s/aaaaaaaaaaaaaaaaaaaaaa", `/s/${encodeURIComponent("../api/shares")}`])
    expect((await open({ url: `http://x${path}` })).status).toBe(404);
  expect((await send(test.app, "GET", "/api/shares")).status).toBe(401);
});

it("a user's links end with them, and there are none where the operator has switched that off", async () => {
  const cid = await test.signUp("cid");
  const { id } = await make([{ role: "user", content: "x" }], {}, cid);
  const link = await shared(id, {}, cid);
  const closed = await openTestApp({ database: test.database, sharing: false });
  expect(await (await send(closed.app, "GET", "/api/sign-in")).json()).toMatchObject({ sharing: false });
  const headers = { authorization: `Bearer ${cid.token}` };
  expect((await send(closed.app, "GET", "/api/shares", undefined, headers)).status).toBe(404);
  const page = await send(closed.app, "GET", new URL(link.url).pathname, undefined, { accept: "application/json" });
  expect(page.status).toBe(404);
  await closed.close();
  await test.db.delete(user).where(eq(user.id, cid.id));
  expect((await read(link))[0]).toBe(404);
});
