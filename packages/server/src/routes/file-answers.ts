/** How a file of a user's goes out, so that nothing in it runs as a page of ours. */
import type { StoredFile } from "chatkeep";

/** What a browser shows by itself, and cannot run. Drawings (SVG) and pages are none of them. */
const shown =
  /^(image\/(png|jpeg|gif|webp|avif)|audio\/(mpeg|wav|ogg|mp4|webm|flac)|video\/(mp4|webm|ogg)|application\/(pdf|json)|text\/(plain|csv|markdown))$/;
const words = /^(text\/|application\/json$)/;

export function shownInPages(mediaType: string): boolean {
  return shown.test(mediaType);
}

/**
 * Asked for anew each time, since whoever signs out has it no longer; unchanged bytes are not sent again. Chrome shows no PDF in a
 * sandbox, and runs what is in one apart from pages.
 */
export function asIs({ mediaType, hash }: StoredFile): Record<string, string> {
  const sandbox = mediaType === "application/pdf" ? "" : "; sandbox";
  return {
    "content-type": words.test(mediaType) ? `${mediaType}; charset=utf-8` : mediaType,
    "content-security-policy": `default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'${sandbox}`,
    "cache-control": "private, no-cache",
    "accept-ranges": "bytes",
    etag: etagOf(hash),
  };
}

function etagOf(hash: string): string {
  return `"${hash}"`;
}

/** By If-None-Match. @see https://www.rfc-editor.org/rfc/rfc9110#name-if-none-match */
export function isUnchanged(header: string | undefined, { hash }: StoredFile): boolean {
  if (header === undefined) return false;
  const named = header.split(",").map((each) => each.trim().replace(/^W\//, ""));
  return named.includes("*") || named.includes(etagOf(hash));
}

/**
 * The bytes that a Range asks for, the end not among them; `undefined` for all of them, also where several ranges are asked for.
 * @see https://www.rfc-editor.org/rfc/rfc9110#name-range
 */
export function rangeOf(
  header: string | undefined,
  ifRange: string | undefined,
  { size, hash }: StoredFile,
): { start: number; end: number } | "outside" | undefined {
  const [, first = "", last = ""] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.replaceAll(" ", "") ?? "") ?? [];
  if ((first === "" && last === "") || (ifRange !== undefined && ifRange !== etagOf(hash))) return undefined;
  if (first === "") return last === "0" ? "outside" : { start: Math.max(0, size - Number(last)), end: size };
  const start = Number(first);
  const end = last === "" ? size : Math.min(Number(last) + 1, size);
  if (last !== "" && Number(last) < start) return undefined;
  return start >= size ? "outside" : { start, end };
}
