/** A conversation that names its model, and what it tells it: it is answered so, or says why it cannot be. */
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
