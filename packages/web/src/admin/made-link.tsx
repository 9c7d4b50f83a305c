/** A link that is shown once, to be passed on. */
import { t } from "../strings/index.ts";
import { Field } from "../ui/field.tsx";
import type { MadeLink as Made } from "./admin.ts";

export function MadeLink({ link, isSent, email }: Made & { email: string }) {
  return (
    <div role="status" className="grid gap-2 rounded-xl border border-line bg-tint p-3">
      <p className="text-sm">{isSent ? t.admin.linkSent(email) : t.admin.linkFor(email)}</p>
      <Field label={t.admin.link} value={link} readOnly onFocus={(event) => event.target.select()} />
    </div>
  );
}
