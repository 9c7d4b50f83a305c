/** A model that an administrator connects while the server runs: tried, kept encrypted, taken by other servers, and taken away. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { eq } from "drizzle-orm";
import { afterAll, beforeAll, expect, it } from "vitest";
import { setting, user } from "../src/models/index.ts";
import { openTestApp, type Person, type TestApp } from "./helpers/app.ts";
import { type SpeakingEndpoint, startSpeakingEndpoint } from "./helpers/speaking-endpoint.ts";

let endpoint: SpeakingEndpoint;
let baseUrl: string;
let test: TestApp;
let root: Person;
const modelSecret = "a secret of the tests, long enough";
beforeAll(async () => {
  endpoint = await startSpeakingEndpoint(1);
  baseUrl = endpoint.environment["OPENAI_BASE_URL"] ?? "";
  test = await openTestApp({ modelSecret });
  root = await test.signUp("root");
  await test.db.update(user).set({ isAdmin: true }).where(eq(user.id, root.id));
});
afterAll(async () => {
  await test.close();
  await endpoint.stop();
});

const path = "/api/admin/model";
const namesOf = async (person: Person) =>
  (await person.call<{ items: { name: string }[] }>("GET", "/api/models")).items.map(({ name }) => name);
const answerTo = async (person: Person, id: string) => {
  const message = { role: "user", parts: [{ type: "text", text: "Who are you?" }] };
  await (await person.request("POST", "/api/chat", { id, message })).text();
  return (await test.store.forUser(person.id).messages.list(id)).items.at(-1);
};
const modelsOfRuns = async () => (await test.database.query("select model from run order by started_at")).flat();
const refused = async (method: string, at: string, body?: unknown, who = root) => {
  const answer = await who.request(method, at, body);
  return [answer.status, ((await answer.json()) as { error: { message: string } }).error.message];
};

it("is tried, answers from then on, is kept without its key being readable, and goes again", async () => {
  expect(await root.call("GET", path)).toEqual({ isOpen: true, connection: null });
  expect(await namesOf(root)).toEqual(["offline"]);
  const given = { baseUrl: `${baseUrl}/`, apiKey: "sk-very-secret", models: ["slow", "slower", "slow"] };
  expect(await root.call("POST", `${path}/test`, given)).toEqual({ answer: "Here I am." });
  expect(await namesOf(root)).toEqual(["offline"]);
  const connected = { baseUrl: `${baseUrl}/`, models: ["slow", "slower", "slow"], hasKey: true };
  expect(await root.call("PUT", path, given)).toEqual(connected);
  expect(await root.call("GET", path)).toEqual({ isOpen: true, connection: connected });
  expect(await namesOf(root)).toEqual(["slow", "slower"]);
  expect(await answerTo(root, "asked")).toMatchObject({ content: "Here I am." });
  expect(await modelsOfRuns()).toEqual(["slow"]);
  const [row] = await test.db.select().from(setting);
  expect(row?.value).not.toContain("secret");
  expect(row?.value).not.toContain("slow");
  expect(test.lines.join("")).not.toContain("sk-very-secret");

  const other = await openTestApp({ database: test.database, modelSecret });
  expect(await namesOf({ ...root, ...(await other.signUp("on another server")) })).toEqual(["slow", "slower"]);
  await other.close();
  const locked = await openTestApp({ database: test.database, modelSecret: "another secret, which is as long" });
  expect(await namesOf(await locked.signUp("with another secret"))).toEqual(["offline"]);
  expect(locked.lines.join("")).toContain("kept under another secret");
  await locked.close();

  expect((await root.request("DELETE", path)).status).toBe(204);
  expect(await namesOf(root)).toEqual(["offline"]);
  await answerTo(root, "asked again");
  expect(await modelsOfRuns()).toEqual(["slow", "offline"]);
});

it("keeps the key of its endpoint when that is left out, and gives it to no other", async () => {
  const keys: (string | undefined)[] = [];
  const listener = createServer((request, response) => {
    keys.push(request.headers.authorization);
    response.writeHead(401, { "content-type": "application/json" });
    response.end(JSON.stringify({ error: { message: "No such key" } }));
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const elsewhere = `http://127.0.0.1:${(listener.address() as AddressInfo).port}/v1`;
  await root.call("PUT", path, { baseUrl, apiKey: "sk-first", models: ["slow"] });
  expect(await root.call("PUT", path, { baseUrl, models: ["slower"] })).toMatchObject({ hasKey: true });
  const [status, message] = await refused("PUT", path, { baseUrl: elsewhere, models: ["slow"] });
  expect(status).toBe(422);
  expect(message).toContain("The model slow did not answer");
  expect(keys).toEqual([undefined]);
  expect(await root.call("GET", path)).toMatchObject({ connection: { baseUrl, models: ["slower"] } });
  listener.closeAllConnections();
  await new Promise((resolve) => listener.close(resolve));
  await root.request("DELETE", path);
});

it("says what is wrong with it, changes nothing then, and is for administrators, where the environment names no model", async () => {
  const good = { baseUrl, models: ["slow"] };
  for (const body of [
    {},
    { ...good, baseUrl: "ftp://x" },
    { ...good, models: [] },
    { ...good, models: [" "] },
    { ...good, apiKey: "" },
    { ...good, more: 1 },
  ])
    expect((await refused("PUT", path, body))[0]).toBe(422);
  const [status, message] = await refused("PUT", path, { ...good, baseUrl: "http://127.0.0.1:1/v1" });
  expect([status, message]).toEqual([422, expect.stringContaining("did not answer")]);
  expect(await root.call("GET", path)).toEqual({ isOpen: true, connection: null });
  const ann = await test.signUp("ann");
  for (const [method, at] of [
    ["GET", path],
    ["PUT", path],
    ["POST", `${path}/test`],
    ["DELETE", path],
  ] as const)
    expect((await refused(method, at, method === "GET" || method === "DELETE" ? undefined : good, ann))[0]).toBe(403);
  const closed = await openTestApp({ database: test.database });
  const admin = await closed.signUp("admin of the closed one");
  await test.db.update(user).set({ isAdmin: true }).where(eq(user.id, admin.id));
  expect(await admin.call("GET", path)).toEqual({ isOpen: false, connection: null });
  expect((await refused("PUT", path, good, admin))[0]).toBe(403);
  await closed.close();
});
