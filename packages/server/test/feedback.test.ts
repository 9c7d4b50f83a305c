/** What users think of answers: given, changed, taken back, listed, and gone with what it is about. */
import { randomUUID } from "node:crypto";
import { eq } from "drizzle-orm";
import { afterAll, beforeAll, expect, it } from "vitest";
import { eraseUser } from "../src/erase-user.ts";
import { feedback } from "../src/models/index.ts";
import { openTestApp, type Person, send, type TestApp, testUrl } from "./helpers/app.ts";

interface Given {
  conversationId: string;
  messageId: string;
  rating: string;
  tags: string[];
  comment: string | null;
  createdAt: string;
  updatedAt: string;
}

let test: TestApp;
let ann: Person;
let bob: Person;
beforeAll(async () => {
  test = await openTestApp({ anonymousDays: 30 });
  [ann, bob] = [await test.signUp("ann"), await test.signUp("bob")];
});
afterAll(() => test.close());

const messages = [
  { id: "q", role: "user", content: "How?" },
  { id: "a", role: "assistant", content: "So." },
];
const make = async (who: Person, id: string = randomUUID()) =>
  (await who.call<{ id: string }>("POST", "/api/conversations", { id, messages })).id;
const at = (id: string, messageId = "a") =>
  `/api/conversations/${encodeURIComponent(id)}/messages/${messageId}/feedback`;
const listed = async (who: Person, query = "") =>
  await who.call<{ items: Given[]; nextCursor: string | null }>("GET", `/api/feedback${query}`);
const rowsOf = (who: Pick<Person, "id">) => test.db.select().from(feedback).where(eq(feedback.userId, who.id));

it("is one of each answer: given, said anew, listed newest first, and taken back", async () => {
  const [one, two] = [await make(ann, "chat one/ä"), await make(ann)];
  const first = await ann.call<Given>("PUT", at(one), {
    rating: "bad",
    tags: ["incorrect", "incorrect", " too long "],
    comment: "  It is not so. ",
  });
  expect(first).toEqual({
    conversationId: one,
    messageId: "a",
    rating: "bad",
    tags: ["incorrect", "too long"],
    comment: "It is not so.",
    createdAt: expect.any(String),
    updatedAt: first.createdAt,
  });
  const anew = await ann.call<Given>("PUT", at(one), { rating: "good" });
  expect(anew).toMatchObject({ rating: "good", tags: [], comment: null, createdAt: first.createdAt });
  await ann.call("PUT", at(two), { rating: "bad" });
  const all = await listed(ann);
  expect(all.items.map(({ conversationId }) => conversationId)).toEqual([two, one]);
  expect((await listed(ann, `?conversationId=${encodeURIComponent(one)}`)).items).toEqual([anew]);
  const page = await listed(ann, "?limit=1");
  expect(page.items).toEqual(all.items.slice(0, 1));
  expect((await listed(ann, `?limit=1&cursor=${page.nextCursor}`)).items).toEqual([anew]);
  for (let round = 0; round < 2; round += 1) expect((await ann.request("DELETE", at(one))).status).toBe(204);
  expect((await listed(ann)).items).toMatchObject([{ conversationId: two }]);
});

it("is its owner's alone, and for answers", async () => {
  const id = await make(ann);
  await ann.call("PUT", at(id), { rating: "good" });
  const refused = async (who: Person, path: string, body: unknown) => {
    const answer = await who.request("PUT", path, body);
    return [answer.status, ((await answer.json()) as { error: { code: string } }).error.code];
  };
  expect(await refused(bob, at(id), { rating: "bad" })).toEqual([404, "not_found"]);
  expect((await bob.request("DELETE", at(id))).status).toBe(404);
  expect((await listed(bob)).items).toEqual([]);
  expect((await listed(ann, `?conversationId=${id}`)).items).toHaveLength(1);
  expect(await refused(ann, at(id, "q"), { rating: "good" })).toEqual([422, "invalid_input"]);
  expect(await refused(ann, at(id, "none"), { rating: "good" })).toEqual([404, "not_found"]);
  expect(await refused(ann, at(randomUUID()), { rating: "good" })).toEqual([404, "not_found"]);
  for (const body of [
    {},
    { rating: "great" },
    { rating: "good", tags: "x" },
    { rating: "good", tags: [""] },
    { rating: "good", tags: Array.from({ length: 11 }, (_, index) => `${index}`) },
    { rating: "good", tags: ["x".repeat(51)] },
    { rating: "good", comment: "x".repeat(4_001) },
    { rating: "good", comment: "nul \0" },
    { rating: "good", comment: "half \ud83d" },
    { rating: "good", stars: 5 },
  ]) {
    expect(await refused(ann, at(id), body), JSON.stringify(body)).toEqual([422, "invalid_input"]);
  }
  expect((await ann.request("GET", "/api/feedback?cursor=x")).status).toBe(422);
});

it("goes with the message, the chat and the user that it is about, and comes along to an account", async () => {
  const [one, two] = [await make(ann), await make(ann)];
  for (const id of [one, two]) await ann.call("PUT", at(id), { rating: "good", comment: "said" });
  const before = (await rowsOf(ann)).length;
  await ann.call("DELETE", `/api/conversations/${one}/messages/a`);
  expect(await rowsOf(ann)).toHaveLength(before - 1);
  const answer = await ann.request("PUT", at(one), { rating: "good" });
  expect(answer.status).toBe(422);
  // Whoever takes the content away, and by whatever way: also of a message whose id is the row's.
  const mine = test.store.forUser(ann.id);
  const [said] = await mine.messages.append(one, [{ role: "assistant", content: "So it is." }]);
  const id = said?.id ?? "";
  await ann.call("PUT", at(one, id), { rating: "bad", comment: "said of this one" });
  await mine.messages.update(one, id, { metadata: { seen: true } }, { revision: 1 });
  expect(await rowsOf(ann)).toHaveLength(before);
  await mine.messages.redact(one, id);
  expect(await rowsOf(ann)).toHaveLength(before - 1);
  await test.store.forUser(ann.id).conversations.erase(two);
  expect(await rowsOf(ann)).toHaveLength(before - 2);

  const begin = await send(test.app, "POST", "/api/auth/sign-in/anonymous", {});
  const cookie = begin.headers
    .getSetCookie()
    .map((each) => each.split(";")[0])
    .join("; ");
  const asGuest = (method: string, path: string, body?: unknown) => send(test.app, method, path, body, { cookie });
  await make(bob, "same");
  for (const id of ["same", "alone"]) {
    expect((await asGuest("POST", "/api/conversations", { id, messages })).status).toBe(201);
    expect((await asGuest("PUT", at(id), { rating: "bad", comment: id })).status).toBe(200);
  }
  const person = { email: bob.email, password: "correct horse" };
  const signIn = await send(test.app, "POST", "/api/auth/sign-in/email", person, { cookie, origin: testUrl });
  expect(signIn.status).toBe(200);
  const all = (await listed(bob)).items;
  expect(all.map(({ comment }) => comment).sort()).toEqual(["alone", "same"]);
  for (const { conversationId, comment } of all) {
    expect(conversationId === comment).toBe(comment === "alone");
    const { items } = await listed(bob, `?conversationId=${encodeURIComponent(conversationId)}`);
    expect(items).toMatchObject([{ comment }]);
    await bob.call("PUT", at(conversationId), { rating: "good" });
  }
  expect(await rowsOf(bob)).toHaveLength(2);

  const receipt = await eraseUser(test.db, test.store, bob.id);
  expect(receipt.rows["feedback"]).toBe(2);
  expect(await rowsOf(bob)).toEqual([]);
});
