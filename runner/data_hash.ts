/** Content hashes of data files and folders, remembered by path, size and modification time. */

import { resolve } from "node:path";
import { createHash } from "node:crypto";
import { UsageError } from "./errors.ts";
import { canonicalJson, readJson, sha256, writeJson } from "./json.ts";
import { listFiles } from "./paths.ts";

type Memo = Record<string, readonly [size: number, modified: number, sha256: string]>;

/** A file younger than this, in milliseconds, may change again within the same time stamp: it is not remembered. */
const young = 2000;

/**
 * Hash of a file's content, or of a folder's names and contents.
 *
 * @param path file or folder, relative to the working directory or absolute
 * @param cache the cache folder, where hashes are remembered under `.files/`
 * @param owner who declared it, for the error
 * @throws {UsageError} when it does not exist
 */
export async function hashData(path: string, cache: string, owner: string): Promise<string> {
  const absolute = resolve(path);
  let found: Deno.FileInfo;
  try {
    found = await Deno.stat(absolute);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new UsageError(
      `Expected data of ${owner} at ${path}, found nothing: check the path (it is taken from ${Deno.cwd()})`,
    );
  }
  const memoPath = `${cache}/.files/${sha256(absolute)}.json`;
  const memo = (await readJson(memoPath) ?? {}) as unknown as Memo;
  const next: Memo = {};
  const names = found.isDirectory ? await listFiles(absolute) : [""];
  const hashes: Record<string, string> = {};
  let changed = names.length !== Object.keys(memo).length;
  for (const name of names) {
    const file = name === "" ? absolute : `${absolute}/${name}`;
    const { size, mtime } = await Deno.stat(file);
    const modified = mtime?.getTime() ?? 0;
    const known = memo[name];
    if (known && known[0] === size && known[1] === modified) {
      next[name] = known;
      hashes[name] = known[2];
      continue;
    }
    hashes[name] = await hashFile(file);
    changed = true;
    if (Date.now() - modified > young) next[name] = [size, modified, hashes[name]];
  }
  if (changed) {
    await Deno.mkdir(`${cache}/.files`, { recursive: true });
    await writeJson(memoPath, next);
  }
  return found.isDirectory ? sha256(canonicalJson(hashes)) : hashes[""] as string;
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  using file = await Deno.open(path);
  const buffer = new Uint8Array(1 << 20);
  for (let n = await file.read(buffer); n !== null; n = await file.read(buffer)) hash.update(buffer.subarray(0, n));
  return hash.digest("hex");
}
