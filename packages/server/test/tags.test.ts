/** Tags: of a conversation, of all, looked for, and nobody else's. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { openTestApp, type Person, type TestApp } from "./helpers/app.ts";

let test: TestApp;
let ann: Person;
beforeAll(async () => {
  test = await openTestApp();
  ann = await test.signUp("ann");
});
afterAll(() => test.close());

const tag = (who: Person, id: string, tags: unknown) =>
  who.call<{ metadata: unknown }>("PUT", `/api/conversations/${id}/tags`, { tags });
const listed = async (who: Person) =>
  (await who.call<{ items: { name: string; conversations: number }[] }>("GET", "/api/tags")).items.map(
    ({ name, conversations }) => [name, conversations],
  );
const found = async (metadata: object, query = "") => {
  const filter = encodeURIComponent(JSON.stringify(metadata));
  const { items } = await ann.call<{ items: { id: string }[] }>("GET", `/api/conversations?metadata=${filter}${query}`);
  return items.map(({ id }) => id).sort();
};

it("are noted, counted, looked for one or several at once, and taken away", async () => {
  for (const id of ["a", "b", "c", "gone"])
    await ann.call("POST", "/api/conversations", { id, metadata: { mood: "calm" } });
  expect(await tag(ann, "a", [" work ", "Ärger", "work"])).toMatchObject({
    metadata: { mood: "calm", tags: ["work", "Ärger"] },
  });
  await tag(ann, "b", ["work"]);
  await tag(ann, "gone", ["work", "never"]);
  await ann.request("DELETE", "/api/conversations/gone");
  await ann.call("POST", "/api/conversations", { id: "odd", metadata: { tags: "no list" } });
  await ann.call("POST", "/api/conversations", { id: "brief", temporary: true, metadata: { tags: ["brief"] } });
  expect(await listed(ann)).toEqual([
    ["work", 2],
    ["Ärger", 1],
  ]);
  expect(await found({ tags: ["work"] })).toEqual(["a", "b"]);
  expect(await found({ tags: ["work", "Ärger"], mood: "calm" })).toEqual(["a"]);
  expect(await found({ tags: ["never"] })).toEqual([]);
  expect(await found({ tags: ["wor"] })).toEqual([]);
  await ann.call("PATCH", "/api/conversations/b", { archived: true });
  expect(await found({ tags: ["work"] }, "&archived=true")).toEqual(["b"]);
  expect((await tag(ann, "a", [])).metadata).toEqual({ mood: "calm" });
  expect(await listed(ann)).toEqual([["work", 1]]);
});

it("are their owner's alone, and what is wrong with them is said", async () => {
  const bob = await test.signUp("bob");
  expect(await listed(bob)).toEqual([]);
  expect((await bob.request("PUT", "/api/conversations/a/tags", { tags: ["x"] })).status).toBe(404);
  for (const tags of [7, "x", [7], [""], ["x".repeat(51)], ["a\0b"], Array.from({ length: 21 }, (_, at) => `${at}`)])
    expect((await ann.request("PUT", "/api/conversations/a/tags", { tags })).status).toBe(422);
  for (const metadata of [{ tags: [] }, { tags: [["x"]] }, { tags: Array(11).fill("x") }])
    expect(
      (await ann.request("GET", `/api/conversations?metadata=${encodeURIComponent(JSON.stringify(metadata))}`)).status,
    ).toBe(422);
});
