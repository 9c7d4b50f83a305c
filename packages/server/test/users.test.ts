/** Accounts that an operator makes, sets a password of, lists and removes; and a server where nobody signs up by themselves. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import { userInWords } from "../src/commands/in-words.ts";
import { listUsers, makeUser, removeUser, resetPassword } from "../src/commands/users.ts";
import type { DatabaseConfig } from "../src/config.ts";
import { openTestApp, personWith, send, type TestApp } from "./helpers/app.ts";

let test: TestApp;
let database: DatabaseConfig;
beforeAll(async () => {
  test = await openTestApp({ signUp: "closed" });
  database = { engine: "pg", url: test.database.url ?? "" };
});
afterAll(() => test.close());

const signIn = async (email: string, password: string) => {
  const answer = await send(test.app, "POST", "/api/auth/sign-in/email", { email, password });
  const { token } = (await answer.json()) as { token?: string };
  return { status: answer.status, token: token ?? "" };
};

it("an account that an operator makes signs in, gets a new password, and goes with all there is of it", async () => {
  const made = await makeUser(database, { email: " Ann@Example.com", name: "Ann \u001b[31m" });
  expect(made).toEqual({
    id: expect.any(String),
    email: "ann@example.com",
    password: expect.stringMatching(/^[\w-]{20}$/),
  });
  await expect(makeUser(database, { email: "ann@example.com", name: "Other" })).rejects.toMatchObject({
    code: "conflict",
  });
  const first = await signIn("ann@example.com", made.password);
  expect(first.status).toBe(200);
  const ann = personWith(test.app, first.token);
  await ann.call("POST", "/api/conversations", { messages: [{ role: "user", content: "Hello" }] });
  const [listed] = await listUsers(database);
  expect(listed).toMatchObject({ id: made.id, email: "ann@example.com", seenAt: expect.any(Date) });
  // A name is no command for a terminal.
  expect(listed && userInWords(listed)).toMatch(/^ann@example\.com {2}"Ann \\u001b\[31m" {2}made .*, seen /);

  const { password } = await resetPassword(database, "ANN@example.com");
  // Another server, which has not just seen that session.
  const other = await openTestApp({ database: test.database });
  expect((await personWith(other.app, first.token).request("GET", "/api/conversations")).status).toBe(401);
  await other.close();
  expect((await signIn("ann@example.com", made.password)).status).toBe(401);
  expect((await signIn("ann@example.com", password)).status).toBe(200);
  const receipt = await removeUser(database, "ann@example.com");
  expect(receipt).toMatchObject({ of: "user", rows: { conversation: 1, message: 1, account: 1, user: 1 } });
  expect(await listUsers(database)).toEqual([]);
});

it("what is no account is refused with a sentence", async () => {
  for (const [request, says] of [
    [{ email: "ann", name: "Ann" }, /--email must be an address/],
    [{ email: "ann@example.com", name: "  " }, /--name must have a character/],
    [{ email: `${"a".repeat(250)}@example.com`, name: "Ann" }, /at most 254/],
  ] as const)
    await expect(makeUser(database, request)).rejects.toMatchObject({
      code: "invalid_input",
      message: expect.stringMatching(says),
    });
  for (const act of [resetPassword, removeUser])
    await expect(act(database, "nobody@example.com")).rejects.toMatchObject({ code: "invalid_input" });
});

it("where sign-up is closed nobody makes an account, and the page that asks is told", async () => {
  expect(await (await send(test.app, "GET", "/api/sign-in")).json()).toMatchObject({ signUp: false });
  const body = { name: "Eve", email: `${randomUUID()}@example.com`, password: "correct horse" };
  const answer = await send(test.app, "POST", "/api/auth/sign-up/email", body);
  expect([answer.status, await answer.json()]).toEqual([
    403,
    expect.objectContaining({
      error: expect.objectContaining({ code: "forbidden", message: expect.stringMatching(/ask the operator/) }),
    }),
  ]);
  expect(await listUsers(database)).toEqual([]);
});
