/** Projects: what they tell the model, which chats are in them, whose they are, and where they go along. */
import { randomUUID } from "node:crypto";
import { eq } from "drizzle-orm";
import { afterAll, beforeAll, expect, it } from "vitest";
import { eraseUser } from "../src/erase-user.ts";
import { project } from "../src/models/index.ts";
import { openTestApp, type Person, personWith, send, type TestApp, testUrl } from "./helpers/app.ts";
import { scriptedModel, words } from "./helpers/models.ts";

interface Project {
  id: string;
  name: string;
  instructions: string | null;
  model: string | null;
  createdAt: string;
  updatedAt: string;
}
interface Chat {
  id: string;
  metadata: Record<string, unknown> | null;
  updatedAt: string;
}

const model = scriptedModel(() => words(["so"]));
let test: TestApp;
let ann: Person;
let bob: Person;
beforeAll(async () => {
  test = await openTestApp({ model, anonymousDays: 30 });
  [ann, bob] = [await test.signUp("ann"), await test.signUp("bob")];
});
afterAll(() => test.close());

const make = (who: Pick<Person, "call">, body: object) => who.call<Project>("POST", "/api/projects", body);
const listed = async (who: Pick<Person, "call">) =>
  (await who.call<{ items: Project[] }>("GET", "/api/projects")).items;
const move = (who: Pick<Person, "call">, id: string, projectId: string | null) =>
  who.call<Chat>("PUT", `/api/conversations/${encodeURIComponent(id)}/project`, { projectId });
const chatsIn = async (who: Person, projectId: string, query = "") => {
  const filter = encodeURIComponent(JSON.stringify({ projectId }));
  return (await who.call<{ items: Chat[] }>("GET", `/api/conversations?metadata=${filter}${query}`)).items.map(
    ({ id }) => id,
  );
};
const refused = async (who: Person, method: string, path: string, body?: unknown) => {
  const answer = await who.request(method, path, body);
  return [answer.status, ((await answer.json()) as { error: { code: string } }).error.code];
};

it("is made, listed by name, changed and deleted; chats go in and out, keep what else is noted of them, and stay", async () => {
  const trip = await make(ann, { name: "  trip  " });
  expect(trip).toEqual({
    id: expect.any(String),
    name: "trip",
    instructions: null,
    model: null,
    createdAt: expect.any(String),
    updatedAt: trip.createdAt,
  });
  const book = await make(ann, { name: "Book", instructions: "Speak of Emma.", model: "other" });
  expect(await listed(ann)).toEqual([book, trip]);
  expect(await listed(bob)).toEqual([]);
  const changed = await ann.call<Project>("PATCH", `/api/projects/${book.id}`, { name: "Novel", instructions: " \n" });
  expect(changed).toMatchObject({ name: "Novel", instructions: null, model: "other", createdAt: book.createdAt });

  const [one, two] = ["one/ä", randomUUID()];
  const before = await ann.call<Chat>("POST", "/api/conversations", { id: one, metadata: { mood: "calm" } });
  await ann.call("POST", "/api/conversations", { id: two, metadata: { projectId: trip.id } });
  const moved = await move(ann, one, trip.id);
  expect(moved).toMatchObject({
    metadata: { mood: "calm", projectId: trip.id },
    updatedAt: before.updatedAt,
  });
  expect(await move(ann, one, trip.id)).toEqual(moved);
  expect((await chatsIn(ann, trip.id)).sort()).toEqual([one, two].sort());
  await ann.call("PATCH", `/api/conversations/${two}`, { archived: true });
  expect(await chatsIn(ann, trip.id)).toEqual([one]);
  expect(await chatsIn(ann, trip.id, "&archived=true")).toEqual([two]);
  expect((await move(ann, one, null)).metadata).toEqual({ mood: "calm" });
  expect((await move(ann, two, null)).metadata).toBe(null);
  await move(ann, two, trip.id);
  expect((await ann.request("DELETE", `/api/projects/${trip.id}`)).status).toBe(204);
  expect(await ann.call("GET", `/api/conversations/${two}`)).toMatchObject({ id: two });
  expect((await listed(ann)).map(({ name }) => name)).toEqual(["Novel"]);
});

