/** What a disk that is full, read-only or broken means for the user: which path, and how to mend it. */

import { isUserFacing, MachineError } from "./errors.ts";

const again = "then run the same command again: it goes on from what is done";
const elsewhere = "or name other folders (--cache-dir, --runs-dir)";

/** Code of the system -> what to tell. */
const sentences: Readonly<Record<string, (path: string) => string>> = {
  ENOSPC: (path) => `The disk is full, nothing more can be written to ${path}: free space there, ${again}`,
  EDQUOT: (path) => `The disk quota is used up, nothing more can be written to ${path}: free space there, ${again}`,
  EROFS: (path) =>
    `Expected to write to ${path}, but its file system is read-only: mount it writable ${elsewhere}, ${again}`,
  EACCES: (path) =>
    `Expected to use ${path}, but permission is denied: make it writable for this user ${elsewhere}, ${again}`,
  EPERM: (path) =>
    `Expected to use ${path}, but the system does not permit it: make it writable ${elsewhere}, ${again}`,
  ENOTDIR: (path) => `Expected a folder, but a part of ${path} is a file: name another one, ${again}`,
  EIO: (path) =>
    `The disk failed to read or write ${path} (input/output error): look for its fault in the system's log, ${again}`,
};

/**
 * Turns an error of the disk into one that says how to mend it; any other error is given back as it is.
 *
 * @param error anything thrown
 * @param where what was worked in, for errors that name no path: those of a write do not
 */
export function explainDisk(error: unknown, where: string): unknown {
  if (!(error instanceof Error) || error instanceof Deno.errors.NotCapable) return error;
  const code = "code" in error ? String(error.code) : "";
  const sentence = Object.hasOwn(sentences, code) ? sentences[code] : undefined;
  if (!sentence || isUserFacing(error)) return error;
  // Deno writes: No space left on device (os error 28): rename '/from' -> '/to'
  const named = /'([^']+)'$/.exec((error as Error).message)?.[1];
  return new MachineError(sentence(named ?? where), { cause: error });
}
