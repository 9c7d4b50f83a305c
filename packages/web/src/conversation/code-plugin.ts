/** Colours for code, in a file of their own. */
import { createCodePlugin } from "@streamdown/code";

export const code = createCodePlugin({ themes: ["github-light", "github-dark"] });
