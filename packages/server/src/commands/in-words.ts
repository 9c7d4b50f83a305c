/** What commands answer, in words. */
import type { AdoptReport } from "../adopt/adopt.ts";
import type { ApiKey } from "../keys.ts";
import type { ProductReport } from "../transfer/conversations.ts";
import type { ImportReport } from "../transfer/import.ts";
import type { Diagnosis } from "./doctor.ts";
import type { ListedUser } from "./users.ts";

export function diagnosisInWords({ engine, version, checks, findings, rows }: Diagnosis): string {
  const lines = checks.map(({ name, ok, found }) => `${ok ? "ok   " : "WRONG"}  ${name}: ${found}`);
  for (const { level, about, found, why, mend } of findings) {
    lines.push(`${level === "wrong" ? "WRONG" : "look "}  ${about}: ${found}`, `       ${why}`, `       ${mend}`);
  }
  const counts = Object.entries(rows).map(([name, count]) => `${name} ${count}`);
  return [`${engine}: ${version}`, ...lines, ...(counts.length > 0 ? [`rows: ${counts.join(", ")}`] : [])].join("\n");
}

/** On a line of its own: address, name, and when they were last here. */
export function userInWords({ email, name, createdAt, seenAt }: ListedUser): string {
  const seen = seenAt ? `seen ${seenAt.toISOString().slice(0, 10)}` : "signed out";
  return `${email}  ${JSON.stringify(name)}  made ${createdAt.toISOString().slice(0, 10)}, ${seen}`;
}

export function keyInWords({ id, name, start, isReadOnly, expiresAt, lastUsedAt }: ApiKey): string {
  const end = expiresAt ? `${expiresAt < new Date() ? "expired" : "until"} ${expiresAt.toISOString()}` : "no end";
  const use = lastUsedAt ? `used ${lastUsedAt.toISOString()}` : "not used";
  return `${id}  ${start}…  ${isReadOnly ? "read only" : "read and write"}  ${end}  ${use}  ${name}`;
}

export function adoptionInWords(report: AdoptReport, isApplied: boolean): string {
  const { source, tables, conversations, messages, imported, owners, newAccounts, leftOut, failed } = report;
  const accounts = newAccounts > 0 ? `, ${newAccounts} of whom ${isApplied ? "got" : "would get"} an account` : "";
  return [
    `${source} (${tables.join(", ")}): ${conversations} conversations of ${owners} owners${accounts}, ${messages} messages.`,
    ...leftOut.map(
      ({ conversationId, messageId, reason }) => `  ${conversationId} ${messageId ?? ""}: left out: ${reason}`,
    ),
    ...failed.map(({ conversationId, error }) => `  ${conversationId}: ${error}`),
    isApplied
      ? `  ${imported} messages were brought in; the others were there.`
      : "  Nothing was changed: --apply brings them in.",
  ].join("\n");
}

/** Something is wrong with the files, or there was nothing in them. */
export function isPartial({ faults, conversations }: ProductReport): boolean {
  return faults.length > 0 || conversations.length === 0;
}

export function productReportInWords(report: ProductReport): string {
  const lines = report.conversations.flatMap(({ file, number, outcome, messages, error, leftOut }) => [
    `${file} ${number}: ${outcome}${messages ? `, ${messages} messages` : ""}${error ? `: ${error}` : ""}`,
    ...leftOut.map(({ messageId, reason }) => `  left out${messageId ? ` of message ${messageId}` : ""}: ${reason}`),
  ]);
  for (const { file, fault } of report.faults) lines.push(`${file}: ${fault}`);
  for (const { file, reason } of report.skipped) lines.push(`${file}: left out: ${reason}`);
  return [...lines, sumOf(report)].join("\n");
}

function sumOf({ imported, messages, alreadyThere, failed }: Omit<ImportReport, "conversations">): string {
  return `${imported} conversations imported with ${messages} messages, ${alreadyThere} already there, ${failed} failed.`;
}

export function reportInWords(report: ImportReport): string {
  const { conversations, omitted, stopped } = report;
  const lines = conversations.map(
    ({ line, source, outcome, messages: count, error }) =>
      `line ${line}: ${source ?? "?"}: ${outcome}${count ? `, ${count} messages` : ""}${error ? `: ${error}` : ""}`,
  );
  if (omitted) lines.push(`and ${omitted} lines more`);
  if (stopped) lines.push(stopped);
  return [...lines, sumOf(report)].join("\n");
}
