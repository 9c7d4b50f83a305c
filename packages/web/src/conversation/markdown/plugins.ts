/** What the renderer is made of: the parser's parts, and what is safe to show. */
import remarkGfm from "remark-gfm";
import { defaultRehypePlugins, defaultRemarkPlugins, parseMarkdownIntoBlocks, type StreamdownProps } from "streamdown";
import { remarkAngleBrackets } from "./angle-brackets.ts";
import { rehypeDirection } from "./direction.ts";

type Plugins = Required<
  Pick<StreamdownProps, "remarkPlugins" | "rehypePlugins" | "remend" | "parseMarkdownIntoBlocksFn">
>;

const { codeMeta } = defaultRemarkPlugins;
const { sanitize, harden } = defaultRehypePlugins;

export const plugins: Plugins = {
  // "~5 to ~10" is no struck-out text.
  remarkPlugins: [[remarkGfm, { singleTilde: false }], ...(codeMeta ? [codeMeta] : []), remarkAngleBrackets],
  rehypePlugins: [...(sanitize ? [sanitize] : []), ...(harden ? [harden] : []), rehypeDirection],
  /** What a text that is still coming is completed with; nothing of it is taken away or changed. */
  remend: { htmlTags: false, singleTilde: false, comparisonOperators: false },
  parseMarkdownIntoBlocksFn: blocksOf,
};

/** A text that is still coming is parsed block by block; what divides it knows no \[ that has not been closed. */
function blocksOf(text: string): string[] {
  const blocks: string[] = [];
  let isOpen = false;
  for (const block of parseMarkdownIntoBlocks(text)) {
    if (isOpen) blocks.push(`${blocks.pop() ?? ""}${block}`);
    else blocks.push(block);
    const last = blocks.at(-1) ?? "";
    isOpen =
      /^[ >]*\\\[/m.test(last) && !/^ *(```|~~~)/.test(last) && last.lastIndexOf("\\]") < last.lastIndexOf("\\[");
  }
  return blocks;
}
