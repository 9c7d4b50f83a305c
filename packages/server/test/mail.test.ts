/** What is sent by mail: a forgotten password, another address, invitations; through a real mail server. */
import { createLog, type Mailer } from "@chatkeep/server";
import { eq } from "drizzle-orm";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createLogMailer, createMailer } from "../src/mail.ts";
import { session, user, verification } from "../src/models/index.ts";
import { openTestApp, type Person, personWith, send, type TestApp, testUrl } from "./helpers/app.ts";
import { type MailServer, startMailServer } from "./helpers/mail-server.ts";
import { until } from "./helpers/until.ts";

let server: MailServer;
let mailer: Mailer;
let test: TestApp;
beforeAll(async () => {
  server = await startMailServer();
  mailer = createMailer({ smtpUrl: server.url, from: "Our chat <chat@example.com>" }, createLog("silent"));
  test = await openTestApp({ mailer, signUp: "invited" });
});
afterAll(async () => {
  await test.close();
  await mailer.close();
  await server.stop();
});

const post = (path: string, body: object, headers: Record<string, string> = {}) =>
  send(test.app, "POST", path, body, { origin: testUrl, ...headers });
const codeOf = async (answer: Response) => [
  answer.status,
  ((await answer.json()) as { error?: { code: string } }).error?.code,
];
const signIn = (email: string, password: string) => post("/api/auth/sign-in/email", { email, password });
const follow = (link: string, who?: Pick<Person, "request">) => {
  const token = new URL(link).searchParams.get("confirm");
  const path = `/api/auth/verify-email?token=${token}`;
  return who ? who.request("GET", path) : send(test.app, "GET", path);
};

it("who has forgotten a password gets a link in their language, sets another one once, and all sessions end", async () => {
  const ann = await test.signUp("ann");
  const asked = await post(
    "/api/auth/request-password-reset",
    { email: "ann@example.com" },
    { "accept-language": "de" },
  );
  expect(asked.status).toBe(200);
  const mail = await server.next("ann@example.com");
  expect(mail).toMatchObject({ from: "Our chat <chat@example.com>", subject: "Ein neues Passwort für chatkeep" });
  expect(mail.text).toContain("innerhalb einer Stunde");
  const { pathname, searchParams, origin } = new URL(mail.link);
  expect([origin, pathname]).toEqual([testUrl, "/reset-password"]);
  const token = searchParams.get("token");
  expect(await codeOf(await post("/api/auth/reset-password", { token, newPassword: "short" }))).toEqual([
    400,
    "invalid_input",
  ]);
  expect((await post("/api/auth/reset-password", { token, newPassword: "another horse" })).status).toBe(200);
  expect(await test.db.$count(session, eq(session.userId, ann.id))).toBe(0);
  expect((await ann.request("GET", "/api/conversations")).status).toBe(401);
  expect((await signIn("ann@example.com", "correct horse")).status).toBe(401);
  expect((await signIn("ann@example.com", "another horse")).status).toBe(200);
  expect(await codeOf(await post("/api/auth/reset-password", { token, newPassword: "a third horse" }))).toEqual([
    400,
    "invalid_input",
  ]);
});

it("says of no address whether it is known, and sends nothing to one that is not", async () => {
  await test.signUp("known");
  const answers = await Promise.all(
    ["known@example.com", "nobody@example.com"].map(async (email) => {
      const answer = await post("/api/auth/request-password-reset", { email });
      return [answer.status, await answer.text()];
    }),
  );
  expect(answers[0]).toEqual(answers[1]);
  await server.next("known@example.com");
  expect(server.mails.filter(({ to }) => to === "nobody@example.com")).toEqual([]);
  const expired = "reset-password:expired";
  const bob = await test.signUp("bob");
  await test.db
    .insert(verification)
    .values({ identifier: expired, value: bob.id, expiresAt: new Date(Date.now() - 1_000) });
  const late = await post("/api/auth/reset-password", { token: "expired", newPassword: "another horse" });
  expect(await codeOf(late)).toEqual([400, "invalid_input"]);
});

