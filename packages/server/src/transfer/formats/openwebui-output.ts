/** The items that Open WebUI keeps of a reply, which have the shapes of OpenAI's Responses. */
import type { Part } from "chatkeep";
import { type Fields, fieldsOf, jsonOr, listOf, othersOf, textOr, textPart, toolPart } from "./format.ts";

/** What people read of it. */
export function textOfOutput(items: readonly Fields[]): string {
  return items.map((item) => (item["type"] === "message" ? textsOf(item["content"]) : "")).join("");
}

function textsOf(content: unknown): string {
  if (typeof content === "string") return content;
  return listOf(content)
    .map((piece) => textOr(fieldsOf(piece)["text"], ""))
    .join("");
}

export function partsOfOutput(items: readonly Fields[]): Part[] {
  const results = new Map(
    items.filter(({ type }) => type === "function_call_output").map((item) => [item["call_id"], item]),
  );
  const calls = new Set(items.filter(({ type }) => type === "function_call").map((item) => item["call_id"]));
  return items.flatMap((item): Part[] => {
    const text = textsOf(item["content"]) || textsOf(item["summary"]);
    switch (item["type"]) {
      case "message":
        return text ? [textPart(text)] : [];
      case "reasoning":
        return text ? [{ type: "reasoning", text }] : [];
      case "function_call": {
        const call = {
          id: textOr(item["call_id"], "call"),
          name: textOr(item["name"], "tool"),
          input: jsonOr(item["arguments"]),
        };
        const result = results.get(item["call_id"]);
        if (!result) return [toolPart(call)];
        const isText = listOf(result["output"]).every((piece) => !othersOf(fieldsOf(piece), ["type", "text"], []));
        const output = isText ? textsOf(result["output"]) : result["output"];
        return [toolPart(call, { output })];
      }
      case "function_call_output":
        return calls.has(item["call_id"]) ? [] : [{ type: "data-openwebui-item", data: item }];
      default:
        return [{ type: "data-openwebui-item", data: item }];
    }
  });
}
