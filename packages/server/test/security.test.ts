/** Who gets in, and for how long: requests that claim to be somebody else's, and sessions that have ended. */
import { randomUUID } from "node:crypto";
import { createApp, createLog, createOfflineModel } from "@chatkeep/server";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isServer, openAgain } from "../../chatkeep/test/helpers/database.ts";
import { openTestApp, type Person, personWith, send, type TestApp, testUrl } from "./helpers/app.ts";
import { heldModel } from "./helpers/models.ts";
import { until } from "./helpers/until.ts";

let test: TestApp;

beforeAll(async () => {
  test = await openTestApp();
});
afterAll(() => test.close());

const password = "correct horse";

async function cookieOf(email: string): Promise<string> {
  const response = await send(test.app, "POST", "/api/auth/sign-in/email", { email, password });
  return response.headers.get("set-cookie")?.split(";")[0] ?? "";
}

const statusWith = async (headers: Record<string, string>, app = test.app) =>
  (await send(app, "GET", "/api/conversations", undefined, headers)).status;

async function tokenOf({ email }: Person): Promise<string> {
  const response = await send(test.app, "POST", "/api/auth/sign-in/email", { email, password });
  return ((await response.json()) as { token: string }).token;
}

describe("what is remembered of a request", () => {
  it("is never taken for another one's, whatever stands beside the cookie, in front of it or in its name", async () => {
    const ann = await test.signUp("tossed");
    const real = await cookieOf(ann.email);
    expect(real).toMatch(/^chatkeep\.session_token=/);
    const evil = "chatkeep.session_token=evil";
    for (const tossed of [`x-${evil}`, `a=${evil}`, `a="x ${evil}"`, `__Host-${evil}`, ` ${evil.toUpperCase()}`]) {
      // The victim's request, then the attacker's, who knows only what was tossed.
      expect(await statusWith({ cookie: `${tossed}; ${real}` }), tossed).toBe(200);
      const [before, after] = [await statusWith({ cookie: tossed }), await statusWith({ cookie: evil })];
      expect([before, after], tossed).toEqual([401, 401]);
    }
    expect(await statusWith({ cookie: real, authorization: "Bearer evil" })).toBe(401);
    expect(await statusWith({ cookie: real })).toBe(200);
    expect(await statusWith({ authorization: "Bearer evil" })).toBe(401);
    expect(await statusWith({})).toBe(401);
  });

  it("holds for nobody when the sign-in is the application's own", async () => {
    const ids: Record<string, string> = {};
    for (const name of ["own-ann", "own-bob"]) ids[name] = (await test.signUp(name)).id;
    const nameIn = (headers: Headers) =>
      headers.get("x-person") ?? /person=([\w-]+)/.exec(headers.get("cookie") ?? "")?.[1];
    const auth = {
      handler: async () => new Response(null, { status: 404 }),
      api: {
        getSession: async ({ headers }: { headers: Headers }) => {
          const id = ids[nameIn(headers) ?? ""];
          return id ? { user: { id }, session: { expiresAt: new Date(Date.now() + 60_000) } } : null;
        },
      },
    };
    const { database, db, store } = test;
    const log = createLog("silent");
    const own = createApp({
      connection: database,
      db,
      store,
      auth,
      log,
      url: testUrl,
      model: createOfflineModel(),
      isAlone: true,
    });
    const titles = async (headers: Record<string, string>) => {
      const response = await send(own.app, "GET", "/api/conversations", undefined, headers);
      const { items } = (await response.json()) as { items?: { title: string }[] };
      return items?.map(({ title }) => title) ?? response.status;
    };
    for (const name of Object.keys(ids)) {
      await send(own.app, "POST", "/api/conversations", { title: `of ${name}` }, { "x-person": name });
    }
    for (let round = 0; round < 2; round += 1) {
      expect(await titles({ "x-person": "own-ann" })).toEqual(["of own-ann"]);
      expect(await titles({ "x-person": "own-bob" })).toEqual(["of own-bob"]);
      expect(await titles({ cookie: "person=own-bob" })).toEqual(["of own-bob"]);
      expect(await titles({ cookie: "person=own-ann" })).toEqual(["of own-ann"]);
      expect(await titles({})).toBe(401);
    }
    await own.close(0);
  });
});

describe("a JWT ends with its session", () => {
  const endings: [string, (person: Person) => Promise<unknown>][] = [
    ["sign-out", (person) => person.call("POST", "/api/auth/sign-out", {})],
    ["revoking that session", (person) => person.call("POST", "/api/auth/revoke-session", { token: person.token })],
    ["revoking all sessions", (person) => person.call("POST", "/api/auth/revoke-sessions", {})],
    [
      "revoking the others elsewhere",
      async (person) => personWith(test.app, await tokenOf(person)).call("POST", "/api/auth/revoke-other-sessions", {}),
    ],
    [
      "a new password, set elsewhere",
      async (person) =>
        personWith(test.app, await tokenOf(person)).call("POST", "/api/auth/change-password", {
          currentPassword: password,
          newPassword: "battery staple",
        }),
    ],
    ["the end of the account", (person) => person.call("POST", "/api/auth/delete-user", { password })],
  ];
  it.each(endings)("at %s", async (name, end) => {
    const person = await test.signUp(`jwt-${name.replaceAll(/\W+/g, "-")}`);
    const { token } = await person.call<{ token: string }>("GET", "/api/auth/token");
    const bearer = { authorization: `Bearer ${token}` };
    expect(await statusWith(bearer)).toBe(200);
    await end(person);
    expect(await statusWith(bearer)).toBe(401);
    expect(await statusWith({ authorization: `Bearer ${person.token}` })).toBe(401);
  });
});

