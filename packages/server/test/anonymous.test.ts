import { eq } from "drizzle-orm";
import { decodeJwt } from "jose";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { AnonymousTokens } from "../src/anonymous.ts";
import { removeAnonymousUsers } from "../src/expired-rows.ts";
import { message, refreshToken, session, user } from "../src/models/index.ts";
import { openTestApp, personWith, send, type TestApp, testUrl } from "./helpers/app.ts";

let test: TestApp;
let tokens: AnonymousTokens;

beforeAll(async () => {
  test = await openTestApp({ anonymousDays: 30 });
  if (!test.auth.anonymous) throw new Error("anonymous users are off");
  tokens = test.auth.anonymous;
});
afterAll(() => test.close());

const refused = expect.objectContaining({ code: "unauthenticated" });
const question = (text: string) => ({ role: "user", parts: [{ type: "text", text }] });

it("claiming moves chats, replies and tasks, each found by the id that it had, and ends the anonymous user; again gives 0", async () => {
  const { accessToken, refreshToken: refresh } = await tokens.create();
  const guest = personWith(test.app, accessToken);
  await (
    await guest.request("POST", "/api/chat", { id: "by text", message: { id: "q", ...question("Hello") } })
  ).text();
  await guest.call("POST", "/api/conversations", {
    id: "taken",
    messages: [{ id: "m", role: "user", content: "guest's" }],
  });
  const { id: byUuid } = await guest.call<{ id: string }>("POST", "/api/conversations", { title: "by uuid" });
  await guest.call("POST", "/api/tasks", { title: "buy milk" });
  const read = (person: typeof guest, id: string) =>
    person.call<object[]>("GET", `/api/chat/${encodeURIComponent(id)}`);
  const before = await read(guest, "by text");
  expect(before).toHaveLength(2);
  const ann = await test.signUp("ann");
  await ann.call("POST", "/api/conversations", {
    id: "taken",
    messages: [{ id: "m", role: "user", content: "Ann's" }],
  });
  const many = Array.from({ length: 100 }, (_, index) => ({ role: "user", content: `marmalade ${index}` }));
  await guest.call("POST", "/api/conversations", { id: "indexed", messages: many });
  await test.store.system.indexMessages();
  expect(await tokens.claim(refresh.token, ann.id)).toEqual({ moved: 4 });
  const found = async () => (await ann.call<{ items: object[] }>("GET", "/api/search?text=marmalade&limit=100")).items;
  expect(await found()).toHaveLength(100);
  await test.store.system.indexMessages();
  expect(await found()).toHaveLength(100);
  expect(await read(ann, "by text")).toEqual(before);
  expect(await read(ann, "taken")).toMatchObject([{ id: "m", parts: [{ text: "Ann's" }] }]);
  await ann.call("GET", `/api/conversations/${byUuid}`);
  const { items } = await ann.call<{ items: { id: string }[] }>("GET", "/api/conversations");
  const others = items.filter(({ id }) => !["by text", "taken", "indexed", byUuid].includes(id));
  expect(others).toHaveLength(1);
  expect(await read(ann, others[0]?.id ?? "")).toMatchObject([{ id: "m", parts: [{ text: "guest's" }] }]);
  expect((await ann.call<{ items: object[] }>("GET", "/api/tasks")).items).toMatchObject([{ title: "buy milk" }]);
  // The chat goes on where it was.
  await (await ann.request("POST", "/api/chat", { id: "by text", message: { id: "q2", ...question("More") } })).text();
  expect((await read(ann, "by text")).slice(0, 2)).toEqual(before);
  expect(await read(ann, "by text")).toHaveLength(4);
  expect(await tokens.claim(refresh.token, ann.id)).toEqual({ moved: 0 });
  await expect(tokens.refresh(refresh.token)).rejects.toThrow(refused);
  expect(await test.db.$count(user, eq(user.isAnonymous, true))).toBe(0);
  const bob = await test.signUp("bob");
  await expect(tokens.claim(refresh.token, bob.id)).rejects.toThrow(refused);
});

it("a refresh token is used up, but for a repeated request; what is none is refused", async () => {
  const first = await tokens.create();
  const second = await tokens.refresh(first.refreshToken.token);
  expect(second.refreshToken.token).not.toBe(first.refreshToken.token);
  expect((await personWith(test.app, second.accessToken).request("GET", "/api/conversations")).status).toBe(200);
  await tokens.refresh(first.refreshToken.token);
  await test.db.update(refreshToken).set({ usedAt: new Date(Date.now() - 120_000) });
  await expect(tokens.refresh(first.refreshToken.token)).rejects.toThrow(refused);
  await expect(tokens.refresh("nothing")).rejects.toThrow(refused);
  await expect(tokens.claim("nothing", (await test.signUp("cat")).id)).rejects.toThrow(refused);
  expect((await personWith(test.app, second.refreshToken.token).request("GET", "/api/conversations")).status).toBe(401);
});

it("nothing goes from an account to another, or to an anonymous user, and a failed claim moves nothing", async () => {
  const [one, two] = [await tokens.create(), await tokens.create()];
  const guest = personWith(test.app, one.accessToken);
  await guest.call("POST", "/api/conversations", { id: "stays" });
  const other = JSON.parse(Buffer.from(two.accessToken.split(".")[1] ?? "", "base64url").toString()) as { sub: string };
  await expect(tokens.claim(one.refreshToken.token, other.sub)).rejects.toThrow(
    expect.objectContaining({ code: "invalid_input" }),
  );
  await guest.call("GET", "/api/conversations/stays");
  expect((await guest.request("POST", "/api/keys", { name: "a program" })).status).toBe(403);
});

