/** What a file is, by its first bytes. What its sender says counts only where they do not contradict. */
import * as z from "zod";

/** As a client may say it, also with parameters, which are left out. */
export const mediaTypeSchema = z
  .string("must be a text")
  .max(255, "must have at most 255 characters")
  .transform((given) => given.split(";")[0]?.trim().toLowerCase() ?? "")
  .refine((given) => /^[a-z0-9][a-z0-9!#$&^_.+-]*\/[a-z0-9][a-z0-9!#$&^_.+-]*$/.test(given), {
    error: 'must be a media type, such as "image/png"',
  });

interface Signature {
  type: string;
  /** What the same beginning can be as well: then the sender knows better. */
  also?: RegExp;
  at?: number;
  bytes: string;
  /** Another mark, further on. */
  mark?: { at: number; bytes: string };
}

const zipped =
  /^application\/(epub\+zip|java-archive|vnd\.(openxmlformats-officedocument|oasis\.opendocument|android|google-earth)[\w.+-]*|vnd\.ms-[\w.-]+)$/;

/** Strings of Latin-1: a character is a byte. */
const signatures: readonly Signature[] = [
  { type: "image/png", bytes: "\x89PNG\r\n\x1a\n" },
  { type: "image/jpeg", bytes: "\xff\xd8\xff" },
  { type: "image/gif", bytes: "GIF87a" },
  { type: "image/gif", bytes: "GIF89a" },
  { type: "image/webp", bytes: "RIFF", mark: { at: 8, bytes: "WEBP" } },
  { type: "audio/wav", bytes: "RIFF", mark: { at: 8, bytes: "WAVE" } },
  { type: "video/x-msvideo", bytes: "RIFF", mark: { at: 8, bytes: "AVI " } },
  { type: "image/tiff", bytes: "II*\0" },
  { type: "image/tiff", bytes: "MM\0*" },
  { type: "image/x-icon", bytes: "\0\0\x01\0" },
  { type: "image/avif", at: 4, bytes: "ftypavif" },
  { type: "image/heic", at: 4, bytes: "ftyphei", also: /^image\/heif$/ },
  { type: "image/heif", at: 4, bytes: "ftypmif1", also: /^image\/(heic|avif)$/ },
  { type: "audio/mp4", at: 4, bytes: "ftypM4A" },
  { type: "video/quicktime", at: 4, bytes: "ftypqt" },
  { type: "video/mp4", at: 4, bytes: "ftyp", also: /^(audio\/(mp4|x-m4a|aac)|video\/(quicktime|3gpp))$/ },
  { type: "video/webm", bytes: "\x1aE\xdf\xa3", also: /^(audio\/webm|video\/(x-)?matroska)$/ },
  { type: "audio/ogg", bytes: "OggS", also: /^(video|application)\/ogg$/ },
  { type: "audio/flac", bytes: "fLaC" },
  { type: "audio/mpeg", bytes: "ID3" },
  { type: "application/pdf", bytes: "%PDF-" },
  { type: "application/zip", bytes: "PK\x03\x04", also: zipped },
  { type: "application/zip", bytes: "PK\x05\x06", also: zipped },
  { type: "application/gzip", bytes: "\x1f\x8b" },
  { type: "application/x-7z-compressed", bytes: "7z\xbc\xaf\x27\x1c" },
  { type: "application/x-executable", bytes: "\x7fELF" },
  { type: "application/vnd.microsoft.portable-executable", bytes: "MZ" },
  {
    type: "application/x-ole-storage",
    bytes: "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    also: /^application\/(msword|vnd\.ms-)/,
  },
  { type: "application/wasm", bytes: "\0asm" },
];

const wordTypes =
  /^(text\/[\w.+-]+|application\/([\w.+-]+\+)?(json|xml|yaml)|application\/(x-)?(ndjson|jsonl|javascript|typescript|sh|toml|sql|tex|yaml|rtf|python-code)|image\/svg\+xml|message\/rfc822)$/;

const byEnding: Readonly<Record<string, string>> = {
  csv: "text/csv",
  htm: "text/html",
  html: "text/html",
  json: "application/json",
  md: "text/markdown",
  svg: "image/svg+xml",
  xml: "application/xml",
  yaml: "application/yaml",
  yml: "application/yaml",
};

const known = new Set(signatures.map(({ type }) => type));
const unknownType = "application/octet-stream";

/** So many bytes tell what a file is. */
export const sniffedBytes = 4096;

/** The type of a file that begins with these bytes; of words and of what is not known its sender's, or that of its name's ending. */
export function mediaTypeOf(beginning: Uint8Array, claimed: string | undefined, name: string): string {
  const head = beginning.subarray(0, sniffedBytes);
  const latin = Array.from(head.subarray(0, 32), (byte) => String.fromCharCode(byte)).join("");
  const found = signatures.find(
    ({ at = 0, bytes, mark }) => latin.startsWith(bytes, at) && (!mark || latin.startsWith(mark.bytes, mark.at)),
  );
  // "MZ" and the like begin words, too.
  if (found && (found.bytes.length > 3 || !isText(head))) {
    return claimed && found.also?.test(claimed) ? claimed : found.type;
  }
  if (isText(head)) {
    if (claimed && claimed !== "text/plain" && wordTypes.test(claimed)) return claimed;
    return byEnding[/\.(\w+)$/.exec(name.toLowerCase())?.[1] ?? ""] ?? "text/plain";
  }
  return claimed && !known.has(claimed) && !wordTypes.test(claimed) ? claimed : unknownType;
}

/** Words in UTF-8, or in UTF-16 with its mark; the last character may be cut off. */
function isText(head: Uint8Array): boolean {
  if ((head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff)) return true;
  try {
    const words = new TextDecoder("utf-8", { fatal: true }).decode(head, { stream: true });
    return !/[\0-\x08\x0e-\x1a\x1c-\x1f]/.test(words);
  } catch {
    return false;
  }
}
