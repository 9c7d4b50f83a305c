/** A sheet above the page. */
import { Dialog } from "@base-ui/react/dialog";
import type { ReactNode } from "react";
import { t } from "../strings/index.ts";
import { Button } from "./button.tsx";

interface SheetProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  children: ReactNode;
}

export function Sheet({ open, onOpenChange, title, children }: SheetProps) {
  return (
    <Dialog.Root open={open} onOpenChange={onOpenChange}>
      <Dialog.Portal>
        <Dialog.Backdrop className="fixed inset-0 z-30 bg-black/40" />
        <Dialog.Popup className="fixed top-1/2 left-1/2 z-40 max-h-[90vh] w-[calc(100vw-2rem)] max-w-md -translate-x-1/2 -translate-y-1/2 overflow-y-auto rounded-2xl border border-line bg-raised p-5 shadow-xl">
          <Dialog.Title className="font-semibold text-lg">{title}</Dialog.Title>
          <div className="mt-4">{children}</div>
          <div className="mt-5 flex justify-end">
            <Dialog.Close render={<Button />}>{t.close}</Dialog.Close>
          </div>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
