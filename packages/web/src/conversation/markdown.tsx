/** Markdown as it comes. In a file of its own, because it is the largest part of the app and not needed before the first reply. */
import { type ComponentProps, useEffect, useState } from "react";
import { type PluginConfig, Streamdown, TableCopyDropdown, TableDownloadDropdown } from "streamdown";
import { t } from "../strings/index.ts";
import { toasts } from "../ui/toasts.tsx";
import { plugins } from "./markdown/plugins.ts";

/** Loaded when a text has some: colours for code, and mathematics. */
const parts = {
  code: () => import("./code-plugin.ts").then((module) => module.code),
  math: () => import("./math-plugin.ts").then((module) => module.math),
};
const signs = { code: /(?:```|~~~)\S|^ {0,3}<[!/?a-z]/im, math: /\$[^\s$][^\n$]*\$|\$\$|\\\(|\\\[/ };

const onError = () => void toasts.add({ title: t.chat.notCopied });
const controls = { code: { copy: { onError } } };
const components = { table: Table, input: TaskBox };
const words = {
  footnoteLabel: t.chat.footnotes,
  footnoteBackLabel: (index: number) => t.chat.backTo(index + 1),
};

export function Markdown({ text, isStreaming }: { text: string; isStreaming: boolean }) {
  const [loaded, setLoaded] = useState<PluginConfig>({});
  const needsCode = signs.code.test(text);
  const needsMath = signs.math.test(text);
  useEffect(() => {
    if (needsCode) void parts.code().then((code) => setLoaded((known) => ({ ...known, code })));
  }, [needsCode]);
  useEffect(() => {
    if (needsMath) void parts.math().then((math) => setLoaded((known) => ({ ...known, math })));
  }, [needsMath]);
  return (
    <Streamdown
      {...plugins}
      mode={isStreaming ? "streaming" : "static"}
      caret="block"
      isAnimating={isStreaming}
      plugins={loaded}
      components={components}
      controls={controls}
      translations={t.markdown}
      remarkRehypeOptions={words}
      linkSafety={{ enabled: false }}
    >
      {text}
    </Streamdown>
  );
}

/** The box of a task in a list. */
function TaskBox({ node: _, ...props }: ComponentProps<"input"> & { node?: unknown }) {
  return <input {...props} aria-label={props.checked ? t.chat.isDone : t.chat.isOpen} />;
}

/** A table that is wider than the page scrolls in its own box, also by keyboard. */
function Table({ node: _, ...props }: ComponentProps<"table"> & { node?: unknown }) {
  return (
    <div data-streamdown="table-wrapper" className="relative my-4 rounded-xl border border-line">
      <div
        data-table-actions
        className="absolute end-1 top-1 flex gap-1 rounded-lg bg-raised pointer-coarse:static pointer-coarse:justify-end print:hidden"
      >
        <TableCopyDropdown onError={onError} />
        <TableDownloadDropdown />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
      <section aria-label={t.chat.table} tabIndex={0} className="overflow-x-auto">
        <table {...props} data-streamdown="table" className="w-full border-collapse" />
      </section>
    </div>
  );
}
