/** A formula that begins a line, with $$ or \[, and goes on to the line that ends with what closes it. */
import { markdownLineEnding } from "micromark-util-character";
import type { Construct, State } from "micromark-util-types";
import { follows } from "./peek.ts";

/** What opens, after its first character; how a line that closes looks: the formula, the closing, punctuation. */
const fences: Record<string, { second: string; closing: RegExp }> = {
  $: { second: "$", closing: /^((?:[^\\$]|\\.|\$(?!\$))*)(\$\$)([.,;:!?]?)\s*$/ },
  "\\": { second: "[", closing: /^((?:[^\\]|\\(?!\]).)*)(\\\])([.,;:!?]?)\s*$/ },
};

/** Up to which line it is known, of each document, that nothing closes what opens there: each line is looked at once. */
const unclosed = new WeakMap<object, Record<string, number>>();

export const mathBlock: Construct = {
  name: "mathBlock",
  concrete: true,
  tokenize(effects, ok, isNone) {
    const { parser, interrupt, now } = this;
    const known = unclosed.get(parser) ?? {};
    unclosed.set(parser, known);
    let fence = fences["$"];
    /** The lengths of the formula, of the closing and of the punctuation, in the line that closes. */
    let closing: [number, number, number] | undefined;
    let line = "";
    let mayRest = false;
    let isFirst = true;
    const kind = () => `${fence?.second} ${mayRest}`;
    const nok: State = (code) => {
      if (!isFirst) known[kind()] = now().line;
      return isNone(code);
    };

    const start: State = (code) => {
      effects.enter("mathFlow");
      effects.enter("mathFlowFence");
      fence = fences[code === null ? "" : String.fromCharCode(code)];
      effects.consume(code);
      return second;
    };
    const second: State = (code) => {
      if (!fence || code === null || String.fromCharCode(code) !== fence.second) return nok(code);
      effects.consume(code);
      effects.exit("mathFlowFence");
      return lineStart;
    };
    const lineStart: State = (code) => effects.check(follows(read), lineRead, nok)(code);
    const read = (text: string) => {
      line = text;
      const [, formula = "", sign, mark = ""] = fence?.closing.exec(text) ?? [];
      closing = sign ? [formula.length, sign.length, mark.length] : undefined;
      if (isFirst) {
        // With its opening alone on a line, it may have lines between that are empty.
        mayRest = text.trim() === "";
        return !text.startsWith("$") && (closing ? formula.trim() !== "" : !closesWithin(text));
      }
      return mayRest || text.trim() !== "";
    };
    const closesWithin = (text: string) =>
      text.replaceAll(/\\[^\]]/g, "").includes(fence?.second === "[" ? "\\]" : "$$");
    const lineRead: State = (code) => {
      if (isFirst && interrupt) return ok(code);
      if (isFirst && !closing && now().line < (known[kind()] ?? 0)) return nok(code);
      isFirst = false;
      if (closing) return take("mathFlowValue", closing[0], closeSign)(code);
      return take("mathFlowValue", line.length, lineEnd)(code);
    };
    const closeSign: State = (code) => take("mathFlowFence", closing?.[1] ?? 0, punctuation)(code);
    const punctuation: State = (code) => take("mathFlowValue", closing?.[2] ?? 0, rest)(code);
    const rest: State = (code) => {
      if (code !== null && !markdownLineEnding(code)) {
        effects.enter("whitespace");
        return blank(code);
      }
      effects.exit("mathFlow");
      return ok(code);
    };
    const blank: State = (code) => {
      if (code !== null && !markdownLineEnding(code)) {
        effects.consume(code);
        return blank;
      }
      effects.exit("whitespace");
      return rest(code);
    };
    const lineEnd: State = (code) => {
      if (code === null) return nok(code);
      effects.enter("lineEnding");
      effects.consume(code);
      effects.exit("lineEnding");
      return afterLine;
    };
    // A line that is no longer in the same quotation or list does not go on with the formula.
    const afterLine: State = (code) => (parser.lazy[now().line] ? nok(code) : lineStart(code));
    const take = (type: "mathFlowValue" | "mathFlowFence", count: number, then: State): State => {
      if (count === 0) return then;
      const next: State = (code) => {
        if (count === 0) {
          effects.exit(type);
          return then(code);
        }
        count -= 1;
        effects.consume(code);
        return next;
      };
      return (code) => {
        effects.enter(type);
        return next(code);
      };
    };
    return start;
  },
};
