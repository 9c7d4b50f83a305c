/** What the renderer is made of: the parser's parts, and what is safe to show. */
import rehypeSanitize, { defaultSchema } from "rehype-sanitize";
import remarkGfm from "remark-gfm";
import { defaultRehypePlugins, defaultRemarkPlugins, parseMarkdownIntoBlocks, type StreamdownProps } from "streamdown";
import { remarkAngleBrackets } from "./angle-brackets.ts";
import { rehypeDirection } from "./direction.ts";

type Plugins = Required<
  Pick<StreamdownProps, "remarkPlugins" | "rehypePlugins" | "remend" | "parseMarkdownIntoBlocksFn">
>;

const { codeMeta } = defaultRemarkPlugins;
const { harden } = defaultRehypePlugins;
/** As GitHub allows it, and pictures that stand in the text itself. */
const safe = { ...defaultSchema, protocols: { ...defaultSchema.protocols, src: ["http", "https", "data"] } };

export const plugins: Plugins = {
  // "~5 to ~10" is no struck-out text.
  remarkPlugins: [[remarkGfm, { singleTilde: false }], ...(codeMeta ? [codeMeta] : []), remarkAngleBrackets],
  rehypePlugins: [[rehypeSanitize, safe], ...(harden ? [harden] : []), rehypeDirection],
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
