/**
 * What stands in angle brackets is words: it is shown, never run, and never dropped. Blocks of markup that nobody fenced are
 * shown as code, as they are; all else is text, in which Markdown goes on.
 */
import type { Break, Nodes, Root, TableCell } from "mdast";
import { autolink, htmlFlow } from "micromark-core-commonmark";
import { htmlBlockNames } from "micromark-util-html-tag-name";
import type { Construct, Extension } from "micromark-util-types";
import type { Processor } from "unified";
import { visit } from "unist-util-visit";
import { follows, type ParserSettings } from "./peek.ts";

const lessThan = 60;
/** Blocks that end where they say so, and lines of nothing but tags that HTML knows. */
const markup = new RegExp(
  `^<(?:[!?]|(?:script|pre|style|textarea)(?=[\\s>]|$)|/?(?:${htmlBlockNames.join("|")})(?=[\\s/>]).*>\\s*$)`,
  "i",
);
/** `<std::string>` looks like one too. */
const maxScheme = "<mailto:".length;
const address = /^<(?:https?|mailto|ftp|tel):/i;

function onlyWhere(pattern: RegExp, construct: Construct, name: string, chars?: number): Construct {
  return {
    ...construct,
    name,
    tokenize(effects, ok, nok) {
      const taken = construct.tokenize.call(this, effects, ok, nok);
      const isSo = follows((text) => pattern.test(text), chars);
      return effects.check(isSo, taken, nok);
    },
  };
}

const syntax: Extension = {
  disable: { null: ["htmlFlow", "htmlText", "autolink"] },
  flow: { [lessThan]: onlyWhere(markup, htmlFlow, "markup") },
  text: { [lessThan]: onlyWhere(address, autolink, "address", maxScheme) },
};

export function remarkAngleBrackets(this: Processor) {
  const settings = this.data() as ParserSettings;
  settings.micromarkExtensions = [...(settings.micromarkExtensions ?? []), syntax];
  return (tree: Root) => {
    visit(tree, "html", ({ value, position }, index = 0, parent) => {
      if (!parent) return;
      const above = parent.children[index - 1];
      const isOneBlock = above?.type === "code" && above.position?.end.line === (position?.start.line ?? 0) - 1;
      const whole = isOneBlock && above.lang === "html" ? `${above.value}\n${value}` : value;
      const from = whole === value ? index : index - 1;
      parent.children.splice(from, index - from + 1, { type: "code", lang: "html", value: whole, position });
      return from + 1;
    });
    visit(tree, "tableCell", breakLines);
  };
}

/** The one thing that cells of a table cannot say otherwise. */
function breakLines(cell: TableCell): void {
  visit(cell as Nodes, "text", (text, index, parent) => {
    const lines = text.value.split(/<br *\/?>/i);
    if (lines.length === 1 || !parent || index === undefined) return;
    const pieces = lines.flatMap((value, at) => [
      ...(at > 0 ? [{ type: "break" } satisfies Break] : []),
      { type: "text" as const, value },
    ]);
    parent.children.splice(index, 1, ...(pieces as never[]));
    return index + pieces.length;
  });
}
