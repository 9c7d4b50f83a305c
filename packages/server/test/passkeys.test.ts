/** Passkeys: made, used, named, removed; and what is no passkey of ours, or somebody else's. */
import { eq } from "drizzle-orm";
import { afterAll, beforeAll, expect, it } from "vitest";
import { passkey, session, user, verification } from "../src/models/index.ts";
import { passkeyDomain } from "../src/passkeys.ts";
import { openTestApp, type Person, personWith, send, type TestApp } from "./helpers/app.ts";
import { type Device, device } from "./helpers/authenticator.ts";

const url = "https://chat.example.com";
let test: TestApp;
let ann: Person;
let bob: Person;
beforeAll(async () => {
  test = await openTestApp({ url, anonymousDays: 30 });
  [ann, bob] = [await test.signUp("ann"), await test.signUp("bob")];
});
afterAll(() => test.close());

interface Passkey {
  id: string;
  name: string;
  isBackedUp: boolean;
  createdAt: string;
  lastUsedAt: string | null;
}
const post = (path: string, body: unknown, headers = {}) =>
  send(test.app, "POST", `/api/auth/passkey/${path}`, body, { origin: url, ...headers });
const beginToAdd = (who: Person, password?: unknown) =>
  who.request("POST", "/api/auth/passkey/generate-register-options", { password });
const add = async (who: Person, made: Device, said?: object) => {
  const options = (await (await beginToAdd(who, "correct horse")).json()) as { challenge: string };
  const response = made.register(options, said);
  return await who.request("POST", "/api/auth/passkey/verify-registration", { name: " My laptop ", response });
};
const begin = async () =>
  (await (await post("generate-authenticate-options", {})).json()) as { challenge: string; rpId: string };
const use = async (made: Device, said?: object, headers?: Record<string, string>) =>
  await post("verify-authentication", { response: made.answer(await begin(), said) }, headers);
const listOf = (who: Pick<Person, "call">) => who.call<Passkey[]>("GET", "/api/auth/passkey/list-user-passkeys");
const outcome = async (answer: Response) => {
  const { error } = (await answer.json()) as { error?: { code: string } };
  return [answer.status, error?.code];
};
const refused = [401, "unauthenticated"];

it("a passkey is added with the password, signs in as sign-in/email does, and is listed without its key", async () => {
  const laptop = device(url, "chat.example.com");
  const added = await add(ann, laptop);
  expect([added.status, await added.json()]).toEqual([
    200,
    { id: expect.any(String), name: "My laptop", isBackedUp: false, createdAt: expect.any(String), lastUsedAt: null },
  ]);
  const entered = await use(laptop, { counter: 1 });
  expect(entered.status).toBe(200);
  expect(entered.headers.get("set-cookie")).toContain("__Secure-chatkeep.session_token=");
  const body = (await entered.json()) as { token: string; user: { id: string } };
  expect(body.user.id).toBe(ann.id);
  const again = personWith(test.app, body.token);
  expect(await listOf(again)).toMatchObject([{ name: "My laptop", lastUsedAt: expect.any(String) }]);
  expect(JSON.stringify(await listOf(again))).not.toContain(laptop.id);
  expect(await listOf(bob)).toEqual([]);
  expect(test.lines.join("")).not.toContain(laptop.id);
});

it("a challenge is answered once, in time, by whom it was for", async () => {
  const phone = device(url, "chat.example.com");
  const options = (await (await beginToAdd(bob, "correct horse")).json()) as { challenge: string };
  const body = { name: "Phone", response: phone.register(options) };
  const register = (who: Person) => who.request("POST", "/api/auth/passkey/verify-registration", body);
  expect(await outcome(await register(ann))).toEqual(refused);
  expect(await outcome(await register(bob))).toEqual(refused);
  expect((await add(bob, phone)).status).toBe(200);
  expect(await outcome(await add(ann, phone))).toEqual([409, "conflict"]);

  const answered = phone.answer(await begin());
  expect((await post("verify-authentication", { response: answered })).status).toBe(200);
  expect(await outcome(await post("verify-authentication", { response: answered }))).toEqual(refused);
  const late = await begin();
  await test.db.update(verification).set({ expiresAt: new Date(0) });
  expect(await outcome(await post("verify-authentication", { response: phone.answer(late) }))).toEqual(refused);
  // One that was given for adding one is none for signing in.
  const forAdding = (await (await beginToAdd(bob, "correct horse")).json()) as { challenge: string };
  expect(await outcome(await post("verify-authentication", { response: phone.answer(forAdding) }))).toEqual(refused);
});