it("tells the model of its chats what it is to be told, after the user's words and before the chat's own", async () => {
  const verse = await make(ann, { name: "Verse", instructions: "Answer in verse." });
  await ann.call("PATCH", "/api/preferences", { instructions: "Call me captain." });
  const told = async (who: Person, id: string, metadata: object | null) => {
    await who.call("POST", "/api/conversations", { id, instructions: "Speak of ships.", metadata });
    const message = { role: "user", parts: [{ type: "text", text: id }] };
    await (await who.request("POST", "/api/chat", { id, message })).text();
    return JSON.stringify(model.prompts.at(-1));
  };
  expect(await told(ann, "in it", { projectId: verse.id })).toMatch(/captain.*in verse.*ships/);
  expect(await told(ann, "in none", null)).not.toContain("in verse");
  expect(await told(ann, "odd", { projectId: 7 })).not.toContain("in verse");
  expect(await told(bob, "in ann's", { projectId: verse.id })).not.toContain("in verse");
  await ann.call("PATCH", `/api/projects/${verse.id}`, { instructions: null });
  const message = { role: "user", parts: [{ type: "text", text: "again" }] };
  await (await ann.request("POST", "/api/chat", { id: "in it", message })).text();
  expect(JSON.stringify(model.prompts.at(-1))).not.toContain("in verse");
});

it("is its owner's alone, and what is wrong with one is said", async () => {
  const mine = await make(ann, { name: "Mine" });
  const { id: chat } = await bob.call<Chat>("POST", "/api/conversations", {});
  const there = `/api/projects/${mine.id}`;
  expect(await refused(bob, "PATCH", there, { name: "Yours" })).toEqual([404, "not_found"]);
  expect(await refused(bob, "DELETE", there)).toEqual([404, "not_found"]);
  expect(await refused(bob, "PUT", `/api/conversations/${chat}/project`, { projectId: mine.id })).toEqual([
    404,
    "not_found",
  ]);
  expect(await refused(ann, "PUT", `/api/conversations/${chat}/project`, { projectId: mine.id })).toEqual([
    404,
    "not_found",
  ]);
  const wrong = [
    {},
    { name: " " },
    { name: "x".repeat(101) },
    { name: "a\0b" },
    { name: 7 },
    { name: "x", color: "red" },
    { name: "x", instructions: "x".repeat(65_537) },
    { name: "x", model: "" },
  ];
  for (const body of wrong) expect(await refused(ann, "POST", "/api/projects", body)).toEqual([422, "invalid_input"]);
  expect(await refused(ann, "PATCH", there, {})).toEqual([422, "invalid_input"]);
  expect(await refused(ann, "PATCH", "/api/projects/no-id", { name: "x" })).toEqual([422, "invalid_input"]);
  expect(await refused(ann, "PUT", `/api/conversations/${chat}/project`, {})).toEqual([422, "invalid_input"]);
  expect((await listed(ann)).find(({ id }) => id === mine.id)).toEqual(mine);
});

it("has a limit, also for those that are made at once", async () => {
  const cid = await test.signUp("cid");
  await test.db
    .insert(project)
    .values(Array.from({ length: 199 }, (_, index) => ({ userId: cid.id, name: `${index}` })));
  const answers = await Promise.all(["a", "b", "c"].map((name) => cid.request("POST", "/api/projects", { name })));
  expect(answers.map(({ status }) => status).sort()).toEqual([201, 422, 422]);
  expect(await listed(cid)).toHaveLength(200);
});

it("goes along from a guest to an account, and away with its user, who is told", async () => {
  const begin = await send(test.app, "POST", "/api/auth/sign-in/anonymous", {});
  const cookie = (begin.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
  const made = (await (
    await send(test.app, "POST", "/api/projects", { name: "Of a guest" }, { cookie })
  ).json()) as Project;
  const body = { name: "dan", email: "dan@example.com", password: "correct horse" };
  const up = await send(test.app, "POST", "/api/auth/sign-up/email", body, { cookie, origin: testUrl });
  const { token, user } = (await up.json()) as { token: string; user: { id: string } };
  expect(await listed(personWith(test.app, token))).toEqual([made]);
  expect((await eraseUser(test.db, test.store, user.id)).rows).toMatchObject({ project: 1 });
  expect(await test.db.$count(project, eq(project.userId, user.id))).toBe(0);
});
