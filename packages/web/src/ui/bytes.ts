/** Sizes of files, as people read them. */
import { language } from "../strings/index.ts";

const units = ["byte", "kilobyte", "megabyte", "gigabyte"] as const;

export function bytesInWords(bytes: number): string {
  const step = bytes < 1 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), units.length - 1);
  return new Intl.NumberFormat(language, {
    style: "unit",
    unit: units[step] ?? "byte",
    unitDisplay: step === 0 ? "long" : "short",
    maximumFractionDigits: 1,
  }).format(bytes / 1000 ** step);
}