it("signing out with a JWT ends the session that it was made by", async () => {
  const ann = await test.signUp("jwt-signs-out");
  const { token } = await ann.call<{ token: string }>("GET", "/api/auth/token");
  await personWith(test.app, token).call("POST", "/api/auth/sign-out", {});
  expect(await statusWith({ authorization: `Bearer ${token}` })).toBe(401);
  expect(await statusWith({ authorization: `Bearer ${ann.token}` })).toBe(401);
  const again = await send(
    test.app,
    "POST",
    "/api/auth/sign-in/email",
    { email: ann.email, password },
    { authorization: `Bearer ${token}` },
  );
  expect(again.status).toBe(200);
});

it("a new password ends the other sessions, and not the one that set it", async () => {
  const ann = await test.signUp("new-password");
  const other = await tokenOf(ann);
  const wrong = { currentPassword: "not this", newPassword: "battery staple" };
  expect((await ann.request("POST", "/api/auth/change-password", wrong)).status).toBe(400);
  expect(await statusWith({ authorization: `Bearer ${other}` })).toBe(200);
  await ann.call("POST", "/api/auth/change-password", { currentPassword: password, newPassword: "battery staple" });
  expect(await statusWith({ authorization: `Bearer ${other}` })).toBe(401);
  expect(await statusWith({ authorization: `Bearer ${ann.token}` })).toBe(200);
});

it("an account is deleted only with its password", async () => {
  const ann = await test.signUp("keeps-account");
  for (const body of [{}, { password: "" }, { password: null }, { token: "x" }, { password: "not this" }]) {
    const response = await ann.request("POST", "/api/auth/delete-user", body);
    expect(response.status, JSON.stringify(body)).toBeGreaterThanOrEqual(400);
    expect(await response.json()).toMatchObject({ error: { code: "invalid_input" } });
  }
  expect(await statusWith({ authorization: `Bearer ${ann.token}` })).toBe(200);
});

describe("a stream ends with the session that opened it", () => {
  const read = async (response: Response) => {
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    await reader?.read();
    const ended = (async () => {
      while (!(await reader?.read().catch(() => ({ done: true })))?.done);
      return "ended";
    })();
    return { ended };
  };
  const endings: [string, (person: Person) => Promise<unknown>][] = [
    ["sign-out", (person) => person.call("POST", "/api/auth/sign-out", {})],
    ["the end of the account", (person) => person.call("POST", "/api/auth/delete-user", { password })],
    ["revoking", (person) => person.call("POST", "/api/auth/revoke-sessions", {})],
  ];
  it.each(endings)("at %s, on this server and on others", async (name, end) => {
    const held = heldModel(Array(20).fill("word "));
    const mine = await openTestApp({ database: test.database, model: held.model });
    const database = { ...test.database, ...openAgain(test.database) };
    const other = await openTestApp({ database });
    const ann = await mine.signUp(`stream-${name.replaceAll(/\W+/g, "-")}`);
    const id = randomUUID();
    const message = { id: randomUUID(), role: "user", parts: [{ type: "text", text: "Hello" }] };
    const streams = [
      await read(await ann.request("GET", "/api/events")),
      await read(await ann.request("POST", "/api/chat", { id, message })),
      await read(await ann.request("GET", `/api/chat/${id}/stream`)),
    ];
    if (isServer) streams.push(await read(await personWith(other.app, ann.token).request("GET", "/api/events")));
    await end(ann);
    expect(await Promise.all(streams.map(({ ended }) => ended))).toEqual(streams.map(() => "ended"));
    held.release();
    await other.close();
    if (isServer) await database.close();
    await mine.close();
  });

  it("and not with another session of the same user", async () => {
    const ann = await test.signUp("two-sessions");
    const other = personWith(test.app, await tokenOf(ann));
    const { ended } = await read(await ann.request("GET", "/api/events"));
    await other.call("POST", "/api/auth/sign-out", {});
    await ann.call("POST", "/api/conversations", { title: "Told" });
    expect(await Promise.race([ended, ann.call("GET", "/api/conversations").then(() => "open")])).toBe("open");
    await ann.call("POST", "/api/auth/sign-out", {});
    expect(await ended).toBe("ended");
  });
});

