/** Content hashes of data files and folders, remembered by path, size and the times of the last change. */

import { resolve } from "node:path";
import { createHash } from "node:crypto";
import { UsageError } from "./errors.ts";
import { canonicalJson, readJson, sha256, writeJson } from "./json.ts";
import { exists, listFiles } from "./paths.ts";

/**
 * `changed` is the time that the system notes itself (ctime): whoever writes a file moves it, also who puts the other one back,
 * as `cp -p`, `rsync -t` and archives do.
 */
type Memo = Record<string, readonly [size: number, modified: number, changed: number, sha256: string]>;

/**
 * A file younger than this, in milliseconds, may change again within the same time stamp: it is not remembered. Deno tells ctime
 * in whole seconds.
 */
const young = 2000;

/**
 * Hash of a file's content, or of a folder's names and contents. Links are followed: what they lead to counts, not where it lies.
 *
 * @param path file or folder, relative to the working directory or absolute
 * @param cache the cache folder, where hashes are remembered under `.files/`
 * @param owner who declared it, for the error
 * @param now milliseconds since 1970, to know which files are young
 * @throws {UsageError} when it does not exist, or holds a link that leads nowhere or back to a folder above it
 */
export async function hashData(path: string, cache: string, owner: string, now: number = Date.now()): Promise<string> {
  const absolute = resolve(path);
  const found = await statOf(
    absolute,
    `Expected data of ${owner} at ${path}, found nothing: check the path (it is taken from ${Deno.cwd()})`,
  );
  const memoPath = `${cache}/.files/${sha256(absolute)}.json`;
  const memo = (await readJson(memoPath) ?? {}) as unknown as Memo;
  const next: Memo = {};
  const files = found.isDirectory ? await filesOf(absolute, "", [], owner) : new Map([["", found]]);
  const hashes: Record<string, string> = {};
  let moved = files.size !== Object.keys(memo).length;
  for (const [name, { size, mtime, ctime }] of files) {
    const file = name === "" ? absolute : `${absolute}/${name}`;
    const modified = mtime?.getTime() ?? 0, changed = ctime?.getTime() ?? 0;
    const known = memo[name];
    if (known && known[0] === size && known[1] === modified && known[2] === changed) {
      next[name] = known;
      hashes[name] = known[3];
      continue;
    }
    const hash = hashes[name] = await hashFile(file);
    moved = true;
    if (now - Math.max(modified, changed) > young) next[name] = [size, modified, changed, hash];
  }
  if (moved) {
    await Deno.mkdir(`${cache}/.files`, { recursive: true });
    await writeJson(memoPath, next);
  }
  if (!found.isDirectory) return hashes[""] as string;
  const hash = sha256(canonicalJson(hashes));
  if (moved && !await exists(listing(cache, hash))) await writeJson(listing(cache, hash), hashes);
  return hash;
}

/**
 * The files in which two contents of a folder differ: names in order, each with what became of it.
 *
 * @param before an earlier answer of {@link hashData}
 * @param now a later one
 * @returns undefined when one of them is no folder, or was not hashed with this cache
 */
export async function dataChanges(cache: string, before: string, now: string): Promise<string[] | undefined> {
  const [old, found] = await Promise.all([before, now].map((hash) => readJson(listing(cache, hash))));
  if (!old || !found) return undefined;
  const [a, b] = [old, found] as Record<string, string>[];
  return [...new Set([...Object.keys(a ?? {}), ...Object.keys(b ?? {})])].sort().flatMap((name) => {
    const [first, second] = [a?.[name], b?.[name]];
    if (first === second) return [];
    return `${name} ${first === undefined ? "is new" : second === undefined ? "is gone" : "changed"}`;
  });
}

/** Where the names and hashes of a folder's files are kept, by the folder's hash. */
function listing(cache: string, hash: string): string {
  return `${cache}/.files/folder-${hash}.json`;
}

/** Every file of a folder, links followed: name -> what the system knows of it. */
async function filesOf(
  folder: string,
  prefix: string,
  above: readonly string[],
  owner: string,
): Promise<Map<string, Deno.FileInfo>> {
  const real = await Deno.realPath(folder);
  if (above.includes(real)) {
    throw new UsageError(
      `Expected data of ${owner} to be a tree, found the link ${folder} to a folder above it: remove it`,
    );
  }
  const files = new Map<string, Deno.FileInfo>();
  for (const name of await listFiles(folder)) {
    const path = `${folder}/${name}`;
    const found = await statOf(
      path,
      `Expected data of ${owner} at ${path}, found a link to nothing: mend or remove it`,
    );
    if (!found.isDirectory) files.set(prefix + name, found);
    else {for (const [inner, info] of await filesOf(path, `${prefix}${name}/`, [...above, real], owner)) {
        files.set(inner, info);
      }}
  }
  return files;
}

async function statOf(path: string, missing: string): Promise<Deno.FileInfo> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new UsageError(missing);
  }
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  using file = await Deno.open(path);
  const buffer = new Uint8Array(1 << 20);
  for (let n = await file.read(buffer); n !== null; n = await file.read(buffer)) hash.update(buffer.subarray(0, n));
  return hash.digest("hex");
}
