/** Which models are offered, which one answers, and what is kept of that: it is answered so, or says why it cannot be. */
import { afterAll, expect, it } from "vitest";
import { openTestApp } from "./helpers/app.ts";
import { scriptedModel, words } from "./helpers/models.ts";

const usual = scriptedModel(() => words(["usual"]));
const other = { ...scriptedModel(() => words(["other"])), modelId: "other" };
const app = await openTestApp({ model: usual, models: [other] });
afterAll(() => app.close());

it("the model that a conversation names answers there, is told its instructions, and stands in the run", async () => {
  const ann = await app.signUp("ann");
  const ask = async (id: string, text: string) => {
    const response = await ann.request("POST", "/api/chat", {
      id,
      message: { id: text, role: "user", parts: [{ type: "text", text }] },
    });
    return await response.text();
  };
  const of = (id: string) => app.store.forUser(ann.id).messages.list(id);
  const modelsOf = async (id: string) =>
    (
      await app.database.query(
        "select r.model from run r join conversation c on c.id = r.conversation_id where c.external_id = $1 order by r.started_at",
        [id],
      )
    ).flat();

  await ann.call("POST", "/api/conversations", { id: "chat", model: "other", instructions: "Speak of the sea." });
  await ask("chat", "first");
  expect((await of("chat")).items.at(-1)).toMatchObject({ content: "other", status: "complete" });
  expect(JSON.stringify(other.prompts[0])).toContain("Speak of the sea.");

  await ann.call("PATCH", "/api/conversations/chat", { model: null });
  await ask("chat", "second");
  expect((await of("chat")).items.at(-1)).toMatchObject({ content: "usual" });

  await ann.call("PATCH", "/api/conversations/chat", { model: "gone" });
  const refused = await ask("chat", "third");
  expect(refused).toContain("not offered here");
  expect((await of("chat")).items.at(-1)).toMatchObject({ content: "", status: "failed" });
  expect(await modelsOf("chat")).toEqual(["other", "scripted", "gone"]);
});

it("a question may name the model of its reply alone, a chat that begins with it keeps it, and each answer keeps its model's name", async () => {
  const bob = await app.signUp("bob");
  const { items } = await bob.call<{ items: unknown[] }>("GET", "/api/models");
  expect(items).toEqual([
    { name: "scripted", isUsual: true, takesFiles: true, takesTools: true },
    { name: "other", isUsual: false, takesFiles: true, takesTools: true },
  ]);
  const ask = (id: string, extra: object) => {
    const message = { id: `${id}-1`, role: "user", parts: [{ type: "text", text: "?" }] };
    return bob.request("POST", "/api/chat", { id, message, ...extra });
  };
  await (await ask("begun", { model: "other" })).text();
  expect(await bob.call("GET", "/api/conversations/begun")).toMatchObject({ model: "other" });
  // The same through the step by step way, which an id that is taken leads to.
  await (await ask("begun", { model: "scripted", trigger: "regenerate-message" })).text();
  expect(await bob.call("GET", "/api/conversations/begun")).toMatchObject({ model: "other" });
  const versions = async () => {
    const all = await app.store.forUser(bob.id).messages.list("begun");
    const answers = all.items.filter(({ role }) => role === "assistant");
    return await Promise.all(
      answers.map(async ({ id }) => {
        const path = `/api/conversations/begun/branch?leaf=${id}`;
        const { items } = await bob.call<{ items: { content: string; model: string | null }[] }>("GET", path);
        return items.map(({ content, model }) => [content, model]);
      }),
    );
  };
  expect(await versions()).toEqual([
    [
      ["?", null],
      ["other", "other"],
    ],
    [
      ["?", null],
      ["usual", "scripted"],
    ],
  ]);
  await bob.call("PATCH", "/api/conversations/begun", { model: null });
  expect((await versions())[0]?.[1]).toEqual(["other", "other"]);
  for (const model of ["", 7, "x".repeat(256)]) expect((await ask("refused", { model })).status).toBe(422);
  expect(await (await ask("unknown", { model: "gone" })).text()).toContain("not offered here");
  expect((await app.app.request("/api/models")).status).toBe(401);
});

it("what a user tells every model comes before what a chat tells its own, and is nobody else's", async () => {
  const [cid, dan] = [await app.signUp("cid"), await app.signUp("dan")];
  expect(await cid.call("GET", "/api/preferences")).toEqual({ instructions: null });
  expect(await cid.call("PATCH", "/api/preferences", { instructions: "Call me captain." })).toEqual({
    instructions: "Call me captain.",
  });
  expect(await dan.call("GET", "/api/preferences")).toEqual({ instructions: null });
  const told = async (person: typeof cid, id: string) => {
    await person.call("POST", "/api/conversations", { id, instructions: "Speak of ships." });
    const message = { role: "user", parts: [{ type: "text", text: id }] };
    await (await person.request("POST", "/api/chat", { id, message })).text();
    return JSON.stringify(usual.prompts.at(-1));
  };
  expect(await told(cid, "of cid")).toMatch(/Call me captain\..*Speak of ships\./);
  expect(await told(dan, "of dan")).not.toContain("captain");
  expect(await cid.call("PATCH", "/api/preferences", { instructions: "  " })).toEqual({ instructions: null });
  const refused = [{}, { instructions: 7 }, { instructions: "x".repeat(65_537) }, { instructions: null, model: "x" }];
  for (const body of refused) expect((await cid.request("PATCH", "/api/preferences", body)).status).toBe(422);
});
