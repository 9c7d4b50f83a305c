/** A link that is shown once, to be passed on. */
import { t } from "../strings/index.ts";
import { Field } from "../ui/field.tsx";

interface MadeLinkProps {
  /** `null` where it was sent, and is for nobody else. */
  link: string | null;
  isSent: boolean;
  email: string;
}

export function MadeLink({ link, isSent, email }: MadeLinkProps) {
  return (
    <div role="status" className="grid gap-2 rounded-xl border border-line bg-tint p-3">
      <p className="text-sm">{isSent ? t.admin.linkSent(email) : t.admin.linkFor(email)}</p>
      {link !== null && <Field label={t.admin.link} value={link} readOnly onFocus={(event) => event.target.select()} />}
    </div>
  );
}
