/** Mathematics, in a file of its own, with its fonts. */
import rehypeKatex from "rehype-katex";
import type { MathPlugin } from "streamdown";
import "katex/dist/katex.min.css";
import { remarkMath } from "./markdown/math.ts";

export const math: MathPlugin = {
  name: "katex",
  type: "math",
  remarkPlugin: remarkMath,
  rehypePlugin: [rehypeKatex, { errorColor: "var(--color-muted-foreground)", strict: "ignore" }],
};
