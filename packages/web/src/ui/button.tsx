/** A button with words. */
import type { ComponentProps } from "react";

const looks = {
  main: "bg-brand text-on-brand hover:brightness-95",
  plain: "border border-line bg-raised text-ink hover:border-brand/40 hover:bg-side",
  danger: "bg-danger text-page hover:brightness-95",
};

/** Also of a link that is one. */
export function buttonLook(look: keyof typeof looks = "plain"): string {
  return `inline-flex items-center justify-center gap-2 rounded-lg px-3.5 py-2 font-medium text-sm transition-colors disabled:opacity-50 pointer-coarse:min-h-11 ${looks[look]}`;
}

export function Button({
  look = "plain",
  className = "",
  ...props
}: ComponentProps<"button"> & { look?: keyof typeof looks }) {
  return <button type="button" className={`${buttonLook(look)} ${className}`} {...props} />;
}
