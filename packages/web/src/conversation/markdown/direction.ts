/** Which way each block of a text runs, by its own letters; code always runs from left to right. */
import type { Element, Root } from "hast";
import { detectTextDirection } from "streamdown";
import { SKIP, visit } from "unist-util-visit";

/** Items of a list and rows run as their list and table does, so that markers and columns stay on one side. */
const blocks = new Set(["p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "ul", "ol", "table", "th", "td", "dl"]);
const code = new Set(["code", "pre"]);

export function rehypeDirection() {
  return (tree: Root) => {
    visit(tree, "element", (element) => {
      if (code.has(element.tagName)) {
        element.properties["dir"] = "ltr";
        // What is wider than the page scrolls, also by keyboard.
        for (const each of element.children)
          if (each.type === "element") Object.assign(each.properties, { dir: "ltr", tabIndex: 0 });
        return SKIP;
      }
      const words = blocks.has(element.tagName) ? wordsOf(element) : "";
      if (/\p{L}/u.test(words)) element.properties["dir"] = directionOf(words);
      return undefined;
    });
  };
}

/** Words that begin from right to left stay so, however many names in Latin letters follow; others by their majority. */
function directionOf(words: string): "ltr" | "rtl" {
  const first = /\p{L}/u.exec(words)?.[0] ?? "";
  return detectTextDirection(first) === "rtl" ? "rtl" : detectTextDirection(words);
}

function wordsOf({ children }: Element): string {
  return children
    .map((child) =>
      child.type === "text" ? child.value : child.type === "element" && !code.has(child.tagName) ? wordsOf(child) : "",
    )
    .join(" ");
}
