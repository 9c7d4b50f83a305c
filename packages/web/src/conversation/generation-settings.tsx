/** How a model is to answer in a chat: folded away below its instructions, and sent along with each question. */
import { ApiError, type Conversation } from "chatkeep/client";
import { useEffect } from "react";
import { client } from "../client.ts";
import { t } from "../strings/index.ts";
import { Field } from "../ui/field.tsx";

export interface GenerationSettings {
  temperature?: number;
  topP?: number;
  maxOutputTokens?: number;
  reasoningEffort?: "low" | "medium" | "high";
}

export function settingsOf(conversation: Conversation | undefined): GenerationSettings {
  const noted = conversation?.metadata?.["settings"];
  return typeof noted === "object" && noted !== null ? (noted as GenerationSettings) : {};
}

/** Of this tab, by chat: those whose settings are known. */
const known = new Map<string, GenerationSettings>();

export function knowSettings(id: string, settings: GenerationSettings): void {
  known.set(id, settings);
}

/** What goes with a question of this chat; read, where it is asked before the page has read it. */
export async function sentSettings(id: string): Promise<GenerationSettings | undefined> {
  const settings = known.get(id) ?? settingsOf(await client.conversations.get(id).catch(unlessMissing));
  return Object.keys(settings).length > 0 ? settings : undefined;
}

function unlessMissing(error: unknown): undefined {
  if (!(error instanceof ApiError && error.code === "not_found")) throw error;
}

/** `isNew`: the server does not know it yet. */
export function useSentSettings(id: string, stored: Conversation | undefined, isNew: boolean): void {
  useEffect(() => {
    if (stored || isNew) known.set(id, settingsOf(stored));
  }, [id, stored, isNew]);
}

export const saveSettings = (id: string, json: GenerationSettings) =>
  client.request<Conversation>(`/conversations/${encodeURIComponent(id)}/settings`, { method: "PUT", json });

/** An empty field leaves it to the model. */
export function settingsIn(form: FormData): GenerationSettings {
  const number = (name: string) => {
    const text = String(form.get(name) ?? "").trim();
    return text === "" ? undefined : Number(text);
  };
  const effort = String(form.get("reasoningEffort") ?? "");
  const given = {
    temperature: number("temperature"),
    topP: number("topP"),
    maxOutputTokens: number("maxOutputTokens"),
    reasoningEffort: effort === "" ? undefined : effort,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as GenerationSettings;
}

export function SettingsFields({ settings }: { settings: GenerationSettings }) {
  return (
    <details className="group/more rounded-xl border border-line" open={Object.keys(settings).length > 0}>
      <summary className="cursor-default rounded-xl px-3 py-2 font-medium text-sm hover:bg-side">
        {t.generation.title}
      </summary>
      <div className="grid gap-4 p-3 sm:grid-cols-2">
        <Field
          label={t.generation.temperature}
          hint={t.generation.temperatureHint}
          name="temperature"
          type="number"
          min={0}
          max={2}
          step="any"
          inputMode="decimal"
          placeholder={t.generation.usual}
          defaultValue={settings.temperature}
        />
        <Field
          label={t.generation.topP}
          hint={t.generation.topPHint}
          name="topP"
          type="number"
          min={0}
          max={1}
          step="any"
          inputMode="decimal"
          placeholder={t.generation.usual}
          defaultValue={settings.topP}
        />
        <Field
          label={t.generation.maxTokens}
          hint={t.generation.maxTokensHint}
          name="maxOutputTokens"
          type="number"
          min={1}
          max={1_000_000}
          step={1}
          placeholder={t.generation.usual}
          defaultValue={settings.maxOutputTokens}
        />
        <label className="grid content-start gap-1.5 font-medium text-sm">
          {t.generation.effort}
          <select
            name="reasoningEffort"
            defaultValue={settings.reasoningEffort ?? ""}
            className="rounded-lg border border-line bg-page px-3 py-2 font-normal text-base"
          >
            <option value="">{t.generation.usual}</option>
            {Object.entries(t.generation.efforts).map(([value, name]) => (
              <option key={value} value={value}>
                {name}
              </option>
            ))}
          </select>
        </label>
      </div>
    </details>
  );
}
