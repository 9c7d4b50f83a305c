import { randomUUID } from "node:crypto";
import { getTableName } from "drizzle-orm";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import * as schema from "../src/models/index.ts";
import { openTestApp, personWith, send, type TestApp, testUrl } from "./helpers/app.ts";

let test: TestApp;

beforeAll(async () => {
  test = await openTestApp();
});
afterAll(() => test.close());

it("a session works by cookie, by bearer token, and by JWT", async () => {
  await test.signUp("ann");
  const signIn = await send(test.app, "POST", "/api/auth/sign-in/email", {
    email: "ann@example.com",
    password: "correct horse",
  });
  const cookie = signIn.headers.get("set-cookie") ?? "";
  expect(cookie).toMatch(/^chatkeep\.session_token=.*HttpOnly.*SameSite=Lax/);
  const { token } = (await signIn.json()) as { token: string };
  const byCookie = await send(test.app, "GET", "/api/conversations", undefined, { cookie: cookie.split(";")[0] ?? "" });
  expect(byCookie.status).toBe(200);
  const bearer = personWith(test.app, token);
  expect((await bearer.request("GET", "/api/conversations")).status).toBe(200);
  const jwt = await bearer.call<{ token: string }>("GET", "/api/auth/token");
  expect(jwt.token.split(".")).toHaveLength(3);
  const payload = JSON.parse(Buffer.from(jwt.token.split(".")[1] ?? "", "base64url").toString()) as object;
  expect(Object.keys(payload).sort()).toEqual(["aud", "exp", "iat", "iss", "sid", "sub"]);
  expect((await personWith(test.app, jwt.token).request("GET", "/api/conversations")).status).toBe(200);
  const [head, body, signature = ""] = jwt.token.split(".");
  const flipped = `${signature.startsWith("A") ? "B" : "A"}${signature.slice(1)}`;
  expect((await personWith(test.app, `${head}.${body}.${flipped}`).request("GET", "/api/conversations")).status).toBe(
    401,
  );
  expect((await bearer.request("POST", "/api/auth/sign-out", {})).status).toBe(200);
  expect((await bearer.request("GET", "/api/conversations")).status).toBe(401);
});

