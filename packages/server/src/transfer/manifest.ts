/** The manifest of an export that was cut into several files. */

/** Files that it names for a part of the export, and that are not there. */
export function missingShards(manifest: Uint8Array | undefined, names: readonly string[]): string[] {
  if (!manifest) return [];
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(manifest).toString("utf8"));
  } catch {
    return [];
  }
  const parts = (value as { logical_files?: Record<string, { files?: unknown } | null> } | null)?.logical_files;
  const files = parts?.["conversations.json"]?.files;
  if (!Array.isArray(files)) return [];
  const there = names.map((name) => name.split("/").at(-1));
  return files.filter((name): name is string => typeof name === "string" && !there.includes(name.split("/").at(-1)));
}
