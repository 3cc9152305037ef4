/**
 * The lines of many files as few pieces of CSV: of each line the cells that queries name, the number of the file in front.
 *
 * @module
 */
import { formatLine, parseCsv } from "../runner/csv.ts";
import type { NodeFiles } from "./node_files.ts";
import { NumberBuffer, type NumberRows } from "./number_buffer.ts";
import { schemaColumns } from "./tables.ts";
import { LineBuffer } from "./whole_files.ts";

/** Columns that a row of a file gets from the node whose file it is. */
export const ownerColumns = ["run", "experiment", "preset", "scene", "node", "seed", "key"];

/** Pieces have about this many bytes, so that lines do not pile up. */
export const pieceLength = 4e6;

/** Pieces of numbers have about this many rows. */
const pieceRows = 120_000;

/** Lines of files that have the same first line. The bytes are good until the next piece is asked for. */
export interface FilePiece {
  /** That line. */
  readonly header: string;
  /** The first of these files: a piece without lines comes as soon as it is found. Empty in the pieces after it. */
  readonly first: Uint8Array<ArrayBuffer>;
  /** Lines: the number of the file in the list, then the cells that are wanted. */
  readonly csv: Uint8Array<ArrayBuffer>;
  /** Instead of lines the numbers in them, where all that is wanted are numbers. */
  readonly numbers?: NumberRows;
}

/**
 * For each column of a file, 1 where its cells are wanted: each name once, whatever its case.
 *
 * @param wanted words that name the wanted columns, in lower case; undefined for all
 */
export function wantedCells(columns: readonly string[], wanted: ReadonlySet<string> | undefined): Uint8Array {
  const lower = columns.map((name) => name.toLowerCase());
  return Uint8Array.from(columns, (name, i) => {
    if (name === "" || ownerColumns.includes(name) || lower.indexOf(lower[i]!) !== i) return 0;
    return wanted === undefined || (lower[i]!.match(/\w+/g) ?? []).every((word) => wanted.has(word)) ? 1 : 0;
  });
}

/** Lines of files with one header, waiting: those of numbers before the others. */
interface Waiting {
  readonly cells: Uint8Array;
  readonly lines: LineBuffer;
  /** Undefined where something else than numbers is wanted. */
  readonly numbers: NumberBuffer | undefined;
}

/**
 * Reads files, in order, and gives their lines in pieces.
 *
 * @param wanted words that name the wanted columns, in lower case; undefined for all
 * @param asNumbers whether pieces may be numbers
 */
export function* filePieces(
  files: Pick<NodeFiles, "name" | "list" | "read">,
  wanted: ReadonlySet<string> | undefined,
  asNumbers: boolean,
): Generator<FilePiece> {
  const decoder = new TextDecoder(), none = new Uint8Array();
  const known = new Set(schemaColumns(files.name).flatMap(({ name, type }) => type === "DOUBLE" ? [name] : []));
  const waiting = new Map<string, Waiting>();
  function* take(header: string, { lines, numbers }: Waiting): Generator<FilePiece> {
    if (numbers && numbers.length > 0) yield { header, first: none, csv: none, numbers: numbers.take() };
    if (lines.length > 0) yield { header, first: none, csv: lines.take() };
  }
  for (const [number, file] of files.list.entries()) {
    const bytes = files.read(file);
    const end = bytes.indexOf(10);
    if (end < 0 || end === bytes.length - 1) continue;
    const header = decoder.decode(bytes.subarray(0, end));
    let one = waiting.get(header);
    if (one === undefined) {
      const { columns } = parseCsv(decoder.decode(bytes));
      const cells = wantedCells(columns, wanted);
      const only = asNumbers && cells.includes(1) && columns.every((name, i) => cells[i] === 0 || known.has(name));
      const numbers = only ? new NumberBuffer(cells, pieceRows / 4) : undefined;
      one = { cells, lines: new LineBuffer(only ? 0 : pieceLength / 4), numbers };
      waiting.set(header, one);
      yield { header, first: bytes, csv: none };
    }
    const { cells, lines, numbers } = one;
    // Lines of text come after the numbers before them and before those after them: rows keep the order of the files.
    if (lines.length > 0 && numbers) yield* take(header, one);
    if (numbers?.add(bytes, end + 1, number)) {
      if (numbers.length >= pieceRows) yield* take(header, one);
      continue;
    }
    if (!lines.add(bytes, end + 1, cells, number)) {
      const { rows } = parseCsv(decoder.decode(bytes));
      lines.addText(rows.map((row) => formatLine([number, ...row.filter((_, i) => cells[i] === 1)])).join(""));
    }
    if (lines.length >= pieceLength) yield* take(header, one);
  }
  for (const [header, one] of waiting) yield* take(header, one);
}
