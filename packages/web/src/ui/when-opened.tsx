/** A dialog that is there from its first opening on: a list has many rows, and most dialogs are never opened. */
import { type ReactNode, useState } from "react";

export function WhenOpened({ open, children }: { open: boolean; children: ReactNode }) {
  const [wasOpen, setWasOpen] = useState(open);
  if (open && !wasOpen) setWasOpen(true);
  return wasOpen || open ? children : null;
}
