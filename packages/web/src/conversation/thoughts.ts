/** Models that have no other way write what they think into their answer, between <think> and </think>. */

export interface Passage {
  type: "text" | "reasoning";
  text: string;
  /** Its end has not come yet. */
  isOpen: boolean;
}

const opening = /^[ \t]*<(think|thinking)>/i;
const fence = /^ {0,3}(`{3,}|~{3,})/;

/** The answer and the thoughts of a text, in their order. What stands in code is part of the answer. */
export function passagesOf(text: string, isStreaming = false): Passage[] {
  if (!/<\/?think(ing)?>/i.test(text))
    return isStreaming && isBeginOfThought(text) ? [] : [{ type: "text", text, isOpen: false }];
  const passages: Passage[] = [];
  const add = (passage: Passage) => {
    if (passage.text.trim()) passages.push({ ...passage, text: withoutBlankEnds(passage.text) });
  };
  let rest = withOpening(text);
  let answer = "";
  let openFence = "";
  while (rest) {
    const found = openFence ? null : opening.exec(rest);
    if (found) {
      add({ type: "text", text: answer, isOpen: false });
      answer = "";
      const within = rest.slice(found[0].length);
      const end = within.toLowerCase().indexOf(`</${found[1]?.toLowerCase()}>`);
      add({ type: "reasoning", text: end < 0 ? within : within.slice(0, end), isOpen: end < 0 });
      rest = end < 0 ? "" : within.slice(end + `</${found[1]}>`.length);
      continue;
    }
    const lineEnd = rest.indexOf("\n") + 1 || rest.length;
    const line = rest.slice(0, lineEnd);
    const mark = fence.exec(line)?.[1] ?? "";
    if (!openFence) openFence = mark;
    else if (mark.startsWith(openFence) && line.trim() === mark) openFence = "";
    answer += line;
    rest = rest.slice(lineEnd);
  }
  add({ type: "text", text: answer, isOpen: false });
  return passages;
}

/** Without the empty lines around it; its first line keeps its place. */
function withoutBlankEnds(text: string): string {
  return text.slice(text.lastIndexOf("\n", text.search(/\S/)) + 1).trimEnd();
}

/** Some models are made to think before their first word: then only the end of it is written. */
function withOpening(text: string): string {
  const lines = text.split("\n");
  const end = lines.findIndex((line) => /^<\/think(ing)?>$/i.test(line.trim()));
  if (end < 0) return text;
  const before = lines.slice(0, end).join("\n");
  return /<think|`/i.test(before) ? text : (lines[end]?.trim().replace("/", "").concat(text) ?? text);
}

/** The first letters of "<think>", which are not to be shown before it is known what they are. */
function isBeginOfThought(text: string): boolean {
  const begin = text.trim().toLowerCase();
  return begin.length > 1 && begin.length < "<think>".length && "<think>".startsWith(begin);
}