it("an address is another one when who is signed in follows its link, with the password, and the old one is told before", async () => {
  const [cid, dan] = [await test.signUp("cid"), await test.signUp("dan")];
  const change = (who: Person, newEmail: string, password?: string) =>
    who.request("POST", "/api/auth/change-email", { newEmail, password }, { origin: testUrl });
  const wanted = "Cid.New@example.com";
  expect(await codeOf(await change(cid, wanted))).toEqual([422, "invalid_input"]);
  expect(await codeOf(await change(cid, wanted, "wrong horse"))).toEqual([400, "invalid_input"]);
  expect((await change(cid, wanted, "correct horse")).status).toBe(200);
  const [mail, notice] = [await server.next("cid.new@example.com"), await server.next("cid@example.com")];
  expect(mail.link.startsWith(`${testUrl}/account?confirm=`)).toBe(true);
  expect(notice.text).toContain("cid.new@example.com");
  const stored = async () => (await test.db.select().from(user).where(eq(user.id, cid.id)))[0];
  // Whoever has the mail alone changes nothing.
  expect(await codeOf(await follow(mail.link))).toEqual([401, "unauthenticated"]);
  expect(await codeOf(await follow(mail.link, dan))).toEqual([403, "forbidden"]);
  expect(await stored()).toMatchObject({ email: "cid@example.com", emailVerified: false });
  expect((await follow(mail.link, cid)).status).toBe(200);
  expect(await stored()).toMatchObject({ email: "cid.new@example.com", emailVerified: true });
  expect((await signIn("cid.new@example.com", "correct horse")).status).toBe(200);
  expect((await follow(mail.link, cid)).status).toBe(401);
  // One that is somebody's already gets no mail, and whoever asks is not told.
  expect((await change(cid, dan.email, "correct horse")).status).toBe(200);
  expect(await stored()).toMatchObject({ email: "cid.new@example.com" });
  expect(await codeOf(await follow(`${testUrl}/account?confirm=rubbish`, cid))).toEqual([403, "forbidden"]);
});

