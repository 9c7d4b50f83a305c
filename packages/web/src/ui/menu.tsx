/** A menu that opens above the page. */
import { Menu } from "@base-ui/react/menu";
import type { ComponentProps, ReactNode } from "react";

export const menuItemLook =
  "flex cursor-default items-center gap-2.5 rounded-lg px-3 py-2 text-sm outline-none data-highlighted:bg-side pointer-coarse:py-3";

interface MenuPopupProps extends Pick<ComponentProps<typeof Menu.Positioner>, "sideOffset" | "align"> {
  className?: string;
  children: ReactNode;
}

/** Inside the page's main part: whoever goes from landmark to landmark finds it. */
export function MenuPopup({ className = "", children, ...place }: MenuPopupProps) {
  return (
    <Menu.Portal container={document.getElementById("conversation")}>
      <Menu.Positioner className="z-30" {...place}>
        <Menu.Popup
          className={`min-w-48 rounded-xl border border-line bg-raised p-1 shadow-lg outline-none transition-opacity data-ending-style:opacity-0 data-starting-style:opacity-0 ${className}`}
        >
          {children}
        </Menu.Popup>
      </Menu.Positioner>
    </Menu.Portal>
  );
}
