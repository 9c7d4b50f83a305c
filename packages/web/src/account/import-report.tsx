/** What became of files: what came in, and what did not, with the reasons. */
import type { FileImportReport } from "chatkeep/client";
import { t } from "../strings/index.ts";

const maxLines = 50;

/** Of one file: what came of it, or why nothing did. */
export type ImportResult = { file: string } & ({ report: FileImportReport } | { message: string });

export function ImportReport({ results, isCancelled }: { results: readonly ImportResult[]; isCancelled: boolean }) {
  return (
    <div role="status" className="grid w-full gap-3 text-sm">
      {results.map((result) => (
        <div key={result.file} className="min-w-0">
          <p className="wrap-anywhere font-medium">{result.file}</p>
          {"message" in result ? <p className="text-danger">{result.message}</p> : <Report {...result.report} />}
        </div>
      ))}
      {isCancelled && <p>{t.account.importCancelled}</p>}
    </div>
  );
}

function Report(report: FileImportReport) {
  const { imported, alreadyThere, failed, messages } = report;
  const wrong = wrongIn(report);
  const leftOut = leftOutIn(report);
  return (
    <>
      <p>{t.account.imported(imported, messages, alreadyThere, failed)}</p>
      <Lines lines={wrong} className="text-danger" />
      {leftOut.length > 0 && (
        <details className="mt-1">
          <summary className="cursor-pointer">{t.account.leftOut(leftOut.length)}</summary>
          <Lines lines={leftOut} className="text-quiet" />
        </details>
      )}
    </>
  );
}

function Lines({ lines, className }: { lines: readonly string[]; className: string }) {
  return (
    <ul className={`wrap-anywhere mt-1 ${className}`}>
      {lines.slice(0, maxLines).map((line, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: lines are never added
        <li key={index}>{line}</li>
      ))}
      {lines.length > maxLines && <li>{t.account.more(lines.length - maxLines)}</li>}
    </ul>
  );
}

function wrongIn({ conversations, faults, skipped, imported, alreadyThere, failed }: FileImportReport): string[] {
  const failures = conversations.filter(({ outcome }) => outcome === "failed");
  const isNothing = imported + alreadyThere + failed === 0;
  return [
    ...failures.map(({ file, number, error }) => `${file} ${number}: ${error ?? ""}`),
    ...faults.map(({ file, fault }) => `${file}: ${fault}`),
    ...(isNothing ? skipped.map(({ file, reason }) => `${file}: ${reason}`) : []),
  ];
}

function leftOutIn({ conversations, skipped, imported, alreadyThere, failed }: FileImportReport): string[] {
  const isNothing = imported + alreadyThere + failed === 0;
  return [
    ...conversations.flatMap(({ file, number, leftOut }) =>
      leftOut.map(({ reason }) => `${file} ${number}: ${reason}`),
    ),
    ...(isNothing ? [] : skipped.map(({ file, reason }) => `${file}: ${reason}`)),
  ];
}
