/** Whether this browser says when an answer is ready. */
import { useState } from "react";
import { t } from "../strings/index.ts";
import { noticesNow, switchNotices } from "../ui/notices.ts";

export function NoticesSwitch() {
  const [now, setNow] = useState(noticesNow);
  if (now === "missing") return null;
  return (
    <div className="grid gap-1.5">
      <label className="flex items-center gap-2 text-sm">
        <input
          type="checkbox"
          className="size-4 accent-brand"
          checked={now === "on"}
          disabled={now === "refused"}
          onChange={(event) => void switchNotices(event.target.checked).then(setNow)}
        />
        {t.account.notices}
      </label>
      <p className="text-quiet text-xs">{now === "refused" ? t.account.noticesRefused : t.account.noticesHint}</p>
    </div>
  );
}
