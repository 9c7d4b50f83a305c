/** The files of chatkeep's own export: their bytes stand between its lines, or lie beside these in its archive. */
import { createReadStream } from "node:fs";
import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import type { Asset, AssetFinder } from "./assets.ts";
import { chatkeep } from "./formats/chatkeep.ts";
import { fieldsOf } from "./formats/format.ts";
import { noRoom, type TemporaryFolder, temporaryFolder } from "./temporary-folder.ts";
import type { Value } from "./values.ts";

const hashPattern = /^[0-9a-f]{64}$/;

interface ExportedFile {
  name: string;
  hash: string;
  size: number;
}

export class ExportedFiles {
  readonly #files = new Map<string, ExportedFile>();
  /** How many bytes came of each, by their hash. */
  readonly #sizes = new Map<string, number>();
  /** What of each file of lines only an operator brings back. */
  readonly #tasks = new Map<string, number>();
  #folder: Promise<TemporaryFolder> | undefined;

  /** Keeps what is of a file, and gives anything else, with the way to them. @throws unavailable without room for them */
  async take(given: Value): Promise<Value | undefined> {
    if (!("value" in given) || !chatkeep.detect(given.value)) return given;
    const { type, id, name, hash, size, base64, fileId } = fieldsOf(given.value);
    if (type === "task") this.#tasks.set(given.file, (this.#tasks.get(given.file) ?? 0) + 1);
    if (type === "file" && hashPattern.test(String(hash)))
      this.#files.set(String(id), { name: String(name), hash: String(hash), size: Number(size) });
    if (type === "deleted" && fileId !== undefined) return undefined;
    if (type !== "bytes") return { ...given, assets: this.#among(given.assets) };
    if (hashPattern.test(String(hash)) && typeof base64 === "string") await this.#keep(String(hash), base64);
    return undefined;
  }

  /** What there is no place for in an import. */
  *leftOut(): Generator<Value> {
    for (const [file, count] of this.#tasks) {
      const reason = count === 1 ? "A task in it is" : `${count} tasks in it are`;
      yield { file, skipped: `${reason} brought back by chatkeep restore alone.` };
    }
  }

  async remove(): Promise<void> {
    await (await this.#folder?.catch(() => undefined))?.remove();
  }

  async #keep(hash: string, base64: string): Promise<void> {
    this.#folder ??= temporaryFolder();
    const bytes = Buffer.from(base64, "base64");
    await appendFile(join((await this.#folder).path, hash), bytes, { mode: 0o600 }).catch(noRoom);
    this.#sizes.set(hash, (this.#sizes.get(hash) ?? 0) + bytes.length);
  }

  #among(beside: AssetFinder | undefined): AssetFinder {
    return { find: (id) => this.#find(id, beside) };
  }

  async #find(id: string, beside: AssetFinder | undefined): Promise<Asset | undefined> {
    const file = this.#files.get(id);
    if (!file) return undefined;
    const { name, hash, size } = file;
    const folder = await this.#folder;
    // Of one that was removed while it was exported not all came.
    if (folder && this.#sizes.get(hash) === size) {
      return { name, open: async () => createReadStream(join(folder.path, hash)) as AsyncIterable<Uint8Array> };
    }
    const found = await beside?.find(hash);
    return found && { ...found, name };
  }
}
