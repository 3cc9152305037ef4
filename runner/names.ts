/** Names that become folders and columns, and the nearest name to a misspelt one. */

import { UsageError } from "./errors.ts";

/**
 * Refuses a name that could not be a folder: nothing escapes from `runs/` and `cache/`.
 *
 * @param name letters, digits, `_` and `-`, starting with a letter or digit, at most 64 characters
 * @param what what is named, for the error
 * @throws {UsageError} when it is something else
 */
export function checkName(name: string, what: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(name)) {
    throw new UsageError(
      `The ${what} name ${
        JSON.stringify(name)
      } must be 1 to 64 letters, digits, "_" or "-", starting with a letter or digit`,
    );
  }
  return name;
}

/**
 * Refuses a file name that would leave its folder or clash with the runner's own files.
 *
 * @throws {RangeError} when it is no plain file name
 */
export function checkFileName(name: string): string {
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/.test(name) || name === "claim" || name.startsWith("claim.")) {
    throw new RangeError(
      `Expected a plain file name of letters, digits, "_", "-" and ".", found ${JSON.stringify(name)}`,
    );
  }
  return name;
}

/** The candidate nearest to a misspelt name, if any is near enough to be meant. */
export function nearest(name: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Infinity;
  for (const candidate of candidates) {
    // "stpes" should find "fit.steps": last parts are compared too, but a whole name is nearer than its last part.
    const distance = Math.min(misspelling(name, candidate), misspelling(lastPart(name), lastPart(candidate)) + 0.5);
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** How far a name is from what may have been meant; Infinity when it is another word. */
function misspelling(name: string, meant: string): number {
  const distance = editDistance(name.toLowerCase(), meant.toLowerCase());
  return distance <= Math.max(2, Math.ceil(name.length / 2)) ? distance : Infinity;
}

function lastPart(name: string): string {
  return name.slice(name.lastIndexOf(".") + 1);
}

/** A sentence part that helps after an unknown name: the nearest one, else all of them. */
export function didYouMean(name: string, candidates: readonly string[]): string {
  const near = nearest(name, candidates);
  if (near !== undefined) return `did you mean ${near}?`;
  return candidates.length > 0 ? `known are ${candidates.join(", ")}` : "there are none";
}

/** Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours. */
export function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    const above = rows[i - 1] as number[];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let best = Math.min(
        (above[j] as number) + 1,
        (row[j - 1] as number) + 1,
        (above[j - 1] as number) + (same ? 0 : 1),
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, (rows[i - 2]?.[j - 2] as number) + 1);
      }
      row.push(best);
    }
    rows.push(row);
  }
  return rows[a.length]?.[b.length] as number;
}
