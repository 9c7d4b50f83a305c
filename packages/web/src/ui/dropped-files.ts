/** Files that are dropped or pasted: what is shown takes them, or the page stays and says that nothing does. */
import { useEffect, useRef } from "react";
import { t } from "../strings/index.ts";
import { toasts } from "./toasts.tsx";

const hasFiles = (transfer: DataTransfer | null) => transfer?.types.includes("Files") === true;

/** Words that are pasted with a picture of them stay words. */
const pastedFiles = (transfer: DataTransfer | null) =>
  hasFiles(transfer) && !transfer?.getData("text/plain") ? [...(transfer?.files ?? [])] : [];

/** What stands above the page, and other places to write in, have nothing to do with it. */
const isElsewhere = ({ target }: Event) =>
  target instanceof Element &&
  target.closest("[role=dialog], [role=alertdialog], [role=presentation], input, textarea:not(#message)") !== null;

/** Takes files that are dropped or pasted on the page, while it is shown; nothing does without `onFiles`. */
export function useFilesForPage(onFiles: ((files: readonly File[]) => void) | undefined): void {
  const latest = useRef(onFiles);
  latest.current = onFiles;
  useEffect(() => {
    const take = (event: Event, files: readonly File[]) => {
      if (!latest.current || event.defaultPrevented || files.length === 0 || isElsewhere(event)) return;
      event.preventDefault();
      latest.current(files);
    };
    const onDrop = (event: DragEvent) => take(event, [...(event.dataTransfer?.files ?? [])]);
    const onPaste = (event: ClipboardEvent) => take(event, pastedFiles(event.clipboardData));
    // Before the window, which says that nothing takes them.
    document.addEventListener("drop", onDrop);
    document.addEventListener("paste", onPaste);
    return () => {
      document.removeEventListener("drop", onDrop);
      document.removeEventListener("paste", onPaste);
    };
  }, []);
}

export function useDroppedFiles(): void {
  useEffect(() => {
    const say = () => void toasts.add({ title: t.noFiles });
    const onDragOver = (event: DragEvent) => {
      if (hasFiles(event.dataTransfer)) event.preventDefault();
    };
    const onDrop = (event: DragEvent) => {
      if (event.defaultPrevented || !hasFiles(event.dataTransfer)) return;
      event.preventDefault();
      say();
    };
    const onPaste = ({ clipboardData, defaultPrevented }: ClipboardEvent) => {
      if (!defaultPrevented && hasFiles(clipboardData) && !clipboardData?.getData("text/plain")) say();
    };
    addEventListener("dragover", onDragOver);
    addEventListener("drop", onDrop);
    addEventListener("paste", onPaste);
    return () => {
      removeEventListener("dragover", onDragOver);
      removeEventListener("drop", onDrop);
      removeEventListener("paste", onPaste);
    };
  }, []);
}