it("a guest gets no address in this way, which would be an account that nobody was to have", async () => {
  const guests = await openTestApp({ mailer, signUp: "closed", anonymousDays: 30 });
  const begin = await send(guests.app, "POST", "/api/auth/sign-in/anonymous", {});
  const cookie = (begin.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
  for (const [path, body] of [
    ["change-email", { newEmail: "guest@example.com" }],
    ["send-verification-email", { email: "guest@example.com" }],
  ] as const) {
    const answer = await send(guests.app, "POST", `/api/auth/${path}`, body, { cookie, origin: testUrl });
    expect(await codeOf(answer)).toEqual([403, "forbidden"]);
  }
  await guests.close();
});

it("an invitation makes one account, of the address that it is for; without one nobody signs up", async () => {
  const admin = await test.signUp("eve");
  await test.db.update(user).set({ isAdmin: true }).where(eq(user.id, admin.id));
  type Made = { id: string; link: string; isSent: boolean };
  const made = await admin.call<Made>("POST", "/api/admin/invitations", { email: " Fay@Example.com " });
  expect(made).toMatchObject({ email: "fay@example.com", isSent: true });
  const mail = await server.next("fay@example.com", /invited/);
  expect(mail.link).toBe(made.link);
  const invitation = new URL(mail.link).searchParams.get("invitation");
  const signUp = (email: string, token: string | null) =>
    post(`/api/auth/sign-up/email${token === null ? "" : `?invitation=${token}`}`, {
      name: "Fay",
      email,
      password: "correct horse",
    });
  for (const [email, token] of [
    ["fay@example.com", null],
    ["fay@example.com", "rubbish"],
    ["other@example.com", invitation],
  ] as const)
    expect(await codeOf(await signUp(email, token))).toEqual([403, "forbidden"]);
  // As a form, in which Better Auth would read another address than who looks at JSON.
  const form = `{"email":"fay@example.com","q":"&email=other@example.com&name=x&password=correct horse&z="}`;
  const asForm = await test.app.request(`/api/auth/sign-up/email?invitation=${invitation}`, {
    method: "POST",
    body: form,
    headers: { "content-type": "application/x-www-form-urlencoded", origin: testUrl },
  });
  expect(asForm.status).toBeGreaterThanOrEqual(400);
  const many = ["a", "b", "c"].map((name) => signUp(`${name}@example.com`, invitation));
  expect((await Promise.all(many)).map(({ status }) => status)).toEqual([403, 403, 403]);
  expect((await signUp("fay@example.com", invitation)).status).toBe(200);
  const confirm = await server.next("fay@example.com");
  const { token } = (await (await signIn("fay@example.com", "correct horse")).json()) as { token: string };
  expect((await follow(confirm.link, personWith(test.app, token))).status).toBe(200);
  const [fay] = await test.db.select().from(user).where(eq(user.email, "fay@example.com"));
  expect(fay).toMatchObject({ emailVerified: true, isAdmin: false });
  expect(await codeOf(await signUp("fay@example.com", invitation))).toEqual([403, "forbidden"]);
  expect(await admin.call("GET", "/api/admin/invitations")).toEqual({ items: [] });

  const [one, two] = [
    await admin.call<Made>("POST", "/api/admin/invitations", { email: "gus@example.com" }),
    await admin.call<Made>("POST", "/api/admin/invitations", { email: "gus@example.com" }),
  ];
  const tokenOf = ({ link }: Made) => new URL(link).searchParams.get("invitation");
  expect(await codeOf(await signUp("gus@example.com", tokenOf(one)))).toEqual([403, "forbidden"]);
  expect((await admin.request("DELETE", `/api/admin/invitations/${two.id}`)).status).toBe(204);
  expect(await codeOf(await signUp("gus@example.com", tokenOf(two)))).toEqual([403, "forbidden"]);
  for (const email of ["eve@example.com", "no address", 7])
    expect((await admin.request("POST", "/api/admin/invitations", { email })).status).toBe(422);
  expect(await (await send(test.app, "GET", "/api/sign-in")).json()).toMatchObject({
    signUp: false,
    invitations: true,
    mail: true,
  });
});

it("a mail server that is away keeps nobody waiting, and the log says what to look at, without an address", async () => {
  const lines: string[] = [];
  const log = createLog("info", { write: (line) => void lines.push(line) });
  const lost = createMailer({ smtpUrl: "smtp://127.0.0.1:1", from: "chat@example.com" }, log);
  const away = await openTestApp({ mailer: lost });
  await away.signUp("ann");
  const asked = await send(away.app, "POST", "/api/auth/request-password-reset", { email: "ann@example.com" });
  expect(asked.status).toBe(200);
  await until(
    () => lines.join(""),
    (all) => all.includes("CHATKEEP_SMTP_URL"),
  );
  expect(lines.join("")).not.toContain("ann@example.com");
  await away.close();
  await lost.close();
});

it("without a mail server the link is in the log of one who is alone, and there is no such route elsewhere", async () => {
  const lines: string[] = [];
  const alone = await openTestApp({
    mailer: createLogMailer(createLog("info", { write: (line) => void lines.push(line) })),
  });
  await alone.signUp("ann");
  await send(alone.app, "POST", "/api/auth/request-password-reset", { email: "ann@example.com" });
  const link = (JSON.parse(lines.at(-1) ?? "{}") as { link: string }).link;
  const token = new URL(link).searchParams.get("token");
  const body = { token, newPassword: "another horse" };
  expect((await send(alone.app, "POST", "/api/auth/reset-password", body)).status).toBe(200);
  await alone.close();
  const none = await openTestApp();
  for (const path of ["request-password-reset", "change-email"])
    expect((await send(none.app, "POST", `/api/auth/${path}`, { email: "ann@example.com" })).status).toBe(404);
  expect(await (await send(none.app, "GET", "/api/sign-in")).json()).toMatchObject({ mail: false, signUp: true });
  await none.close();
});

it("the first account of an embedded server is an administrator's; nobody makes themselves one", async () => {
  const alone = await openTestApp({ isFirstAdmin: true, anonymousDays: 30 });
  await send(alone.app, "POST", "/api/auth/sign-in/anonymous", {});
  const signUp = async (name: string, more: object = {}): Promise<Pick<Person, "request" | "call">> => {
    const body = { name, email: `${name}@example.com`, password: "correct horse", ...more };
    const answer = await send(alone.app, "POST", "/api/auth/sign-up/email", body, { origin: testUrl });
    return personWith(alone.app, ((await answer.json()) as { token: string }).token);
  };
  const [first, second] = [await signUp("first"), await signUp("second", { isAdmin: true })];
  await second.request("POST", "/api/auth/update-user", { isAdmin: true });
  expect((await first.request("GET", "/api/admin/users")).status).toBe(200);
  expect((await second.request("GET", "/api/admin/users")).status).toBe(403);
  const { user: told } = await first.call<{ user: { isAdmin: boolean } }>("GET", "/api/auth/get-session");
  expect(told.isAdmin).toBe(true);
  await alone.close();
});
