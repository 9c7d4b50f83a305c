/** A folder for what is too large for memory, in the system's folder of temporary files. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UnavailableError } from "chatkeep";

export interface TemporaryFolder {
  path: string;
  remove(): Promise<void>;
}

/** @throws unavailable when there is no room for it */
export async function temporaryFolder(): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(tmpdir(), "chatkeep-import-")).catch(noRoom);
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** @throws unavailable for a disk that is full or may not be written, and anything else as it is */
export function noRoom(error: unknown): never {
  const { code } = error as { code?: string };
  const isDisk = ["ENOSPC", "EDQUOT", "EROFS", "EACCES"].includes(String(code));
  if (!isDisk) throw error;
  throw new UnavailableError("The server has no room for this file now: try a smaller one, or ask its operator.", {
    cause: error,
  });
}