it("who began without an account in the browser signs up, and the chats come along", async () => {
  const begin = await send(test.app, "POST", "/api/auth/sign-in/anonymous", {});
  expect(begin.status).toBe(200);
  const cookie = (begin.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
  const chat = { id: "comes along", messages: [{ role: "user", content: "Hello" }] };
  await send(test.app, "PATCH", "/api/preferences", { instructions: "Answer in verse." }, { cookie });
  expect((await send(test.app, "POST", "/api/conversations", chat, { cookie })).status).toBe(201);
  const body = { name: "dan", email: "dan@example.com", password: "correct horse" };
  const up = await send(test.app, "POST", "/api/auth/sign-up/email", body, { cookie, origin: testUrl });
  expect(up.status).toBe(200);
  const { token } = (await up.json()) as { token: string };
  const dan = personWith(test.app, token);
  expect(await dan.call("GET", "/api/conversations/comes%20along")).toMatchObject({ id: "comes along" });
  expect(await dan.call("GET", "/api/preferences")).toEqual({ instructions: "Answer in verse." });
  expect((await send(test.app, "GET", "/api/conversations", undefined, { cookie })).status).toBe(401);
});

it("who has enough of it leaves, and nothing stays", async () => {
  const begin = await send(test.app, "POST", "/api/auth/sign-in/anonymous", {});
  const cookie = (begin.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
  const { user: guest } = (await begin.json()) as { user: { id: string } };
  await send(test.app, "POST", "/api/conversations", { id: "of a guest" }, { cookie });
  const leave = await send(test.app, "POST", "/api/auth/delete-anonymous-user", {}, { cookie, origin: testUrl });
  expect(leave.status).toBe(200);
  expect(await test.db.$count(user, eq(user.id, guest.id))).toBe(0);
  expect(await test.db.$count(message, eq(message.userId, guest.id))).toBe(0);
  expect((await send(test.app, "GET", "/api/conversations", undefined, { cookie })).status).toBe(401);
});

it("where it is not allowed nobody begins without an account, and the page that asks is told", async () => {
  const closed = await openTestApp({ database: test.database });
  const ways = async ({ app }: Pick<TestApp, "app">) => await (await send(app, "GET", "/api/sign-in")).json();
  expect([await ways(test), await ways(closed)]).toEqual([
    { anonymous: true, signUp: true, invitations: false, mail: false, oidc: null, passkeys: null, sharing: true },
    { anonymous: false, signUp: true, invitations: false, mail: false, oidc: null, passkeys: null, sharing: true },
  ]);
  expect((await send(closed.app, "POST", "/api/auth/sign-in/anonymous", {})).status).toBe(404);
  expect(closed.auth.anonymous).toBeUndefined();
  await closed.close();
});

it("anonymous users without a sign of them for thirty days are removed, and nobody else", async () => {
  const { accessToken } = await tokens.create();
  const guestId = decodeJwt(accessToken).sub ?? "";
  const guest = personWith(test.app, accessToken);
  await guest.call("POST", "/api/conversations", { id: "left behind", messages: [{ role: "user", content: "Hello" }] });
  const [kept] = await test.db.insert(user).values({ name: "eve", email: "eve@example.com" }).returning();
  const old = new Date(Date.now() - 40 * 86_400_000);
  await test.db.update(user).set({ createdAt: old });
  await removeAnonymousUsers(test.db, test.store, 30);
  expect(await test.db.$count(user, eq(user.isAnonymous, true))).toBeGreaterThan(0);
  await test.db.update(session).set({ updatedAt: old });
  await removeAnonymousUsers(test.db, test.store, 30);
  expect(await test.db.$count(user, eq(user.isAnonymous, true))).toBe(0);
  expect(await test.db.$count(message, eq(message.userId, guestId))).toBe(0);
  expect(await test.db.$count(user, eq(user.id, kept?.id ?? ""))).toBe(1);
});

it("whoever shows the cookie of a session that has ended is let in all the same", async () => {
  const ask = (path: string, cookie: string, body: object = {}) =>
    send(test.app, "POST", `/api/auth/${path}`, body, { origin: testUrl, ...(cookie && { cookie }) });
  const sessionOf = (response: Response) => {
    const all = response.headers.getSetCookie().map((each) => each.split(";")[0] ?? "");
    return all.find((each) => /^chatkeep\.session_token=./.test(each)) ?? "";
  };
  const ended = sessionOf(await ask("sign-in/anonymous", ""));
  expect((await ask("delete-anonymous-user", ended)).headers.getSetCookie()).toContainEqual(
    expect.stringMatching(/^chatkeep\.session_token=;/),
  );
  const account = { email: "let-in@example.com", password: "correct horse" };
  const begun = [
    await ask("sign-in/anonymous", ended),
    await ask("sign-up/email", ended, { name: "let in", ...account }),
    await ask("sign-in/email", ended, account),
  ];
  for (const response of begun) {
    const cookie = sessionOf(response);
    expect((await send(test.app, "GET", "/api/conversations", undefined, { cookie })).status).toBe(200);
  }
});
