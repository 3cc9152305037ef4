/**
 * Columns of a PLY file into memory, whatever its byte order, types and layout.
 * @module
 */
import { SceneError } from "./errors.ts";
import type { Ply, PlyElement, PlyType } from "./ply.ts";

/** Where a column lives in memory: the value of row i is `data[i * stride + offset]`. */
export interface PlyColumn<T extends Float32Array | Uint32Array | Uint8Array> {
  /** Name of the property. */
  readonly name: string;
  /** The array, shared by several columns. */
  readonly data: T;
  /** Elements from one row to the next. */
  readonly stride: number;
  /** Element of row 0. */
  readonly offset: number;
}

type Read = (view: DataView, at: number, little: boolean) => number;

const TYPES: Record<PlyType, { readonly read: Read; readonly whole?: [number, number] }> = {
  char: { read: (view, at) => view.getInt8(at), whole: [-128, 127] },
  uchar: { read: (view, at) => view.getUint8(at), whole: [0, 255] },
  short: { read: (view, at, little) => view.getInt16(at, little), whole: [-32768, 32767] },
  ushort: { read: (view, at, little) => view.getUint16(at, little), whole: [0, 65535] },
  int: { read: (view, at, little) => view.getInt32(at, little), whole: [-(2 ** 31), 2 ** 31 - 1] },
  uint: { read: (view, at, little) => view.getUint32(at, little), whole: [0, 2 ** 32 - 1] },
  float: { read: (view, at, little) => view.getFloat32(at, little) },
  double: { read: (view, at, little) => view.getFloat64(at, little) },
};
/** Rows copied column by column at a time, so that they stay in the cache. */
const BLOCK = 256;
const NEWLINE = 10;
const MEND = "write it again or fetch it again";
const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;

/**
 * Copies columns of an element, which has them, into memory; other columns are skipped.
 *
 * @throws SceneError naming the row, from 0, of an ascii file that is not made of numbers of the declared types
 */
export function readPlyColumns(
  ply: Ply,
  element: PlyElement,
  columns: readonly PlyColumn<Float32Array | Uint32Array | Uint8Array>[],
): void {
  if (ply.format === "ascii") return readLines(ply, element, columns);
  const little = ply.format === "binary_little_endian";
  const view = new DataView(ply.body.buffer, ply.body.byteOffset, ply.body.byteLength);
  for (let first = 0; first < element.count; first += BLOCK) {
    const last = Math.min(first + BLOCK, element.count);
    for (const { name, data, stride, offset } of columns) {
      const property = element.properties.get(name)!;
      const { read } = TYPES[property.type];
      let at = element.start + first * element.stride + property.offset;
      let to = first * stride + offset;
      for (let row = first; row < last; row++) {
        data[to] = read(view, at, little);
        at += element.stride;
        to += stride;
      }
    }
  }
}

function readLines(
  ply: Ply,
  element: PlyElement,
  columns: readonly PlyColumn<Float32Array | Uint32Array | Uint8Array>[],
): void {
  const types = [...element.properties.values()].map((property) => property.type);
  const decoder = new TextDecoder();
  const values = new Float64Array(types.length);
  let at = 0;
  for (let row = -element.firstRow; row < element.count; row++) {
    const end = ply.body.indexOf(NEWLINE, at);
    const line = ply.body.subarray(at, end);
    at = end + 1;
    if (row < 0) continue;
    const text = decoder.decode(line);
    const words = text.trim().split(/[ \t]+/);
    const fail = (problem: string) => new SceneError(ply.file, `Row ${row}: ${problem}`, MEND);
    if (words.length !== types.length || words[0] === "") {
      throw fail(`expected ${types.length} numbers, found ${words[0] === "" ? 0 : words.length}`);
    }
    words.forEach((word, index) => {
      const whole = TYPES[types[index]!].whole;
      const value = parseNumber(word);
      if (value === undefined || (whole && !(Number.isInteger(value) && value >= whole[0] && value <= whole[1]))) {
        throw fail(`expected a number of type ${types[index]}, found ${JSON.stringify(word.slice(0, 40))}`);
      }
      values[index] = value;
    });
    for (const { name, data, stride, offset } of columns) {
      data[row * stride + offset] = values[element.properties.get(name)!.index]!;
    }
  }
}

/** Also the `nan` and `inf` that writers print: whether they may stand is for the reader of the column to say. */
function parseNumber(word: string): number | undefined {
  if (NUMBER.test(word)) return Number(word);
  const special = /^([-+]?)(nan|inf|infinity)$/i.exec(word);
  if (!special) return undefined;
  return special[2]!.toLowerCase() === "nan" ? NaN : special[1] === "-" ? -Infinity : Infinity;
}
