/** What stands above a chat. On a phone it shares the row of the app's own buttons. */
import type { ReactNode } from "react";

export function ChatHeader({ children }: { children: ReactNode }) {
  return (
    <header className="absolute inset-x-14 top-2 z-10 flex h-9 items-center gap-1 md:static md:h-12 md:shrink-0 md:px-2 md:pe-14 print:hidden">
      {children}
    </header>
  );
}
