/** A button with words. */
import type { ComponentProps } from "react";

const looks = {
  main: "bg-brand text-on-brand hover:opacity-90",
  plain: "border border-line bg-raised text-ink hover:bg-side",
  danger: "bg-danger text-page hover:opacity-90",
};

export function Button({
  look = "plain",
  className = "",
  ...props
}: ComponentProps<"button"> & { look?: keyof typeof looks }) {
  return (
    <button
      type="button"
      className={`inline-flex items-center justify-center gap-2 rounded-lg px-3.5 py-2 font-medium text-sm disabled:opacity-50 ${looks[look]} ${className}`}
      {...props}
    />
  );
}
