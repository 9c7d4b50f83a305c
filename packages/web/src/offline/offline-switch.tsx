/** Whether this browser keeps chats to be read without a network. */
import { useState } from "react";
import { t } from "../strings/index.ts";
import { canKeep, isKeeping, switchKeeping } from "./kept.ts";

export function OfflineSwitch() {
  const [isOn, setIsOn] = useState(isKeeping);
  if (!canKeep) return null;
  return (
    <div className="grid gap-1.5">
      <label className="flex items-center gap-2 text-sm">
        <input
          type="checkbox"
          className="size-4 accent-brand"
          checked={isOn}
          onChange={(event) => {
            setIsOn(event.target.checked);
            void switchKeeping(event.target.checked);
          }}
        />
        {t.account.offline}
      </label>
      <p className="text-quiet text-xs">{t.account.offlineHint}</p>
    </div>
  );
}
