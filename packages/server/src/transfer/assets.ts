/** Files that lie beside the conversations of an export, found by the ids that these have for them. */

/** One of them. */
export interface Asset {
  /** What it is called there, or what the export says that it was called. */
  name: string;
  open(): Promise<AsyncIterable<Uint8Array>>;
}

/** A file of an export, wherever it lies: in a ZIP, or in a folder. */
export interface AssetFile {
  path: string;
  open(): Promise<AsyncIterable<Uint8Array>>;
}

/** Finds them, by the ids that messages have for them. */
export interface AssetFinder {
  find(id: string): Promise<Asset | undefined>;
}

/** What is longer is no list of names. */
const maxNames = 16 * 1024 * 1024;
const namesFile = /(?:^|\/)conversation_asset_file_names\.json$/i;
/** ChatGPT's, or the SHA-256 of the bytes, as our own archive has them. */
const idPattern = /^(?:file[-_][A-Za-z0-9]+|[0-9a-f]{64}$)/;

export class Assets implements AssetFinder {
  readonly #files = new Map<string, AssetFile>();
  #namesFile: AssetFile | undefined;
  #names: Promise<Record<string, unknown>> | undefined;

  add(file: AssetFile): void {
    if (namesFile.test(file.path)) this.#namesFile = file;
    const id = idPattern.exec(baseName(file.path))?.[0];
    if (id && !this.#files.has(id)) this.#files.set(id, file);
  }

  /** By an id such as `file_0a1b`, with which its name begins. */
  async find(id: string): Promise<Asset | undefined> {
    const file = this.#files.get(id);
    if (!file) return undefined;
    this.#names ??= this.#readNames();
    const base = baseName(file.path);
    const known = (await this.#names)[base];
    return { name: typeof known === "string" && known !== "" ? baseName(known) : base, open: file.open };
  }

  async #readNames(): Promise<Record<string, unknown>> {
    const pieces: Uint8Array[] = [];
    let bytes = 0;
    try {
      for await (const piece of (await this.#namesFile?.open()) ?? []) {
        bytes += piece.length;
        if (bytes > maxNames) return {};
        pieces.push(piece);
      }
      const value: unknown = JSON.parse(Buffer.concat(pieces).toString("utf8"));
      return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
    } catch {
      // Names that cannot be read are no reason to lose the files.
      return {};
    }
  }
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
