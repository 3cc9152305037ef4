/**
 * The whole lines of files: what was cut in the middle of a line, or is not as long as it was, never reaches a table.
 *
 * @module
 */
import { join } from "node:path";
import { isSparseTable } from "../runner/table_file.ts";
import type { Warn } from "./json_files.ts";

/** Where files are read to, grown as needed: thousands of small files make no garbage. */
let space = new Uint8Array(1 << 16);

const decoder = new TextDecoder();

/**
 * A file's whole lines as bytes; undefined when there is none, or when its size is not the expected one, with a warning.
 *
 * The bytes are good until the next file is read.
 *
 * @param bytes size that result.json gives; undefined where it says none
 */
export function readWholeBytes(
  root: string,
  file: string,
  bytes: number | undefined,
  warn: Warn,
): Uint8Array<ArrayBuffer> | undefined {
  const found = readBytes(join(root, file));
  if (found === undefined) return undefined;
  const { length } = found;
  if (bytes !== undefined && length !== bytes) {
    warn(`${file} has ${length} bytes where result.json says ${bytes}; it was left out`);
    return undefined;
  }
  if (isSparseTable(found)) {
    warn(`${file} was left out: its lines are far shorter than its header`);
    return undefined;
  }
  if (length === 0 || found[length - 1] === lineFeed) return found;
  warn(`${file} ends in the middle of a line; that line was left out`);
  return found.subarray(0, found.lastIndexOf(lineFeed) + 1);
}

/** A file's whole lines as text; see {@link readWholeBytes}. */
export function readWhole(root: string, file: string, bytes: number | undefined, warn: Warn): string | undefined {
  const found = readWholeBytes(root, file, bytes, warn);
  return found && decoder.decode(found);
}

/** A file's bytes, good until the next file is read; undefined when there is none. */
export function readBytes(path: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    const length = readInto(path);
    return space.subarray(0, length);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function readInto(path: string): number {
  using file = Deno.openSync(path);
  let length = 0;
  while (true) {
    if (length === space.length) {
      const larger = new Uint8Array(2 * space.length);
      larger.set(space);
      space = larger;
    }
    const read = file.readSync(space.subarray(length));
    if (read === null) return length;
    length += read;
  }
}

const lineFeed = 10, comma = 44, quote = 34, carriageReturn = 13;

/** Lines of many files that are to become one piece of CSV: of each line the wanted cells, a number in front. */
export class LineBuffer {
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;

  /**
   * Makes an empty one.
   *
   * @param capacity bytes that it holds before it has to grow
   */
  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity);
  }

  /** Bytes so far. */
  get length(): number {
    return this.#length;
  }

  /** What was added; good until something is added again. */
  take(): Uint8Array<ArrayBuffer> {
    const taken = this.#bytes.subarray(0, this.#length);
    this.#length = 0;
    return taken;
  }

  /**
   * Adds lines, of each the wanted cells.
   *
   * @param source whole lines of CSV
   * @param from where the first of them begins
   * @param wanted for each column of the lines, 1 where its cell is wanted
   * @param number what is put in front
   * @returns false when the lines are not simple (quotes, a line that ends before a wanted cell, or without a line feed); then nothing is added
   */
  add(source: Uint8Array, from: number, wanted: Uint8Array, number: number): boolean {
    if (source.indexOf(quote, from) >= 0 || source.indexOf(carriageReturn, from) >= 0) return false;
    if (source.length > from && source[source.length - 1] !== lineFeed) return false;
    const front = new TextEncoder().encode(`${number}`);
    const last = wanted.lastIndexOf(1), end = source.length;
    // A line becomes longer by the number and one comma at most; a line has at least one byte.
    this.#reserve((end - from) * (front.length + 3));
    const target = this.#bytes;
    let at = this.#length, i = from;
    while (i < end) {
      for (let k = 0; k < front.length; k++) target[at++] = front[k]!;
      for (let column = 0; column <= last; column++) {
        if (column > 0 && source[i++] !== comma) return false;
        let byte = source[i]!;
        if (wanted[column] === 1) {
          target[at++] = comma;
          while (byte !== comma && byte !== lineFeed) {
            target[at++] = byte;
            byte = source[++i]!;
          }
        } else while (byte !== comma && byte !== lineFeed) byte = source[++i]!;
      }
      target[at++] = lineFeed;
      i = source.indexOf(lineFeed, i) + 1;
    }
    this.#length = at;
    return true;
  }

  /** Adds text as it is. */
  addText(text: string): void {
    this.#reserve(3 * text.length);
    this.#length += new TextEncoder().encodeInto(text, this.#bytes.subarray(this.#length)).written;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(2 * this.#bytes.length, this.#length + more));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}
