/** Crash-exact CSV: one writer per file, whole lines appended, a torn last line cut off before anything reads it. */

import { numberText } from "./json.ts";

/** What a CSV cell may be given as. */
export type Cell = string | number | boolean | null | undefined;

/** A row read back: numbers where the text is one (`inf` and `nan` too), otherwise the text. */
export type Row = Readonly<Record<string, string | number>>;

/** Appends rows to one CSV file. */
export interface CsvWriter {
  /** The file's absolute path. */
  readonly path: string;
  /**
   * Appends one whole line. Columns that are left out stay empty.
   *
   * @throws {RangeError} when the row has a column that the file has not
   */
  append(row: Readonly<Record<string, Cell>>): void;
}

/** One cell: infinities as `inf`, quoted where needed; a line break becomes a space, so that a line is always a row. */
export function formatCell(value: Cell): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "number") return numberText(value);
  const text = String(value).replace(/\r\n|\r|\n/g, " ");
  return /[",]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** One line of CSV, with its line feed. */
export function formatLine(cells: readonly Cell[]): string {
  return cells.map(formatCell).join(",") + "\n";
}

/** A CSV file that is open for appending; see {@link CsvWriter}. */
export class CsvFile implements CsvWriter {
  readonly path: string;
  /** Its columns, in order. */
  readonly columns: readonly string[];
  #file: Deno.FsFile;
  #bytes: number;

  /**
   * Opens or creates the file. A torn last line is cut off; the header is written when the file is empty.
   *
   * @param path where the file is
   * @param columns its columns, in order
   * @throws {Error} when the file has other columns
   */
  constructor(path: string, columns: readonly string[]) {
    if (columns.length === 0) throw new RangeError(`Expected at least one column for ${path}, found none`);
    this.path = path;
    this.columns = [...columns];
    this.#file = Deno.openSync(path, { read: true, write: true, create: true });
    try {
      this.#bytes = this.#cutTornLine();
      const header = formatLine(columns);
      if (this.#bytes === 0) this.#write(header);
      else {
        const found = readHeaderLine(path);
        if (found + "\n" !== header) {
          throw new Error(
            `Expected the columns ${header.trim()} in ${path}, found ${found}: one file has one set of columns`,
          );
        }
      }
    } catch (error) {
      this.#file.close();
      throw error;
    }
  }

  /** Length of the file in bytes: whole lines only. */
  get bytes(): number {
    return this.#bytes;
  }

  append(row: Readonly<Record<string, Cell>>): void {
    for (const key of Object.keys(row)) {
      if (!this.columns.includes(key)) {
        throw new RangeError(`Expected one of the columns ${this.columns.join(", ")} in ${this.path}, found ${key}`);
      }
    }
    this.#write(formatLine(this.columns.map((column) => row[column])));
  }

  /** Makes what was appended durable. */
  flush(): void {
    this.#file.syncDataSync();
  }

  /** Closes the file. */
  close(): void {
    this.#file.close();
  }

  #write(line: string): void {
    const bytes = new TextEncoder().encode(line);
    let done = 0;
    while (done < bytes.length) done += this.#file.writeSync(bytes.subarray(done));
    this.#bytes += bytes.length;
  }

  #cutTornLine(): number {
    const bytes = Deno.readFileSync(this.path);
    const whole = bytes.lastIndexOf(10) + 1;
    if (whole < bytes.length) this.#file.truncateSync(whole);
    this.#file.seekSync(whole, Deno.SeekMode.Start);
    return whole;
  }
}

function readHeaderLine(path: string): string {
  const text = Deno.readTextFileSync(path);
  return text.slice(0, text.indexOf("\n"));
}

/** Cuts off everything after the last line feed: what remains was written whole. */
export function cutTornLine(text: string): string {
  return text.slice(0, text.lastIndexOf("\n") + 1);
}

/**
 * Parses CSV text with a header into rows of text. The last line is dropped when it has no line feed.
 *
 * @returns the header and the rows, every row as long as the header
 */
export function parseCsv(text: string): { columns: string[]; rows: string[][] } {
  const whole = cutTornLine(text);
  const lines: string[][] = [];
  let row: string[] = [];
  let cell = "";
  let quoted = false;
  for (let i = 0; i < whole.length; i++) {
    const c = whole[i];
    if (quoted) {
      if (c !== '"') cell += c;
      else if (whole[i + 1] === '"') cell += whole[++i];
      else quoted = false;
    } else if (c === '"' && cell === "") quoted = true;
    else if (c === ",") {
      row.push(cell);
      cell = "";
    } else if (c === "\n") {
      row.push(cell.endsWith("\r") ? cell.slice(0, -1) : cell);
      lines.push(row);
      row = [];
      cell = "";
    } else cell += c;
  }
  const columns = lines.shift() ?? [];
  return { columns, rows: lines.map((line) => columns.map((_, index) => line[index] ?? "")) };
}

/** Parses CSV text into one object per row; cells that are numbers become numbers. */
export function parseRows(text: string): Row[] {
  const { columns, rows } = parseCsv(text);
  return rows.map((row) => Object.fromEntries(columns.map((column, index) => [column, cellValue(row[index] ?? "")])));
}

function cellValue(text: string): string | number {
  if (text === "inf") return Infinity;
  if (text === "-inf") return -Infinity;
  if (text === "nan") return NaN;
  if (/^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/.test(text)) return Number(text);
  return text;
}

/** Reads a CSV file; a missing file has no rows. */
export async function readCsvFile(path: string): Promise<Row[]> {
  try {
    return parseRows(await Deno.readTextFile(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
