/** The files that messages hold themselves, as data URLs of whatever form. Nothing else is ever fetched. */

export interface DecodedFile {
  /** Without parameters, in small letters. */
  mediaType: string;
  base64: string;
  bytes: number;
  /** Whether it is words, in UTF-8. */
  isText: boolean;
}

const maxHeaderChars = 1_000;
const typeOnly = /^[\w!#$&^.+-]{1,64}\/[\w!#$&^.+-]{1,64}$/;
const textTypes = new Set(["application/json", "application/xml", "application/javascript", "application/yaml"]);

/** `undefined` when it is no data URL, or one that holds nothing. `declared` counts where the URL names no type. */
export async function decodeDataUrl(url: unknown, declared: unknown): Promise<DecodedFile | undefined> {
  if (typeof url !== "string" || url.slice(0, 5).toLowerCase() !== "data:") return undefined;
  const comma = url.indexOf(",");
  if (comma < 0 || comma > maxHeaderChars) return undefined;
  const [type = "", ...parameters] = url.slice(5, comma).split(";");
  const mediaType = essenceOf(type) ?? essenceOf(declared) ?? "application/octet-stream";
  const isSimple = parameters.length === 1 && parameters[0] === "base64" && !url.includes("%", comma);
  const held = isSimple ? Buffer.from(url.slice(comma + 1), "base64") : await bytesOf(url);
  if (!held || held.length === 0) return undefined;
  const isText = isTextType(mediaType);
  const bytes = isText ? inUtf8(held, charsetIn(parameters)) : held;
  return { mediaType, base64: bytes.toString("base64"), bytes: bytes.length, isText };
}

/** What models read as words, pictures that are drawn in words among them. */
export function isTextType(mediaType: string): boolean {
  return mediaType.startsWith("text/") || textTypes.has(mediaType) || /\+(?:json|xml)$/.test(mediaType);
}

/** Node knows how to read them: this touches no network. A file has no fragment: drawings have such marks in their colours. */
async function bytesOf(url: string): Promise<Buffer | undefined> {
  try {
    return Buffer.from(await (await fetch(url.replaceAll("#", "%23"))).arrayBuffer());
  } catch {
    return undefined;
  }
}

function essenceOf(type: unknown): string | undefined {
  if (typeof type !== "string") return undefined;
  const [essence = ""] = type.slice(0, maxHeaderChars).split(";");
  const plain = essence.trim().toLowerCase();
  return typeOnly.test(plain) ? plain : undefined;
}

function charsetIn(parameters: readonly string[]): string {
  const charset = parameters.map((each) => each.trim().toLowerCase()).find((each) => each.startsWith("charset="));
  return charset?.slice("charset=".length).replaceAll('"', "") ?? "utf-8";
}

function inUtf8(bytes: Buffer, charset: string): Buffer {
  try {
    return Buffer.from(new TextDecoder(charset).decode(bytes));
  } catch {
    return bytes;
  }
}
