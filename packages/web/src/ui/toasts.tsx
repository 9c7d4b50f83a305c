/** Short notes at the edge that go away by themselves, with something to do about it. */
import { Toast } from "@base-ui/react/toast";
import { X } from "lucide-react";
import { t } from "../strings/index.ts";

export const toasts = Toast.createToastManager();

export function Toasts() {
  return (
    <Toast.Provider toastManager={toasts} timeout={6_000}>
      <Toast.Portal>
        <Toast.Viewport
          aria-label={t.notifications}
          className="print:hidden fixed inset-x-4 bottom-24 z-50 mx-auto flex w-auto max-w-sm flex-col gap-2 sm:right-4 sm:left-auto sm:mx-0 sm:w-80"
        >
          <List />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  );
}

function List() {
  const { toasts: shown } = Toast.useToastManager();
  return shown.map((toast) => (
    <Toast.Root
      key={toast.id}
      toast={toast}
      className="flex items-center gap-2 rounded-xl border border-line bg-raised py-2 ps-4 pe-2 text-sm shadow-lg transition-opacity data-ending-style:opacity-0 data-starting-style:opacity-0"
    >
      <Toast.Title className="min-w-0 flex-1 font-normal wrap-anywhere" />
      <Toast.Action className="rounded-lg px-2 py-1 font-medium text-brand hover:bg-side" />
      <Toast.Close aria-label={t.close} className="rounded-lg p-1 text-quiet hover:bg-side">
        <X size={16} />
      </Toast.Close>
    </Toast.Root>
  ));
}