it("only signing out takes the cookie away: what was asked with the old one may be answered after somebody has signed in", async () => {
  await test.signUp("lingers");
  const credentials = { email: "lingers@example.com", password: "correct horse" };
  const signIn = await send(test.app, "POST", "/api/auth/sign-in/email", credentials);
  const cookie = (signIn.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
  const ask = (method: string, path: string, body?: object) =>
    send(test.app, method, `/api/auth/${path}`, body, { cookie, origin: testUrl });
  const signOut = await ask("POST", "sign-out", {});
  expect(signOut.headers.getSetCookie()).toContainEqual(expect.stringMatching(/^chatkeep\.session_token=;/));
  const late = await Promise.all([
    ask("GET", "get-session"),
    ask("GET", "list-sessions"),
    ask("GET", "list-accounts"),
    ask("GET", "token"),
    ask("POST", "update-user", { name: "lingers" }),
    ask("POST", "change-password", { currentPassword: "correct horse", newPassword: "battery staple" }),
  ]);
  expect(late.map(({ status }) => status)).toEqual([200, 401, 401, 401, 401, 401]);
  expect(late.flatMap(({ headers }) => headers.getSetCookie())).toEqual([]);
  const again = await ask("POST", "sign-in/email", credentials);
  expect(again.headers.getSetCookie()).toEqual([expect.stringMatching(/^chatkeep\.session_token=[^;]/)]);
});

it("who has signed out or was deleted is refused at once on that server, and within five seconds on the others", async () => {
  const other = await openTestApp({ database: test.database });
  const [ann, bob] = [await test.signUp("leaves"), await test.signUp("is-deleted")];
  const second = await send(test.app, "POST", "/api/auth/sign-in/email", {
    email: bob.email,
    password: "correct horse",
  });
  const tokens = [ann.token, bob.token, ((await second.json()) as { token: string }).token];
  const statuses = (app: typeof test.app) =>
    Promise.all(
      tokens.map(async (token) => (await personWith(app, token).request("GET", "/api/conversations")).status),
    );
  for (const { app } of [test, other]) expect(await statuses(app)).toEqual([200, 200, 200]);
  await ann.call("POST", "/api/auth/sign-out", {});
  await bob.call("POST", "/api/auth/delete-user", { password: "correct horse" });
  expect(await statuses(test.app)).toEqual([401, 401, 401]);
  const now = performance.now.bind(performance);
  const clock = vi.spyOn(performance, "now").mockImplementation(() => now() + 5_001);
  expect(await statuses(other.app)).toEqual([401, 401, 401]);
  clock.mockRestore();
  await other.close();
});

it("a wrong password is refused, with the contract's error beside Better Auth's", async () => {
  await test.signUp("wrong");
  const response = await send(test.app, "POST", "/api/auth/sign-in/email", {
    email: "wrong@example.com",
    password: "battery staple",
  });
  expect(response.status).toBe(401);
  expect(await response.json()).toEqual({
    code: "INVALID_EMAIL_OR_PASSWORD",
    message: expect.any(String),
    error: { code: "unauthenticated", message: expect.any(String) },
  });
});

it("a request that another site makes is refused", async () => {
  const ann = await test.signUp("origin");
  const foreign = await ann.request("POST", "/api/conversations", {}, { origin: "https://evil.example" });
  expect([foreign.status, (await foreign.json()) as object]).toMatchObject([403, { error: { code: "forbidden" } }]);
  expect((await ann.request("POST", "/api/conversations", {}, { origin: testUrl })).status).toBe(201);
});

it("after ten attempts to sign in within a minute one has to wait, on whichever server", async () => {
  const limited = await openTestApp({ limitAttempts: true });
  try {
    const second = await openTestApp({ limitAttempts: true, database: limited.database });
    const tries: number[] = [];
    for (let attempt = 0; attempt < 12; attempt += 1) {
      const { app } = attempt % 2 ? limited : second;
      const body = { email: "ann@example.com", password: "guess number x" };
      const response = await send(app, "POST", "/api/auth/sign-in/email", body);
      tries.push(response.status);
      if (response.status === 429) {
        expect(await response.json()).toMatchObject({ error: { code: "rate_limited" } });
        expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
      }
    }
    expect(tries.slice(0, 10)).toEqual(Array(10).fill(401));
    expect(tries.slice(10)).toEqual([429, 429]);
  } finally {
    await limited.close();
  }
});

it("deleting a user leaves no row of theirs in any table", async () => {
  const bob = await test.signUp("stays");
  await bob.call("POST", "/api/conversations", { messages: [{ role: "user", content: "Hello" }] });
  const count = async () => {
    const tables = [
      schema.user,
      schema.session,
      schema.account,
      schema.task,
      schema.conversation,
      schema.message,
      schema.run,
      schema.runChunk,
      schema.verification,
    ];
    return Object.fromEntries(
      await Promise.all(tables.map(async (table) => [getTableName(table), await test.db.$count(table)])),
    );
  };
  const before = await count();
  const gone = await test.signUp("gone");
  const id = randomUUID();
  const chat = await gone.request("POST", "/api/chat", {
    id,
    message: { role: "user", parts: [{ type: "text", text: "add buy milk" }] },
  });
  await chat.text();
  expect(await count()).toMatchObject({ run: 1, run_chunk: expect.toSatisfy((rows: number) => rows > 0) });
  const jwt = await gone.call<{ token: string }>("GET", "/api/auth/token");
  const deleted = await gone.request("POST", "/api/auth/delete-user", { password: "correct horse" });
  expect(deleted.status).toBe(200);
  expect(await count()).toEqual(before);
  expect((await gone.request("GET", "/api/conversations")).status).toBe(401);
  expect((await personWith(test.app, jwt.token).request("GET", "/api/conversations")).status).toBe(401);
  expect((await bob.call<{ items: object[] }>("GET", "/api/conversations")).items).toHaveLength(1);
});
