/** Temporary chats: the switch before the first question, the making of one, and the notice in it. */
import type { Conversation } from "chatkeep/client";
import { Check, Hourglass } from "lucide-react";
import { useState } from "react";
import { client } from "../client.ts";
import { readAsked } from "../composer/drafts.ts";
import { t } from "../strings/index.ts";
import { shortFullTime } from "../ui/times.ts";
import { wantedModel } from "./models.ts";

/** Of this tab. */
const temporary = new Set<string>();

export function markTemporary(id: string): void {
  temporary.add(id);
}

/**
 * Before each question: one that was asked when its day was over would otherwise begin a chat that stays. The same again
 * changes nothing.
 */
export async function makeTemporary(id: string): Promise<void> {
  if (temporary.has(id)) await client.conversations.create({ id, temporary: true, model: wantedModel(id) ?? null });
}

/** Whether the chat is temporary: as the server says, or as was chosen for one that it does not know yet. */
export function useTemporary(personId: string, id: string, stored: Conversation | undefined) {
  const [isWanted, setIsWanted] = useState(() => temporary.has(id) || readAsked(personId, id)?.isTemporary === true);
  return { isTemporary: stored ? stored.expiresAt !== null : isWanted, isWanted, setIsWanted };
}

interface TemporarySwitchProps {
  isOn: boolean;
  onChange: (isOn: boolean) => void;
}

export function TemporarySwitch({ isOn, onChange }: TemporarySwitchProps) {
  return (
    <div className="grid max-w-sm justify-items-center gap-2">
      <button
        type="button"
        aria-pressed={isOn}
        aria-describedby="temporary-hint"
        onClick={() => onChange(!isOn)}
        className="inline-flex items-center gap-2 rounded-full border border-line px-3.5 py-2 text-sm hover:bg-side aria-pressed:border-brand aria-pressed:bg-side aria-pressed:text-brand"
      >
        {isOn ? <Check size={16} aria-hidden="true" /> : <Hourglass size={16} aria-hidden="true" />}
        {t.temporary.label}
      </button>
      <p id="temporary-hint" className="text-balance text-quiet text-xs">
        {t.temporary.hint}
      </p>
    </div>
  );
}

export function TemporaryNotice({ expiresAt }: { expiresAt: string | null | undefined }) {
  return (
    <p role="note" className="mx-auto flex max-w-chat items-center gap-2 px-5 pb-2 text-quiet text-xs">
      <Hourglass size={14} aria-hidden="true" className="shrink-0" />
      {expiresAt ? t.temporary.until(shortFullTime(expiresAt)) : t.temporary.notice}
    </p>
  );
}