it("what is signed for another page, by another device, by nobody, or by a copy is refused", async () => {
  const mine = device(url, "chat.example.com");
  expect((await add(ann, mine)).status).toBe(200);
  expect((await use(mine, { counter: 7 })).status).toBe(200);
  const before = await test.db.$count(session);
  for (const said of [
    { origin: "https://evil.example" },
    { origin: "http://chat.example.com" },
    { domain: "evil.example" },
    { isVerified: false },
    { counter: 7 },
    { counter: 3 },
  ])
    expect(await outcome(await use(mine, { counter: 8, ...said }))).toEqual(refused);
  const other = device(url, "chat.example.com");
  const forged = { ...other.answer(await begin()), id: mine.id, rawId: mine.id };
  expect(await outcome(await post("verify-authentication", { response: forged }))).toEqual(refused);
  expect(await outcome(await use(other))).toEqual(refused);
  expect(await outcome(await add(ann, device(url, "evil.example")))).toEqual(refused);
  expect(await outcome(await add(ann, device("https://evil.example", "chat.example.com")))).toEqual(refused);
  expect(await test.db.$count(session)).toBe(before);
});

it("rubbish is refused with a code, and nothing is kept of it", async () => {
  const count = await test.db.$count(passkey);
  const { challenge } = await begin();
  const data = Buffer.from(JSON.stringify({ challenge, type: "webauthn.get", origin: url })).toString("base64url");
  for (const response of [
    undefined,
    null,
    "x",
    [],
    {},
    { id: "", response: {} },
    { id: "x".repeat(2_000), response: {} },
    { id: 7, response: {} },
    { id: "x", response: [] },
  ])
    expect(await outcome(await post("verify-authentication", { response }))).toEqual([400, "invalid_input"]);
  for (const response of [
    { id: "x", response: {} },
    { id: "\u0000", response: {} },
    { id: "x", response: { clientDataJSON: 7 } },
    { id: "x", response: { clientDataJSON: "%%%" } },
    { id: "x", response: { clientDataJSON: data, authenticatorData: "AA", signature: "AA" } },
  ]) {
    expect((await outcome(await post("verify-authentication", { response })))[0]).toBeLessThan(500);
    const adding = { name: "x", response };
    const answer = await ann.request("POST", "/api/auth/passkey/verify-registration", adding);
    expect((await outcome(answer))[0]).toBeLessThan(500);
  }
  const made = device(url, "chat.example.com");
  for (const name of ["", "  ", "x".repeat(101), 7, "a\u0000", "\ud800"]) {
    const response = made.register({ challenge: "x" });
    const answer = await ann.request("POST", "/api/auth/passkey/verify-registration", { name, response });
    expect(await outcome(answer)).toEqual([400, "invalid_input"]);
  }
  expect(await test.db.$count(passkey)).toBe(count);
});

it("adding one needs the password where there is one, and an account", async () => {
  for (const password of [undefined, "", 7])
    expect(await outcome(await beginToAdd(ann, password))).toEqual([422, "invalid_input"]);
  expect((await beginToAdd(ann, "wrong horse")).status).toBe(400);
  expect((await post("generate-register-options", {})).status).toBe(401);
  const guest = await send(test.app, "POST", "/api/auth/sign-in/anonymous", {}, { origin: url });
  const token = ((await guest.json()) as { token: string }).token;
  const asked = await personWith(test.app, token).request("POST", "/api/auth/passkey/generate-register-options", {});
  expect(await outcome(asked)).toEqual([403, "forbidden"]);
});

it("whoever began without an account takes the chats along by a passkey", async () => {
  const mine = device(url, "chat.example.com");
  expect((await add(bob, mine)).status).toBe(200);
  const guest = await send(test.app, "POST", "/api/auth/sign-in/anonymous", {}, { origin: url });
  const cookie = guest.headers
    .getSetCookie()
    .map((each) => each.split(";")[0])
    .join("; ");
  const made = await send(test.app, "POST", "/api/conversations", { id: "of a guest" }, { cookie, origin: url });
  expect(made.status).toBe(201);
  expect((await use(mine, {}, { cookie })).status).toBe(200);
  expect((await bob.request("GET", "/api/conversations/of%20a%20guest")).status).toBe(200);
});

