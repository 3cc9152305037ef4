/**
 * NumPy's .npy, version 1.0: float32, int32 and uint8, C order, little endian
 * (numpy/lib/format.py, "Format Version 1.0").
 * @module
 */
import { readBytes, SceneError } from "./errors.ts";

/** The element types read and written here. */
export type NpyData = Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;

/** An n-dimensional array in C order. */
export interface NpyArray<T extends NpyData = NpyData> {
  /** Lengths of the dimensions, slowest first; empty for a scalar. */
  readonly shape: readonly number[];
  /** The product of the shape many elements. */
  readonly data: T;
}

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
const MAX_HEADER = 4096;
const MAX_DIMENSIONS = 8;
const DESCR: Record<string, { bytes: number; make: (b: ArrayBuffer) => NpyData }> = {
  "<f4": { bytes: 4, make: (b) => new Float32Array(b) },
  "<i4": { bytes: 4, make: (b) => new Int32Array(b) },
  "|u1": { bytes: 1, make: (b) => new Uint8Array(b) },
};
const MEND = "write it again, for example with numpy.save(file, numpy.ascontiguousarray(a, dtype='<f4'))";

/**
 * Encodes an array; the same array always gives the same bytes.
 *
 * @throws RangeError when shape and data disagree
 */
export function encodeNpy(array: NpyArray): Uint8Array<ArrayBuffer> {
  const { shape, data } = array;
  const count = shape.reduce((product, n) => product * n, 1);
  if (shape.some((n) => !Number.isSafeInteger(n) || n < 0) || count !== data.length) {
    throw new RangeError(`Expected as many elements as the shape (${shape.join(", ")}) says, found ${data.length}`);
  }
  const descr = data instanceof Float32Array ? "<f4" : data instanceof Int32Array ? "<i4" : "|u1";
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  let header = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${tuple}, }`;
  header += " ".repeat((64 - (10 + header.length + 1) % 64) % 64) + "\n";
  const out = new Uint8Array(10 + header.length + data.byteLength);
  out.set(MAGIC);
  out[6] = 1;
  out[8] = header.length & 255;
  out[9] = header.length >> 8;
  out.set(new TextEncoder().encode(header), 10);
  out.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), 10 + header.length);
  return out;
}

/**
 * Decodes an array. The file must be exactly as long as its header says; nothing is allocated before that is checked.
 *
 * @param file its name, for messages
 * @throws SceneError when the file is torn, too long, or of a type, order or version that is not read here
 */
export function decodeNpy(bytes: Uint8Array, file: string): NpyArray {
  for (let i = 0; i < 6; i++) {
    if (bytes[i] !== MAGIC[i]) {
      throw new SceneError(file, "Not a .npy file (its first 6 bytes are not \\x93NUMPY)", MEND);
    }
  }
  if (bytes.length < 10) throw new SceneError(file, `Torn .npy file: it ends after ${bytes.length} bytes`, MEND);
  if (bytes[6] !== 1 || bytes[7] !== 0) {
    throw new SceneError(file, `Expected .npy version 1.0, found ${bytes[6]}.${bytes[7]}`, MEND);
  }
  const headerLength = bytes[8]! | bytes[9]! << 8;
  const start = 10 + headerLength;
  if (headerLength > MAX_HEADER) {
    throw new SceneError(file, `Expected a header of at most ${MAX_HEADER} bytes, found ${headerLength}`, MEND);
  }
  if (start > bytes.length) throw new SceneError(file, "Torn .npy file: it ends inside its header", MEND);
  const header = String.fromCharCode(...bytes.subarray(10, start));
  const match = header.match(
    /^\{\s*'descr':\s*'([^']{1,8})',\s*'fortran_order':\s*(True|False),\s*'shape':\s*\(([0-9, ]*)\),?\s*\}\s*\n$/,
  );
  if (!match) throw new SceneError(file, "Damaged .npy header", MEND);
  const type = DESCR[match[1]!];
  if (!type) {
    throw new SceneError(file, `Expected '<f4', '<i4' or '|u1' elements, found '${match[1]}'`, MEND);
  }
  if (match[2] === "True") throw new SceneError(file, "Expected C order, found Fortran order", MEND);
  const parts = match[3]!.split(",").map((part) => part.trim());
  if (parts.at(-1) === "") parts.pop();
  const shape = parts.map(Number);
  if (
    shape.length > MAX_DIMENSIONS || parts.some((part) => !/^\d{1,15}$/.test(part)) ||
    (shape.length === 1 && !match[3]!.includes(","))
  ) {
    throw new SceneError(file, `Damaged .npy header: shape (${match[3]})`, MEND);
  }
  const wanted = shape.reduce((product, n) => product * n, type.bytes);
  const found = bytes.length - start;
  if (wanted !== found) {
    const state = found < wanted ? "Torn .npy file" : "Overlong .npy file";
    throw new SceneError(
      file,
      `${state}: expected ${wanted} bytes for shape (${shape.join(", ")}), found ${found}`,
      MEND,
    );
  }
  const copy = new Uint8Array(found);
  copy.set(bytes.subarray(start));
  return { shape, data: type.make(copy.buffer) };
}

/** As {@linkcode decodeNpy}, and insists on float32 of the given shape. */
export function decodeNpyFloat32(
  bytes: Uint8Array,
  file: string,
  shape: readonly number[],
): Float32Array<ArrayBuffer> {
  const array = decodeNpy(bytes, file);
  if (!(array.data instanceof Float32Array)) throw new SceneError(file, "Expected float32 elements", MEND);
  if (array.shape.join() !== shape.join()) {
    throw new SceneError(
      file,
      `Expected the shape (${shape.join(", ")}), found (${array.shape.join(", ")})`,
      "write it at the size of its picture",
    );
  }
  return array.data;
}

/** Reads a file with {@linkcode decodeNpyFloat32}. */
export async function readNpyFloat32(file: string, shape: readonly number[]): Promise<Float32Array<ArrayBuffer>> {
  return decodeNpyFloat32(await readBytes(file), file, shape);
}
