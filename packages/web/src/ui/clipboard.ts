/** Copying, also where the browser lends no clipboard: on a page that came by plain http from another machine. */

export async function copyText(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    copyBySelection(text);
  }
}

/** @throws when the browser does not copy */
function copyBySelection(text: string): void {
  const focused = document.activeElement;
  const area = document.createElement("textarea");
  area.value = text;
  area.readOnly = true;
  area.className = "fixed top-0 left-0 opacity-0";
  document.body.append(area);
  area.select();
  const isCopied = document.execCommand("copy");
  area.remove();
  if (focused instanceof HTMLElement) focused.focus();
  if (!isCopied) throw new Error("the browser does not copy");
}

/** Parts that others wrote ask the browser itself. */
export function lendClipboard(): void {
  if ("clipboard" in navigator && navigator.clipboard) return;
  const writeText = async (text: string) => copyBySelection(text);
  const write = async ([item]: PlainItem[]) => copyBySelection((await item?.items["text/plain"]?.text()) ?? "");
  Object.defineProperty(navigator, "clipboard", { value: { writeText, write } });
  Object.assign(globalThis, { ClipboardItem: PlainItem });
}

class PlainItem {
  readonly items: Record<string, Blob>;
  constructor(items: Record<string, Blob>) {
    this.items = items;
  }
}