it("a passkey is named and removed by its owner alone, and goes with the account", async () => {
  const cid = await test.signUp("cid");
  const mine = device(url, "chat.example.com");
  const { id } = (await (await add(cid, mine)).json()) as Passkey;
  const name = (who: Person, body: object) => who.request("POST", "/api/auth/passkey/update-passkey", body);
  const remove = (who: Person, body: object) => who.request("POST", "/api/auth/passkey/delete-passkey", body);
  expect(await outcome(await name(bob, { id, name: "Bob's" }))).toEqual([404, "not_found"]);
  expect(await outcome(await remove(bob, { id }))).toEqual([404, "not_found"]);
  expect(await outcome(await remove(cid, { id: "x" }))).toEqual([400, "invalid_input"]);
  expect(await (await name(cid, { id, name: "Key ring" })).json()).toMatchObject({ name: "Key ring" });
  expect((await remove(cid, { id })).status).toBe(200);
  expect(await outcome(await use(mine))).toEqual(refused);
  expect((await add(cid, device(url, "chat.example.com"))).status).toBe(200);
  const gone = await cid.request("POST", "/api/auth/delete-user", { password: "correct horse" });
  expect(await gone.json()).toMatchObject({ receipt: { rows: { passkey: 1 } } });
  expect(await test.db.$count(passkey, eq(passkey.userId, cid.id))).toBe(0);
  expect(await test.db.$count(user, eq(user.id, cid.id))).toBe(0);
});

it("fifty are the most of one person", async () => {
  const dee = await test.signUp("dee");
  const rows = Array.from({ length: 50 }, (_, index) => ({
    userId: dee.id,
    name: `${index}`,
    credentialId: `dee${index}`,
    publicKey: "",
  }));
  await test.db.insert(passkey).values(rows);
  expect(await outcome(await add(dee, device(url, "chat.example.com")))).toEqual([409, "conflict"]);
});

it("a password is guessed ten times a minute, at whatever address it is wanted", async () => {
  const limited = await openTestApp({ url, database: test.database, limitAttempts: true });
  const eve = personWith(limited.app, (await limited.signUp("eve")).token);
  const guess = (path: string, body: object) =>
    eve.request("POST", `/api/auth/${path}`, { password: "wrong", ...body });
  const statuses: number[] = [];
  for (let attempt = 0; attempt < 12; attempt += 1)
    statuses.push((await guess("passkey/generate-register-options", {})).status);
  expect(statuses.slice(0, 10)).toEqual(Array(10).fill(400));
  expect(statuses.slice(10)).toEqual([429, 429]);
  const refused = await guess("passkey/generate-register-options", {});
  expect(refused.headers.get("retry-after")).toMatch(/^\d+$/);
  expect(await outcome(refused)).toEqual([429, "rate_limited"]);
  expect(await outcome(await guess("verify-password", {}))).toEqual([429, "rate_limited"]);
  await limited.close();
});

it("the domain of passkeys is that of the address, where browsers make any", async () => {
  const domains = Object.fromEntries(
    [
      "https://chat.example.com:8443",
      "http://127.0.0.1:3000",
      "http://localhost",
      "http://chat.example.com",
      "https://10.0.0.7",
      "https://[::2]",
    ].map((each) => [each, passkeyDomain(each)]),
  );
  expect(domains).toEqual({
    "https://chat.example.com:8443": "chat.example.com",
    "http://127.0.0.1:3000": "localhost",
    "http://localhost": "localhost",
    "http://chat.example.com": null,
    "https://10.0.0.7": null,
    "https://[::2]": null,
  });
  expect(await (await send(test.app, "GET", "/api/sign-in")).json()).toMatchObject({ passkeys: "chat.example.com" });
  const plain = await openTestApp({ url: "http://chat.example.com", database: test.database });
  const asked = await send(
    plain.app,
    "POST",
    "/api/auth/passkey/generate-authenticate-options",
    {},
    { origin: "http://chat.example.com" },
  );
  expect(await outcome(asked)).toEqual([403, "forbidden"]);
  await plain.close();
});
