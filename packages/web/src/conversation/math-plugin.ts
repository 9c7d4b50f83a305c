/** Mathematics, in a file of its own, with its fonts. */
import { createMathPlugin } from "@streamdown/math";
import "katex/dist/katex.min.css";

export const math = createMathPlugin();
