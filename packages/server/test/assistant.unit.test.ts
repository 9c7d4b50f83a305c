import { describe, expect, it } from "vitest";
import { reply, toolFor } from "../src/assistant/intents.ts";
import { createOfflineModel } from "../src/assistant/offline.ts";

describe("the offline assistant", () => {
  it.each([
    ["add buy milk", "addTask", { title: "buy milk" }],
    ["Please add “Call Grandma” to my list.", "addTask", { title: "“Call Grandma”" }],
    ["remind me to water the plants", "addTask", { title: "water the plants" }],
    ["what is on my list", "listTasks", {}],
    ["What's on my list?", "listTasks", {}],
    ["show my tasks", "listTasks", {}],
    ["done with the milk", "completeTask", { task: "the milk" }],
    ["I'm done with the milk!", "completeTask", { task: "the milk" }],
    ["mark buy milk as done", "completeTask", { task: "buy milk" }],
    ["rename milk to Oat milk", "renameTask", { task: "milk", title: "Oat milk" }],
    ["delete the milk", "deleteTask", { task: "the milk" }],
    ["remove milk from my list", "deleteTask", { task: "milk" }],
    ["Setze „Milch kaufen“ auf meine Liste", "addTask", { title: "Milch kaufen" }],
    ["Was steht auf meiner Liste?", "listTasks", {}],
    ["Añade comprar leche a mi lista", "addTask", { title: "comprar leche" }],
    ["¿Qué hay en mi lista?", "listTasks", {}],
    ["Ajoutez «\u202facheter du lait\u202f» à ma liste", "addTask", { title: "acheter du lait" }],
    ["Que contient ma liste\u202f?", "listTasks", {}],
    ["「牛乳を買う」をリストに追加して", "addTask", { title: "牛乳を買う" }],
    ["リストには何がありますか？", "listTasks", {}],
  ])("understands “%s”", (words, tool, input) => {
    expect(toolFor(words)).toEqual({ tool, input });
  });

  it.each([
    "what did I ask first?",
    "hello",
    "why is the sky blue?",
    "what is my name?",
    "Forget it",
    "New York is a nice city",
    "I have to go now",
    "Got it",
  ])("calls no tool for “%s”", (words) => {
    expect(toolFor(words)).toBeUndefined();
  });

  it.each([
    ["spaces", " ".repeat(1_000_000)],
    ["marks", `hello${"?!".repeat(500_000)}x`],
    ["beginnings of a rule", "what did ".repeat(100_000)],
    ["ends of a rule", `rename a${" to".repeat(300_000)}`],
    ["one task after another", `add ${"buy ".repeat(250_000)}`],
    ["line breaks", `what is on\n${"\n".repeat(1_000_000)}my list`],
    ["one long word", "x".repeat(1_000_000)],
    ["done", `show ${"done ".repeat(200_000)}`],
  ])("does not stand still over a megabyte of %s", (_name, words) => {
    expect(toolFor(words)).toBeUndefined();
    expect(reply([words, words, "recap"]).length).toBeLessThan(1_000);
    expect(reply([words, `what did I say about ${words}`]).length).toBeLessThan(3_000);
    expect(reply([words, words]).length).toBeLessThan(3_000);
  });

  it("does not count the letters of files, or stand still over a megabyte of words", async () => {
    const text = " a".repeat(500_000);
    const file = { type: "file" as const, mediaType: "image/png", data: { type: "data" as const, data: text } };
    const model = createOfflineModel({ wordMs: 0 });
    const answer = await model.doGenerate({ prompt: [{ role: "user", content: [file, { type: "text", text }] }] });
    expect(answer.usage.inputTokens.total).toBe(500_002);
  });

  it("understands a command whatever is between its words", () => {
    expect(toolFor("  add\t buy \n milk  . ")).toEqual({ tool: "addTask", input: { title: "buy milk" } });
  });

  it("answers from the conversation", () => {
    expect(reply(["How do I bake bread?", "And cake?", "what did I ask first?"])).toBe(
      "You began with: “How do I bake bread?”",
    );
    expect(reply(["My name is Ann.", "what is my name?"])).toMatch(/You are Ann/);
    expect(reply(["I like rye bread", "hm", "what did I say about bread?"])).toContain("“I like rye bread”");
    expect(reply(["one", "two", "how many questions was that?"])).toContain("message 3");
    expect(reply(["recap"])).toBe("There is nothing before this yet.");
  });

  it("says what it is when it cannot answer", () => {
    expect(reply(["why is the sky blue?"])).toMatch(/offline assistant/);
  });
});
