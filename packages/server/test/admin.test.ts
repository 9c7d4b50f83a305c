/** What administrators see and do: who there is, what they take, links for passwords, the end of an account; and that nobody else does. */
import { eq } from "drizzle-orm";
import { afterAll, beforeAll, expect, it } from "vitest";
import { user } from "../src/models/index.ts";
import { openTestApp, type Person, send, type TestApp, testUrl } from "./helpers/app.ts";

interface Account {
  id: string;
  email: string;
  isAdmin: boolean;
  conversations: number;
  messages: number;
  fileBytes: number;
  replies: number;
  tokens: number;
  seenAt: string | null;
}
interface Users {
  items: Account[];
  nextCursor: string | null;
}

let test: TestApp;
let root: Person;
let ann: Person;
beforeAll(async () => {
  test = await openTestApp({ anonymousDays: 30 });
  root = await test.signUp("root");
  await test.db.update(user).set({ isAdmin: true }).where(eq(user.id, root.id));
  ann = await test.signUp("ann");
});
afterAll(() => test.close());

const users = (query = "") => root.call<Users>("GET", `/api/admin/users${query}`);
const codeOf = async (answer: Response) => [
  answer.status,
  ((await answer.json()) as { error?: { code: string } }).error?.code,
];

it("lists accounts newest first, with what is kept for each and taken by each, and none of their words", async () => {
  await send(test.app, "POST", "/api/auth/sign-in/anonymous", {});
  await ann.call("POST", "/api/conversations", { messages: [{ role: "user", content: "A secret word" }] });
  const sent = await ann.request("POST", "/api/files?name=secret.txt", "12345", { "content-type": "text/plain" });
  expect(sent.status).toBe(201);
  const message = { role: "user", parts: [{ type: "text", text: "What can you do?" }] };
  await (await ann.request("POST", "/api/chat", { id: "asked", message })).text();
  const trashed = await ann.call<{ id: string }>("POST", "/api/conversations", {});
  await ann.request("DELETE", `/api/conversations/${trashed.id}`);
  const all = await users();
  expect(all.items.map(({ email }) => email)).toEqual(["ann@example.com", "root@example.com"]);
  expect(all.items[0]).toMatchObject({ isAdmin: false, conversations: 2, messages: 3, fileBytes: 5, replies: 1 });
  expect(all.items[0]?.tokens).toBeGreaterThan(0);
  expect(all.items[0]?.seenAt).not.toBe(null);
  expect(all.items[1]).toMatchObject({ isAdmin: true, conversations: 0, messages: 0, replies: 0 });
  expect(JSON.stringify(all)).not.toContain("secret");
  for (let index = 0; index < 3; index += 1) await test.signUp(`more${index}`);
  const pages: string[] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page: Users = await users(`?limit=2${cursor ? `&cursor=${cursor}` : ""}`);
    pages.push(...page.items.map(({ email }) => email));
    cursor = page.nextCursor;
  }
  expect(pages).toHaveLength(5);
  expect(new Set(pages).size).toBe(5);
  expect((await users("?search=ANN")).items.map(({ email }) => email)).toEqual(["ann@example.com"]);
  expect((await users("?search=%25")).items).toEqual([]);
  const { items } = await root.call<{ items: { users: number; replies: number }[] }>("GET", "/api/admin/usage");
  expect(items).toMatchObject([{ model: "offline", users: 1, replies: 1 }]);
});

it("is for administrators alone, on every route, and not for API keys", async () => {
  const routes: [string, string, unknown?][] = [
    ["GET", "/api/admin/users"],
    ["GET", "/api/admin/usage"],
    ["GET", "/api/admin/health"],
    ["GET", "/api/admin/invitations"],
    ["POST", "/api/admin/invitations", { email: "x@example.com" }],
    ["DELETE", `/api/admin/invitations/${root.id}`],
    ["PATCH", `/api/admin/users/${ann.id}`, { isAdmin: true }],
    ["POST", `/api/admin/users/${root.id}/password-link`],
    ["DELETE", `/api/admin/users/${root.id}`],
  ];
  for (const [method, path, body] of routes)
    expect(await codeOf(await ann.request(method, path, body)), path).toEqual([403, "forbidden"]);
  const { key } = await root.call<{ key: string }>("POST", "/api/keys", { name: "a program" });
  const answer = await send(test.app, "GET", "/api/admin/users", undefined, { authorization: `Bearer ${key}` });
  expect(await codeOf(answer)).toEqual([403, "forbidden"]);
  expect((await send(test.app, "GET", "/api/admin/users")).status).toBe(401);
});

