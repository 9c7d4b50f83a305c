/** A file that is dropped or pasted where nothing takes it: the page stays, and says so. */
import { useEffect } from "react";
import { t } from "../strings/index.ts";
import { toasts } from "./toasts.tsx";

const hasFiles = (transfer: DataTransfer | null) => transfer?.types.includes("Files") === true;

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
    const onPaste = ({ clipboardData }: ClipboardEvent) => {
      if (hasFiles(clipboardData) && !clipboardData?.getData("text/plain")) say();
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
