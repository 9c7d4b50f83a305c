/** What the sections of the account are made of. */
import type { FormEvent, ReactNode } from "react";
import { sentenceOf } from "../strings/errors.ts";

export function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className="grid gap-4 border-line border-t pt-6">
      <h2 className="font-semibold">{title}</h2>
      {children}
    </section>
  );
}

/** What became of something that was asked for. */
export function Outcome({ error, done }: { error: Error | null; done: string | false }) {
  if (error)
    return (
      <p role="alert" className="text-danger text-sm">
        {sentenceOf(error)}
      </p>
    );
  return (
    <p role="status" className="text-quiet text-sm empty:hidden">
      {done}
    </p>
  );
}

export const valueIn = (event: FormEvent<HTMLFormElement>, name: string) =>
  String(new FormData(event.currentTarget).get(name) ?? "");

interface ChoiceProps {
  label: string;
  value: string;
  options: [value: string, name: string][];
  onChange: (value: string) => void;
}

export function Choice({ label, value, options, onChange }: ChoiceProps) {
  return (
    <label className="grid gap-1.5 font-medium text-sm">
      {label}
      <select
        value={value}
        onChange={(event) => onChange(event.target.value)}
        className="rounded-lg border border-line bg-page px-3 py-2 font-normal"
      >
        {options.map(([each, name]) => (
          <option key={each} value={each}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
