/** Looking ahead in the Markdown parser: what the characters that follow say, before anything is taken. */
import { markdownLineEnding } from "micromark-util-character";
import type { Code, Construct, Extension, State } from "micromark-util-types";

declare module "micromark-util-types" {
  interface TokenTypeMap {
    mathFlow: "mathFlow";
    mathFlowFence: "mathFlowFence";
    mathFlowValue: "mathFlowValue";
    mathText: "mathText";
    mathTextData: "mathTextData";
    mathTextSequence: "mathTextSequence";
  }
}

/** Where a plugin puts what the parser shall know. */
export interface ParserSettings {
  micromarkExtensions?: Extension[];
  fromMarkdownExtensions?: unknown[];
}

const tab = -2;

function letterOf(code: NonNullable<Code>): string {
  if (code >= 0) return String.fromCharCode(code);
  return code === tab ? "\t" : markdownLineEnding(code) ? "\n" : " ";
}

/**
 * Holds where `accept` likes what follows: the rest of the line, or `chars` of the paragraph, or fewer where `isEnough` says so.
 * To be used with `check`.
 */
export function follows(
  accept: (text: string) => boolean,
  chars?: number,
  isEnough: (text: string) => boolean = () => false,
): Construct {
  return {
    partial: true,
    tokenize(effects, ok, nok) {
      let text = "";
      const next: State = (code) => {
        const isEnd = chars === undefined ? markdownLineEnding(code) : text.length >= chars || isEnough(text);
        if (code === null || isEnd) {
          if (text) effects.exit("data");
          return accept(text) ? ok(code) : nok(code);
        }
        if (!text) effects.enter("data");
        text += letterOf(code);
        effects.consume(code);
        return next;
      };
      return next;
    },
  };
}
