import { describe, expect, it } from "vitest";
import { reply, toolFor } from "../src/assistant/intents.ts";

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
