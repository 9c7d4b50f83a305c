/** How a model is to answer: noted of a chat, sent with each question, and given to the model as it is. */
import type { LanguageModelV4CallOptions } from "@ai-sdk/provider";
import { afterAll, expect, it } from "vitest";
import { openTestApp } from "./helpers/app.ts";
import { scriptedModel, words } from "./helpers/models.ts";

const calls: LanguageModelV4CallOptions[] = [];
const scripted = scriptedModel(() => words(["so"]));
const model = {
  ...scripted,
  doStream: (options: LanguageModelV4CallOptions) => {
    calls.push(options);
    return scripted.doStream(options);
  },
};
const test = await openTestApp({ model });
afterAll(() => test.close());

it("is noted beside whatever else is, changed, and taken away", async () => {
  const ann = await test.signUp("ann");
  const path = "/api/conversations/noted/settings";
  await ann.call("POST", "/api/conversations", { id: "noted", metadata: { mood: "calm" } });
  const settings = { temperature: 0.3, topP: 1, maxOutputTokens: 500, reasoningEffort: "low" };
  expect(await ann.call("PUT", path, settings)).toMatchObject({ metadata: { mood: "calm", settings } });
  expect(await ann.call("PUT", path, { temperature: 2 })).toMatchObject({ metadata: { settings: { temperature: 2 } } });
  expect(((await ann.call("PUT", path, {})) as { metadata: unknown }).metadata).toEqual({ mood: "calm" });
  for (const wrong of [
    { temperature: 2.1 },
    { temperature: "hot" },
    { topP: -1 },
    { maxOutputTokens: 0 },
    { maxOutputTokens: 1.5 },
    { reasoningEffort: "all" },
    { seed: 1 },
  ])
    expect((await ann.request("PUT", path, wrong)).status).toBe(422);
});

it("goes to the model with the question; what is wrong is said before anything is stored", async () => {
  const bob = await test.signUp("bob");
  const ask = (id: string, settings: unknown) =>
    bob.request("POST", "/api/chat", { id, message: { role: "user", parts: [{ type: "text", text: "?" }] }, settings });
  await (await ask("set", { temperature: 0, topP: 0.5, maxOutputTokens: 7, reasoningEffort: "high" })).text();
  expect(calls.at(-1)).toMatchObject({
    temperature: 0,
    topP: 0.5,
    maxOutputTokens: 7,
    providerOptions: { "openai-compatible": { reasoningEffort: "high" } },
  });
  await (await ask("plain", undefined)).text();
  expect(calls.at(-1)?.temperature).toBeUndefined();
  expect((await ask("wrong", { temperature: 9 })).status).toBe(422);
  expect((await bob.request("GET", "/api/conversations/wrong")).status).toBe(404);
});