it("a link that an administrator makes sets a new password, once", async () => {
  const bob = await test.signUp("bob");
  const { link, isSent } = await root.call<{ link: string; isSent: boolean }>(
    "POST",
    `/api/admin/users/${bob.id}/password-link`,
  );
  expect([isSent, link.startsWith(`${testUrl}/reset-password?token=`)]).toEqual([false, true]);
  const body = { token: new URL(link).searchParams.get("token"), newPassword: "another horse" };
  const reset = () => send(test.app, "POST", "/api/auth/reset-password", body, { origin: testUrl });
  expect((await reset()).status).toBe(200);
  expect(await codeOf(await reset())).toEqual([400, "invalid_input"]);
  const credentials = { email: "bob@example.com", password: "another horse" };
  expect((await send(test.app, "POST", "/api/auth/sign-in/email", credentials, { origin: testUrl })).status).toBe(200);
});

it("an account is removed with a receipt and its sessions end; oneself, guests and nobody are not", async () => {
  const cid = await test.signUp("cid");
  await cid.call("POST", "/api/conversations", { messages: [{ role: "user", content: "Hello" }] });
  const { receipt } = await root.call<{ receipt: { rows: Record<string, number> } }>(
    "DELETE",
    `/api/admin/users/${cid.id}`,
  );
  expect(receipt.rows).toMatchObject({ user: 1, conversation: 1, message: 1, session: 1 });
  expect((await cid.request("GET", "/api/conversations")).status).toBe(401);
  expect(await codeOf(await root.request("DELETE", `/api/admin/users/${cid.id}`))).toEqual([404, "not_found"]);
  expect(await codeOf(await root.request("DELETE", `/api/admin/users/${root.id}`))).toEqual([422, "invalid_input"]);
  expect(await codeOf(await root.request("DELETE", "/api/admin/users/none"))).toEqual([422, "invalid_input"]);
  const begin = await send(test.app, "POST", "/api/auth/sign-in/anonymous", {});
  const { user: guest } = (await begin.json()) as { user: { id: string } };
  expect(await codeOf(await root.request("DELETE", `/api/admin/users/${guest.id}`))).toEqual([404, "not_found"]);
});

it("one makes others administrators, and not the last one none", async () => {
  const last = await root.request("PATCH", `/api/admin/users/${root.id}`, { isAdmin: false });
  expect(await codeOf(last)).toEqual([422, "invalid_input"]);
  expect((await root.request("PATCH", `/api/admin/users/${ann.id}`, { isAdmin: true })).status).toBe(204);
  expect((await ann.request("GET", "/api/admin/users")).status).toBe(200);
  const both = await Promise.all([
    root.request("PATCH", `/api/admin/users/${ann.id}`, { isAdmin: false }),
    ann.request("PATCH", `/api/admin/users/${root.id}`, { isAdmin: false }),
  ]);
  expect(both.map(({ status }) => status).filter((status) => status === 204)).toHaveLength(1);
  expect(await test.db.$count(user, eq(user.isAdmin, true))).toBe(1);
});

it("says what doctor finds", async () => {
  const [admin] = await test.db.select().from(user).where(eq(user.isAdmin, true));
  const person = admin?.id === root.id ? root : ann;
  const { checks } = await person.call<{ checks: { name: string; ok: boolean }[] }>("GET", "/api/admin/health");
  expect(checks.find(({ name }) => name === "migrations")).toMatchObject({ ok: true });
  expect(checks.length).toBeGreaterThan(5);
});
