/** Bringing conversations in: drop a file or choose one, see how far it is, and what became of each line. */
import { useQueryClient } from "@tanstack/react-query";
import type { ImportReport } from "chatkeep/client";
import { Upload } from "lucide-react";
import { useRef, useState } from "react";
import { client } from "../client.ts";
import { sentenceOf } from "../strings/errors.ts";
import { t } from "../strings/index.ts";
import { Button } from "../ui/button.tsx";

const lettersAtOnce = 1024 * 1024;
const maxFailuresShown = 20;

type State =
  | { name: "waiting" }
  | { name: "importing"; percent: number }
  | { name: "done"; report: ImportReport }
  | { name: "failed"; message: string };

export function ImportFile() {
  const [state, setState] = useState<State>({ name: "waiting" });
  const [isOver, setIsOver] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const queries = useQueryClient();

  const load = async (file: File | undefined) => {
    if (!file) return;
    setState({ name: "importing", percent: 0 });
    try {
      const report = await importAll(await file.text(), (percent) => setState({ name: "importing", percent }));
      setState({ name: "done", report });
    } catch (error) {
      setState({ name: "failed", message: sentenceOf(error as Error) });
    }
    await queries.invalidateQueries({ queryKey: ["conversations"] });
  };
  return (
    <section
      aria-label={t.account.import}
      onDragOver={(event) => {
        event.preventDefault();
        setIsOver(true);
      }}
      onDragLeave={() => setIsOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setIsOver(false);
        void load(event.dataTransfer.files[0]);
      }}
      className={`grid justify-items-start gap-3 rounded-xl border border-dashed p-4 ${isOver ? "border-brand bg-side" : "border-line"}`}
    >
      <p className="text-quiet text-sm">{t.account.importHint}</p>
      <input
        ref={input}
        type="file"
        accept=".jsonl,.json,.ndjson,text/plain,application/json"
        aria-label={t.account.choose}
        className="sr-only"
        tabIndex={-1}
        onChange={(event) => {
          void load(event.target.files?.[0]);
          event.target.value = "";
        }}
      />
      <Button disabled={state.name === "importing"} onClick={() => input.current?.click()}>
        <Upload size={16} aria-hidden="true" />
        {t.account.choose}
      </Button>
      <Progress state={state} />
    </section>
  );
}

function Progress({ state }: { state: State }) {
  if (state.name === "importing") {
    return (
      <label className="grid w-full gap-1 text-sm">
        {t.account.importing(state.percent)}
        <progress value={state.percent} max={100} className="w-full accent-brand" />
      </label>
    );
  }
  if (state.name === "failed") {
    return (
      <p role="alert" className="text-danger text-sm">
        {state.message}
      </p>
    );
  }
  if (state.name === "waiting") return null;
  const { imported, alreadyThere, failed, conversations } = state.report;
  const failures = conversations.filter(({ outcome }) => outcome === "failed").slice(0, maxFailuresShown);
  return (
    <div role="status" className="text-sm">
      <p>{t.account.imported(imported, alreadyThere, failed)}</p>
      <ul className="mt-1 text-danger">
        {failures.map(({ line, error }) => (
          <li key={line}>{t.account.failedLine(line, error ?? "")}</li>
        ))}
      </ul>
    </div>
  );
}

/** In pieces of whole lines, so that one sees how far it is and no request is too large. */
async function importAll(text: string, onProgress: (percent: number) => void): Promise<ImportReport> {
  const lines = text.split("\n");
  const total: ImportReport = { imported: 0, alreadyThere: 0, failed: 0, messages: 0, conversations: [] };
  for (let from = 0; from < lines.length; ) {
    let to = from;
    for (let letters = 0; to < lines.length && (letters === 0 || letters < lettersAtOnce); to += 1)
      letters += (lines[to]?.length ?? 0) + 1;
    const report = await client.import("oasst", lines.slice(from, to).join("\n"));
    for (const key of ["imported", "alreadyThere", "failed", "messages"] as const) total[key] += report[key];
    const first = from;
    total.conversations.push(...report.conversations.map((each) => ({ ...each, line: each.line + first })));
    from = to;
    onProgress(Math.round((from / lines.length) * 100));
  }
  return total;
}
