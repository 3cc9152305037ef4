/**
 * CSV files of runs that may come from anybody. The parser gives every row as many cells as the header has, and looks at cells for
 * numbers in a time that grows with the square of their length: two small files could take all memory, or minutes.
 */

import { parseRows, type Row } from "./csv.ts";
import { plainText } from "./plain_text.ts";

/** Cells of a table for each byte of its file, at most; our own have one for two bytes. */
const MOST_CELLS_PER_BYTE = 16;
/** So many cells may be there in any case. */
const MOST_CELLS = 1_000_000;
/** More digits than any number has. */
const LONG_NUMBER = /\d{400}/;

const LINE_FEED = 10, COMMA = 44;

/** True for whole lines of CSV that are much shorter than their header: it would become far more cells than it has bytes. */
export function isSparseTable(bytes: Uint8Array): boolean {
  const end = bytes.indexOf(LINE_FEED);
  let columns = 1, lines = 0;
  for (let at = bytes.indexOf(COMMA); at >= 0 && at < end; at = bytes.indexOf(COMMA, at + 1)) columns++;
  const most = MOST_CELLS + MOST_CELLS_PER_BYTE * bytes.length;
  // No file has more lines than bytes: those of runs are not counted.
  if (columns * bytes.length <= most) return false;
  for (let at = end; at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) lines++;
  return columns * lines > most;
}

/**
 * Reads a CSV file of a run as `readCsvFile` does; a missing one has no rows, and neither has one that is made to be expensive.
 *
 * @param path where it is
 */
export async function readTable(path: string): Promise<Row[]> {
  let bytes: Uint8Array;
  try {
    bytes = await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  const text = isSparseTable(bytes) ? "" : plainText(new TextDecoder().decode(bytes));
  return LONG_NUMBER.test(text) ? [] : parseRows(text);
}
