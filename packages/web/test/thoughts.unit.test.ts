import { describe, expect, it } from "vitest";
import { passagesOf } from "../src/conversation/thoughts.ts";

const kindsOf = (text: string, isStreaming = false) =>
  passagesOf(text, isStreaming).map(
    ({ type, text, isOpen }) => `${type === "text" ? "said" : "thought"}${isOpen ? "…" : ""}: ${text}`,
  );

describe("thoughts in a text", () => {
  it.each<[string, string[]]>([
    ["<think>a\nb</think>\n\nThe answer", ["thought: a\nb", "said: The answer"]],
    ["\n <THINK>a</THINK>The answer", ["thought: a", "said: The answer"]],
    ["<thinking>a</thinking>\nThe answer", ["thought: a", "said: The answer"]],
    ["<think>never closed", ["thought…: never closed"]],
    ["<think>\n\n</think>\n\nThe answer", ["said: The answer"]],
    ["One\n<think>a</think>\nTwo", ["said: One", "thought: a", "said: Two"]],
    ["opened by the template\n</think>\n\nThe answer", ["thought: opened by the template", "said: The answer"]],
    ["In words, <think> is a tag, and </think> too.", ["said: In words, <think> is a tag, and </think> too."]],
    ["```\n<think>a</think>\n```\nsaid", ["said: ```\n<think>a</think>\n```\nsaid"]],
    ["`<think>` begins it, `</think>` ends it", ["said: `<think>` begins it, `</think>` ends it"]],
    ["<think>has ``` in it</think>\n```\ncode\n```", ["thought: has ``` in it", "said: ```\ncode\n```"]],
    ["<think", ["said: <think"]],
    ["    indented code", ["said:     indented code"]],
    ["a <b", ["said: a <b"]],
  ])("are told from what is said: %s", (text, expected) => {
    expect(kindsOf(text)).toEqual(expected);
  });

  it("are not shown as words while their first letters come", () => {
    expect(["<t", "<thi", "<think"].map((text) => kindsOf(text, true))).toEqual([[], [], []]);
    expect(kindsOf("<think>", true)).toEqual([]);
    expect(kindsOf("<table", true)).toEqual(["said: <table"]);
  });
});
