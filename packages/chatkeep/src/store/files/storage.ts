/** Where the bytes of files are, if not in the database. */
import { ChatkeepError, UnavailableError } from "../../errors.ts";

/**
 * A place for the bytes of files beside the database, such as `folderStorage` of `chatkeep/folder` or `s3Storage` of `chatkeep/s3`.
 * A file is some objects of at most 4 MiB, whose keys are made of letters, digits, `-` and `/`. What it throws is `unavailable` to
 * whoever asked for a file.
 */
export interface FileStorage {
  /** Keeps bytes under a key, where they are as a whole or not at all; the same again changes nothing. */
  put(key: string, bytes: Uint8Array): Promise<void>;
  /** `undefined` where there are none. */
  get(key: string): Promise<Uint8Array | undefined>;
  /** Where there are none, nothing happens. */
  remove(keys: readonly string[]): Promise<void>;
}

/** INVARIANT: every object of a file but the last has so many bytes, by which a range is found. */
export const objectBytes = 4 * 1024 * 1024;

/** The keys of a file's objects. INVARIANT: never others, or what is stored would not be found. */
export function objectKey(contentId: string, seq: number): string {
  return `${contentId}/${seq}`;
}

/** @throws unavailable */
export async function asking<Result>(ask: () => Promise<Result>): Promise<Result> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof ChatkeepError) throw error;
    throw new UnavailableError("The place where files are kept does not answer: try again in a moment.", {
      cause: error,
    });
  }
}

/** @throws unavailable for a store that was not given the storage in which the bytes are */
export function requireStorage(storage: FileStorage | undefined): FileStorage {
  if (storage) return storage;
  throw new UnavailableError(
    "The bytes of this file are in a storage that this program was not given: set fileStorage of createStore, or CHATKEEP_FILES.",
  );
}
