/**
 * Mathematics as models write it: $…$ where it cannot be money, $$…$$, \(…\) and \[…\]. It is read by the parser itself, so
 * that nothing in code, and nothing in a formula, is taken for something else.
 */
import type { Paragraph, PhrasingContent, Root, RootContent, Text } from "mdast";
import { type InlineMath, type Math as MathBlock, mathFromMarkdown } from "mdast-util-math";
import { asciiAlphanumeric, markdownLineEnding } from "micromark-util-character";
import type { Construct, Extension, State } from "micromark-util-types";
import type { Processor } from "unified";
import { SKIP, visit } from "unist-util-visit";
import { mathBlock } from "./math-block.ts";
import { follows, type ParserSettings } from "./peek.ts";

const dollar = 36;
const backslash = 92;
const maxInline = 1_000;

/** Each: the opening, the formula, the closing. */
const forms = [
  /^(\$\$)((?:[^\\$]|\\[\s\S])+)(\$\$)(?!\$)/,
  /^(\$)(?![\s$])((?:[^\\$\n]|\\.)*(?:[^\\$\s]|\\.))(\$)(?![\w$])/,
  /^(\\\()((?:[^\\]|\\(?!\))[\s\S])+)(\\\))/,
  /^(\\\[)((?:[^\\]|\\(?!\])[\s\S])+)(\\\])(?![[(])/,
];
/** "$5 or 5$": an amount, and words. */
const isMoney = (formula: string) => /^[\d.,]/.test(formula) && /[a-z]{2}/i.test(formula) && !/[\\^_={}]/.test(formula);
/** In \[…\] among words; without it, the brackets are brackets. */
const signOfMath = /[\\^_=+*/<>{}-]|^\s*[a-z]\s*$/i;

function formulaIn(text: string): [opening: number, formula: number, closing: number] | undefined {
  for (const form of forms) {
    const [, opening = "", formula = "", closing = ""] = form.exec(text) ?? [];
    if (!opening || !formula.trim()) continue;
    if (opening === "$" && isMoney(formula)) continue;
    if (opening === "\\[" && !signOfMath.test(formula)) continue;
    return [opening.length, formula.length, closing.length];
  }
  return undefined;
}

/** Whether what is known of a text says already whether it begins with a formula: past what may close it, by one letter. */
function isDecided(text: string): boolean {
  const [before, sign] = [text.at(-3), text.at(-2)];
  if (!text.startsWith("$")) return before === "\\" && (sign === ")" || sign === "]") && formulaIn(text) !== undefined;
  if (text.startsWith("$$")) return text.length > 5 && sign === "$" && before === "$";
  return (
    text.length > 1 &&
    (/^\$\s/.test(text) || text.endsWith("\n") || (text.length > 2 && sign === "$" && before !== "\\"))
  );
}

const inline: Construct = {
  name: "formula",
  previous: (code) => code !== dollar && !asciiAlphanumeric(code),
  tokenize(effects, ok, nok) {
    let left: number[] = [];
    const types = ["mathTextSequence", "mathTextData", "mathTextSequence"] as const;
    const accept = (text: string) => {
      left = formulaIn(text) ?? [];
      return left.length > 0;
    };
    const begin: State = (code) => {
      effects.enter("mathText");
      return piece(0)(code);
    };
    const piece =
      (number: number): State =>
      (code) => {
        const type = types[number];
        if (!type) {
          effects.exit("mathText");
          return ok(code);
        }
        effects.enter(type);
        return inside(number)(code);
      };
    const inside = (number: number): State => {
      const type = types[number] ?? "mathTextData";
      const next: State = (code) => {
        if (left[number] === 0) {
          effects.exit(type);
          return piece(number + 1)(code);
        }
        left[number] = (left[number] ?? 0) - 1;
        if (!markdownLineEnding(code)) {
          effects.consume(code);
          return next;
        }
        effects.exit(type);
        effects.enter("lineEnding");
        effects.consume(code);
        effects.exit("lineEnding");
        return afterLine;
      };
      const afterLine: State = (code) => {
        effects.enter(type);
        return next(code);
      };
      return next;
    };
    return effects.check(follows(accept, maxInline, isDecided), begin, nok);
  },
};

const syntax: Extension = {
  flow: { [dollar]: mathBlock, [backslash]: mathBlock },
  text: { [dollar]: inline, [backslash]: inline },
};

/** An inline formula that says whether it wants lines of its own. */
type Formula = InlineMath & { isDisplay?: boolean };

const fromMarkdown = mathFromMarkdown();
const leaveInline = fromMarkdown.exit?.["mathText"];
fromMarkdown.exit = {
  ...fromMarkdown.exit,
  mathText(token) {
    const node = this.stack.findLast(({ type }) => type === "inlineMath") as Formula | undefined;
    leaveInline?.call(this, token);
    if (node && /^(?:\$\$|\\\[)/.test(this.sliceSerialize(token))) node.isDisplay = true;
  },
};

export function remarkMath(this: Processor) {
  const settings = this.data() as ParserSettings;
  settings.micromarkExtensions = [...(settings.micromarkExtensions ?? []), syntax];
  settings.fromMarkdownExtensions = [...(settings.fromMarkdownExtensions ?? []), fromMarkdown];
  return (tree: Root) => {
    visit(tree, "paragraph", (paragraph, index, parent) => {
      const blocks = withDisplays(paragraph);
      if (blocks.length < 2 && blocks[0]?.type === "paragraph") return;
      parent?.children.splice(index ?? 0, 1, ...(blocks as never[]));
      return [SKIP, (index ?? 0) + blocks.length];
    });
  };
}

/** A formula alone on its line is set on a line of its own, also between other lines of a paragraph. */
function withDisplays({ children }: Paragraph): RootContent[] {
  const blocks: RootContent[] = [];
  let words: PhrasingContent[] = [];
  const flush = () => {
    if (words.some((word) => word.type !== "text" || word.value.trim()))
      blocks.push({ type: "paragraph", children: words });
    words = [];
  };
  for (const [index, child] of children.entries()) {
    const mark = child.type === "inlineMath" ? markAfter(child, children[index - 1], children[index + 1]) : undefined;
    if (mark === undefined || child.type !== "inlineMath") {
      words.push(child);
      continue;
    }
    flush();
    blocks.push(display(child.value + mark));
    const next = children[index + 1];
    if (next?.type === "text") children[index + 1] = { ...next, value: next.value.slice(mark.length).trimStart() };
  }
  flush();
  return blocks;
}

/** The punctuation that belongs to the formula, if the formula is to be displayed. */
function markAfter(formula: Formula, before?: PhrasingContent, after?: PhrasingContent): string | undefined {
  if (!formula.isDisplay) return undefined;
  const begins = !before || before.type === "break" || (before.type === "text" && /\n[ \t]*$/.test(before.value));
  const [, mark = "", end] = /^([.,;:!?]?)([ \t]*(?:\n|$))?/.exec((after as Text | undefined)?.value ?? "") ?? [];
  const ends = !after || after.type === "break" || (after.type === "text" && end !== undefined);
  return begins && ends ? mark : undefined;
}

function display(value: string): MathBlock {
  const code = {
    type: "element" as const,
    tagName: "code",
    properties: { className: ["language-math", "math-display"] },
    children: [{ type: "text" as const, value }],
  };
  return { type: "math", value, meta: null, data: { hName: "pre", hChildren: [code] } } as unknown as MathBlock;
}
