/** Splats and PLY files made up for tests of their readers. */
import { allocateSplats, normaliseRotations } from "./splat_check.ts";
import type { PlyFormat, PlyType } from "./ply.ts";
import type { ShDegree, Splats } from "./splats.ts";

/** Uniform numbers in [-1, 1) from a seed (mulberry32). */
export function uniform(seed: number): () => number {
  let state = seed;
  return () => {
    state = state + 0x6d2b79f5 | 0;
    let t = Math.imul(state ^ state >>> 15, 1 | state);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return ((t ^ t >>> 14) >>> 0) / 2 ** 31 - 1;
  };
}

/** Valid splats: positions in +-3, log scales -6 .. -2, logits +-5, colours mostly in 0 .. 1. */
export function randomSplats(count: number, degree: ShDegree, seed = 1): Splats {
  const splats = allocateSplats(count, degree);
  const next = uniform(seed);
  const fill = (data: Float32Array, range: number, middle = 0) =>
    data.forEach((_, i) => data[i] = middle + range * next());
  fill(splats.means, 3);
  fill(splats.logScales, 2, -4);
  fill(splats.rotations, 1);
  fill(splats.opacities, 5);
  fill(splats.sh, 1.7);
  normaliseRotations(splats, "random");
  return splats;
}

/** An element to be built: properties by name and type as written, and rows of as many numbers. */
export interface TestElement {
  readonly name: string;
  readonly properties: readonly (readonly [name: string, type: string])[];
  readonly rows: readonly (readonly number[])[];
}

const SETTERS: Record<PlyType, [number, (view: DataView, at: number, value: number, little: boolean) => void]> = {
  char: [1, (view, at, value) => view.setInt8(at, value)],
  uchar: [1, (view, at, value) => view.setUint8(at, value)],
  short: [2, (view, at, value, little) => view.setInt16(at, value, little)],
  ushort: [2, (view, at, value, little) => view.setUint16(at, value, little)],
  int: [4, (view, at, value, little) => view.setInt32(at, value, little)],
  uint: [4, (view, at, value, little) => view.setUint32(at, value, little)],
  float: [4, (view, at, value, little) => view.setFloat32(at, value, little)],
  double: [8, (view, at, value, little) => view.setFloat64(at, value, little)],
};

/** A PLY of these elements, of old type names. */
export function buildPly(elements: readonly TestElement[], format: PlyFormat = "binary_little_endian"): Uint8Array {
  const header = ["ply", `format ${format} 1.0`, "comment made up"];
  const body: number[] = [];
  for (const { name, properties, rows } of elements) {
    header.push(`element ${name} ${rows.length}`, ...properties.map(([name, type]) => `property ${type} ${name}`));
    for (const row of rows) {
      if (format === "ascii") body.push(...new TextEncoder().encode(`${row.join(" ")}\n`));
      else {
        row.forEach((value, i) => {
          const [bytes, set] = SETTERS[properties[i]![1] as PlyType];
          const view = new DataView(new ArrayBuffer(bytes));
          set(view, 0, value, format === "binary_little_endian");
          body.push(...new Uint8Array(view.buffer));
        });
      }
    }
  }
  return Uint8Array.of(...new TextEncoder().encode(`${header.join("\n")}\nend_header\n`), ...body);
}

/** A file with other words in its header. */
export function editHeader(bytes: Uint8Array, from: string | RegExp, to: string): Uint8Array {
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  const edited = text.replace(from, to);
  if (edited === text) throw new Error(`Expected ${from} in the header`);
  return Uint8Array.from(edited, (letter) => letter.charCodeAt(0));
}