it("every answer has its headers, whoever made it", async () => {
  const secure = await openTestApp({ database: test.database, url: "https://chatkeep.test" });
  const ann = await test.signUp("headers");
  const asked = { id: randomUUID(), message: { role: "user", parts: [{ type: "text", text: "Hello" }] } };
  const document = (await (await send(secure.app, "GET", "/openapi.json")).json()) as {
    paths: Record<string, Record<string, unknown>>;
  };
  const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => [method.toUpperCase(), path.replace("{id}", asked.id)] as const),
  );
  const others = [
    ["GET", "/"],
    ["GET", "/c/anything"],
    ["GET", "/docs"],
    ["GET", "/docs/swagger-ui.css"],
    ["GET", "/nothing.js"],
    ["GET", "/openapi.json"],
    ["GET", "/api/nothing"],
    ["GET", "/api/auth/nothing"],
    ["HEAD", "/api/events"],
    ["OPTIONS", "/api/conversations"],
    ["DELETE", "/api/auth/session"],
  ] as const;
  const statuses = new Set<number>();
  for (const [method, path] of [...routes, ...others]) {
    const body = path === "/api/chat" ? asked : {};
    for (const headers of [{}, { authorization: `Bearer ${ann.token}` }, { origin: "https://evil.example" }]) {
      if (path.includes("delete-user") || path.includes("sign-out") || path.includes("revoke")) continue;
      const response = await send(secure.app, method, path, ["GET", "HEAD"].includes(method) ? undefined : body, {
        accept: "text/html",
        ...headers,
      });
      statuses.add(response.status);
      const name = `${method} ${path} ${response.status}`;
      expect(response.headers.get("x-request-id"), name).toMatch(/^[\w-]{20,}$/);
      expect(response.headers.get("x-content-type-options"), name).toBe("nosniff");
      expect(response.headers.get("content-security-policy"), name).toContain("frame-ancestors 'none'");
      expect(response.headers.get("strict-transport-security"), name).toContain("max-age=");
      if (path.startsWith("/api/")) expect(response.headers.get("cache-control"), name).toBe("no-store");
      await response.body?.cancel();
    }
  }
  expect([...statuses]).toEqual(expect.arrayContaining([200, 201, 204, 401, 403, 404, 422]));
  await secure.close();
});

it("a change that another site asks for is refused, also when the browser names no origin", async () => {
  const ann = await test.signUp("other-sites");
  const ask = async (headers: Record<string, string>, method = "POST") =>
    (await ann.request(method, "/api/conversations", method === "POST" ? {} : undefined, headers)).status;
  expect(await ask({ "sec-fetch-site": "cross-site" })).toBe(403);
  expect(await ask({ "sec-fetch-site": "same-site" })).toBe(403);
  expect(await ask({ "sec-fetch-site": "anything" })).toBe(403);
  expect(await ask({ origin: "null" })).toBe(403);
  expect(await ask({ origin: `${testUrl}.evil.example` })).toBe(403);
  expect(await ask({ origin: "https://evil.example", "sec-fetch-site": "same-origin" })).toBe(403);
  expect(await ask({ "sec-fetch-site": "same-origin" })).toBe(201);
  expect(await ask({ "sec-fetch-site": "none" })).toBe(201);
  expect(await ask({ origin: testUrl, "sec-fetch-site": "cross-site" })).toBe(201);
  expect(await ask({ "sec-fetch-site": "cross-site" }, "GET")).toBe(200);
  const signIn = { email: ann.email, password };
  const tossed = await send(test.app, "POST", "/api/auth/sign-in/email", signIn, { "sec-fetch-site": "cross-site" });
  expect(tossed.status).toBe(403);
});

it("asking for what is not served makes no row, and long words make no failure", async () => {
  const limited = await openTestApp({ database: test.database, limitAttempts: true });
  const count = async () => await limited.db.$count((await import("../src/models/index.ts")).rateLimit);
  const before = await count();
  const paths = ["nothing", "x".repeat(3_000), "callback/any", "reset-password/token", "%00", "sign-in/social"];
  for (const path of paths) {
    const response = await send(limited.app, "GET", `/api/auth/${path}`);
    expect([path.slice(0, 20), response.status]).toEqual([path.slice(0, 20), 404]);
    expect(await response.json()).toMatchObject({ error: { code: "not_found" } });
  }
  expect(await count()).toBe(before);
  const signUp = (given: object) =>
    send(limited.app, "POST", "/api/auth/sign-up/email", { name: "A", email: "long@example.com", password, ...given });
  const tries = [
    { email: `${"x".repeat(3_000)}@example.com` },
    { name: "x".repeat(3_000) },
    { image: `https://example.com/${"x".repeat(3_000)}` },
    { name: "A\0" },
  ];
  for (const given of tries) {
    const response = await signUp(given);
    expect([Object.keys(given), response.status < 500 && response.status >= 400]).toEqual([Object.keys(given), true]);
  }
  const agent = await send(
    limited.app,
    "POST",
    "/api/auth/sign-up/email",
    { name: "A", email: "agent@example.com", password },
    { "user-agent": "x".repeat(10_000) },
  );
  expect(agent.status).toBe(200);
  await until(count, (rows) => rows > before);
  await limited.close();
});
