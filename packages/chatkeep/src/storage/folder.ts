/** chatkeep/folder: the bytes of files in a folder, for one machine, or one that all servers share. */
import { mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { FileStorage } from "../store/files/storage.ts";

export type { FileStorage } from "../store/files/storage.ts";

/**
 * For `fileStorage` of `createStore`: keeps the bytes of files in a folder, which must be there; one that is not, such as a disk that
 * is not mounted, is `unavailable`. Readable by this process's user alone.
 */
export function folderStorage(folder: string): FileStorage {
  if (typeof folder !== "string" || folder === "") throw new TypeError("folderStorage needs the path of a folder.");
  return {
    put: async (key, bytes) => {
      const { shard, path } = placeOf(folder, key);
      await mkdir(shard, { mode: 0o700 }).catch(unlessCode("EEXIST"));
      // Nobody else writes these: what a process that died has left is written over, or removed with the rest.
      const partial = partialOf(path);
      try {
        await writeWhole(partial, bytes);
        await rename(partial, path);
      } catch (error) {
        await rm(partial, { force: true }).catch(() => {});
        throw error;
      }
    },
    get: async (key) => {
      try {
        return new Uint8Array(await readFile(placeOf(folder, key).path));
      } catch (error) {
        unlessCode("ENOENT")(error);
        // Where the folder itself is gone, nothing is known of what was in it.
        await stat(folder);
        return undefined;
      }
    },
    remove: async (keys) => {
      await stat(folder);
      for (const key of keys) {
        const { path } = placeOf(folder, key);
        await rm(path, { force: true });
        await rm(partialOf(path), { force: true });
      }
    },
  };
}

/** Not all in one folder: the last digits of the ids that begin with their time are what differs. */
function placeOf(folder: string, key: string): { shard: string; path: string } {
  const [id = "", seq] = key.split("/");
  if (!/^[0-9a-f-]+\/\d+$/.test(key)) throw new TypeError(`folderStorage knows no keys like ${key}.`);
  const shard = join(folder, id.slice(-2));
  return { shard, path: join(shard, `${id}-${seq}`) };
}

const partialOf = (path: string) => `${path}.partial`;

/** On the disk before it has its name: a machine that stops leaves no half of it. */
async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, "w", 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

function unlessCode(code: string): (error: unknown) => void {
  return (error) => {
    if ((error as { code?: string }).code !== code) throw error;
  };
}
