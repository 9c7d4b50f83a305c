/** Markdown as it comes. In a file of its own, because it is the largest part of the app and not needed before the first reply. */
import { useEffect, useState } from "react";
import { type PluginConfig, Streamdown } from "streamdown";

/** Loaded when a text has some: colours for code, and mathematics. */
const plugins = {
  code: () => import("./code-plugin.ts").then((module) => module.code),
  math: () => import("./math-plugin.ts").then((module) => module.math),
};
const signs = { code: /^ {0,3}(```|~~~)\S/m, math: /\$\$|\\\(|\\\[/ };

export function Markdown({ text, isStreaming }: { text: string; isStreaming: boolean }) {
  const [loaded, setLoaded] = useState<PluginConfig>({});
  const needsCode = signs.code.test(text);
  const needsMath = signs.math.test(text);
  useEffect(() => {
    if (needsCode) void plugins.code().then((code) => setLoaded((known) => ({ ...known, code })));
  }, [needsCode]);
  useEffect(() => {
    if (needsMath) void plugins.math().then((math) => setLoaded((known) => ({ ...known, math })));
  }, [needsMath]);
  return (
    <Streamdown mode={isStreaming ? "streaming" : "static"} plugins={loaded} linkSafety={{ enabled: false }}>
      {withDollars(text)}
    </Streamdown>
  );
}

/** Models write LaTeX also between \( and \), or \[ and \]; the renderer knows dollars. */
function withDollars(text: string): string {
  if (!text.includes("\\(") && !text.includes("\\[")) return text;
  return text
    .split(/(```[\s\S]*?(?:```|$)|`[^`\n]*`)/)
    .map((piece, index) => (index % 2 ? piece : piece.replace(/\\[()]|\\[[\]]/g, () => "$$")))
    .join("");
}
