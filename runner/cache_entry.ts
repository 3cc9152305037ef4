/** An entry of the cache as it is found: whole, damaged, or with what killed attempts left. */

import { acquire, isClaimFile, liveHolder } from "./claim.ts";
import { readResult, type StageResult } from "./result.ts";

/** What is found in an entry. */
export interface FoundEntry {
  /** The result, when it is there and so are all its files. */
  readonly result?: StageResult;
  /** What is wrong with the files of a result that is there. */
  readonly damage?: string;
}

/**
 * Looks whether the result of a stage can be used: every file that it lists must be there, in the size that it had. Files are
 * not read: it would take as long as many stages do.
 *
 * @param directory the entry's folder
 */
export async function findEntry(directory: string): Promise<FoundEntry> {
  const result = await readResult(directory);
  if (!result) return {};
  for (const file of result.files) {
    const found = await sizeOf(`${directory}/${file}`);
    const expected = result.bytes?.[file];
    if (found === undefined) return { damage: `${file} is missing` };
    if (expected !== undefined && found !== expected) {
      return { damage: `${file} has ${found} bytes instead of ${expected}` };
    }
  }
  return { result };
}

/** Size of a file in bytes; undefined when it is not there. */
async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await Deno.stat(path)).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw error;
  }
}

/**
 * Removes from an entry with a result what an attempt left that died right after it wrote the result, if nobody is at work there.
 *
 * @param run the run that does it
 */
export async function tidyEntry(directory: string, run: string): Promise<void> {
  const left = await leftovers(directory);
  if (left.length === 0 || await liveHolder(directory)) return;
  let busy = false;
  const claim = await acquire(directory, {
    run,
    finished: () => Promise.resolve(busy),
    whileWaiting: () => busy = true,
  });
  try {
    for (const name of await leftovers(directory)) {
      if (claim && !isClaimFile(name)) await Deno.remove(`${directory}/${name}`, { recursive: true });
    }
  } finally {
    await claim?.release(true);
  }
}

/** Names in an entry that are no part of a result. */
async function leftovers(directory: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(directory)) {
    if (isClaimFile(name) || name === "checkpoint" || name.endsWith(".tmp")) names.push(name);
  }
  return names;
}
