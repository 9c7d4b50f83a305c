/** Bringing conversations in: drop files or choose some, see how far it is, end it, and what became of them. */
import { useQueryClient } from "@tanstack/react-query";
import { Upload } from "lucide-react";
import { useRef, useState } from "react";
import { client } from "../client.ts";
import { sentenceOf } from "../strings/errors.ts";
import { t } from "../strings/index.ts";
import { Button } from "../ui/button.tsx";
import { ImportReport, type ImportResult } from "./import-report.tsx";

type State =
  | { name: "waiting" }
  /** `percent` is absent while the file is on its way. */
  | { name: "importing"; file: string; percent?: number; cancel: () => void }
  | { name: "over"; results: ImportResult[]; isCancelled: boolean };

export function ImportFile() {
  const [state, setState] = useState<State>({ name: "waiting" });
  const [isOver, setIsOver] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const queries = useQueryClient();
  const isBusy = state.name === "importing";

  const load = async (files: readonly File[]) => {
    if (files.length === 0 || isBusy) return;
    const cancelling = new AbortController();
    const { signal } = cancelling;
    const cancel = () => cancelling.abort();
    const results: ImportResult[] = [];
    for (const file of files) {
      if (signal.aborted) break;
      setState({ name: "importing", file: file.name, cancel });
      const onProgress = (bytes: number, total: number) =>
        setState({
          name: "importing",
          file: file.name,
          percent: Math.round((bytes / Math.max(1, total)) * 100),
          cancel,
        });
      try {
        results.push({
          file: file.name,
          report: await client.importFile(file, { name: file.name, signal, onProgress }),
        });
      } catch (error) {
        if (!signal.aborted) results.push({ file: file.name, message: sentenceOf(error as Error) });
      }
      await queries.invalidateQueries({ queryKey: ["conversations"] });
    }
    setState({ name: "over", results, isCancelled: signal.aborted });
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
        void load([...event.dataTransfer.files]);
      }}
      className={`grid justify-items-start gap-3 rounded-xl border border-dashed p-4 ${isOver ? "border-brand bg-side" : "border-line"}`}
    >
      <p className="text-quiet text-sm">{t.account.importHint}</p>
      <input
        ref={input}
        type="file"
        multiple
        accept=".zip,.json,.jsonl,.ndjson,.csv,application/zip,application/json,text/csv"
        aria-label={t.account.choose}
        className="sr-only"
        tabIndex={-1}
        onChange={(event) => {
          void load([...(event.target.files ?? [])]);
          event.target.value = "";
        }}
      />
      <Button disabled={isBusy} onClick={() => input.current?.click()}>
        <Upload size={16} aria-hidden="true" />
        {t.account.choose}
      </Button>
      {state.name === "importing" && <Progress {...state} />}
      {state.name === "over" && <ImportReport results={state.results} isCancelled={state.isCancelled} />}
    </section>
  );
}

function Progress({ file, percent, cancel }: { file: string; percent?: number; cancel: () => void }) {
  return (
    <div className="grid w-full gap-2">
      <label className="grid w-full gap-1 text-sm">
        {percent === undefined ? t.account.sending(file) : t.account.importing(file, percent)}
        <progress {...(percent !== undefined && { value: percent })} max={100} className="w-full accent-brand" />
      </label>
      <Button onClick={cancel}>{t.account.cancelImport}</Button>
    </div>
  );
}
