/**
 * PlayCanvas' compressed PLY, as SuperSplat and splat-transform write it (playcanvas/splat-transform, readers/
 * decompress-ply.ts and compressed-chunk.ts), read only. Splats come in chunks of 256:
 *
 * - element `chunk`: floats min_ and max_ of x, y, z, of scale_x, scale_y, scale_z (natural logarithms) and, since
 *   SuperSplat 2, of r, g, b; without them colours span 0 to 1;
 * - element `vertex`: packed_position and packed_scale of 11, 10 and 11 bits between the chunk's bounds;
 *   packed_rotation of 2 bits for the largest of w, x, y, z, which is positive, and 10 bits from -sqrt(1/2) to
 *   sqrt(1/2) for each of the others; packed_color of 8 bits each of r, g, b between the chunk's bounds
 *   (colour = 0.5 + C0 f_dc) and of the opacity;
 * - element `sh`, optional: bytes f_rest_0 .., channel by channel as in the uncompressed PLY, from -4 to 4.
 *
 * Everything is packed from the highest bits down.
 * @module
 */
import { SceneError } from "./errors.ts";
import { type Ply, plyElement } from "./ply.ts";
import { readPlyColumns } from "./ply_rows.ts";
import {
  allocateSplats,
  checkSplats,
  logitOfByte,
  normaliseRotations,
  SH_C0,
  shDegreeOf,
  splatColumns,
} from "./splat_check.ts";
import { shCoefficients, type Splats } from "./splats.ts";

const CHUNK = 256;
const MEND = "export it again, for example with SuperSplat";
const bounds = (names: readonly string[]) => ["min", "max"].flatMap((end) => names.map((name) => `${end}_${name}`));
const SPACE = [...bounds(["x", "y", "z"]), ...bounds(["scale_x", "scale_y", "scale_z"])];
const COLOUR = bounds(["r", "g", "b"]);
const PACKED = ["packed_position", "packed_rotation", "packed_scale", "packed_color"];

/** Whether an opened PLY is a compressed one, by its properties. */
export function isCompressedPly(ply: Ply): boolean {
  const vertex = ply.elements.get("vertex");
  return vertex !== undefined && PACKED.some((name) => vertex.properties.has(name));
}

/**
 * Reads splats from a compressed PLY. Each value is the one its code stands for, without dither; opacities become
 * logits by {@linkcode logitOfByte}, which is finite at both ends.
 *
 * @throws SceneError when elements or properties are missing, their numbers of rows do not fit together, or values are
 * not those of splats
 */
export function decodeCompressedPly(ply: Ply): Splats {
  const { file } = ply;
  const vertex = plyElement(ply, "vertex", PACKED, ["uint"]);
  const coloured = COLOUR.some((name) => ply.elements.get("chunk")?.properties.has(name));
  const names = coloured ? [...SPACE, ...COLOUR] : SPACE;
  const chunk = plyElement(ply, "chunk", names, ["float"]);
  const chunks = Math.ceil(vertex.count / CHUNK);
  if (chunk.count !== chunks) {
    throw new SceneError(file, `Expected ${chunks} chunks for ${vertex.count} splats, found ${chunk.count}`, MEND);
  }
  const rest = ply.elements.get("sh");
  const degree = shDegreeOf(rest?.properties.keys() ?? [], file);
  if (rest !== undefined && rest.count !== vertex.count) {
    throw new SceneError(file, `Expected ${vertex.count} rows of sh, one per splat, found ${rest.count}`, MEND);
  }
  const splats = allocateSplats(vertex.count, degree);
  const limits = new Float32Array(chunk.count * 18);
  for (let i = 0; i < limits.length; i += 18) limits.fill(1, i + 15, i + 18);
  readPlyColumns(ply, chunk, names.map((name, offset) => ({ name, data: limits, stride: 18, offset })));
  const words = new Uint32Array(vertex.count * 4);
  readPlyColumns(ply, vertex, PACKED.map((name, offset) => ({ name, data: words, stride: 4, offset })));
  unpackVertices(splats, limits, words);
  if (degree > 0) readRest(ply, splats);
  normaliseRotations(splats, file);
  checkSplats(splats, file);
  return splats;
}

function unpackVertices(splats: Splats, limits: Float32Array, words: Uint32Array): void {
  const { count, means, logScales, rotations, opacities, sh } = splats;
  const perChannel = shCoefficients(splats.degree);
  // The limits of a chunk: least and greatest position at 0 and 3, log scale at 6 and 9, colour at 12 and 15.
  const between = (at: number, share: number) => limits[at]! * (1 - share) + limits[at + 3]! * share;
  const unpack = (word: number, at: number, out: Float32Array, to: number) => {
    out[to] = between(at, (word >>> 21) / 2047);
    out[to + 1] = between(at + 1, (word >>> 11 & 1023) / 1023);
    out[to + 2] = between(at + 2, (word & 2047) / 2047);
  };
  for (let i = 0; i < count; i++) {
    const at = Math.floor(i / CHUNK) * 18;
    unpack(words[4 * i]!, at, means, 3 * i);
    unpack(words[4 * i + 2]!, at + 6, logScales, 3 * i);
    unpackRotation(words[4 * i + 1]!, rotations, 4 * i);
    const colour = words[4 * i + 3]!;
    for (let c = 0; c < 3; c++) {
      const value = between(at + 12 + c, (colour >>> (24 - 8 * c) & 255) / 255);
      sh[(3 * i + c) * perChannel] = (value - 0.5) / SH_C0;
    }
    opacities[i] = logitOfByte(colour & 255);
  }
}

/** Smallest three: the largest component is what is left to unit length. */
function unpackRotation(word: number, out: Float32Array, to: number): void {
  const largest = word >>> 30;
  let rest = 1;
  let shift = 20;
  for (let j = 0; j < 4; j++) {
    if (j === largest) continue;
    const value = ((word >>> shift & 1023) / 1023 - 0.5) * Math.SQRT2;
    out[to + j] = value;
    rest -= value * value;
    shift -= 10;
  }
  out[to + largest] = Math.sqrt(Math.max(0, rest));
}

/** Bytes stand for the middle of 256 equal steps from -4 to 4, the first and the last for the ends. */
function readRest(ply: Ply, splats: Splats): void {
  const columns = splatColumns(splats).filter((column) => column.name.startsWith("f_rest_"));
  const element = plyElement(ply, "sh", columns.map((column) => column.name), ["uchar"]);
  readPlyColumns(ply, element, columns);
  for (const { data, stride, offset } of columns) {
    for (let at = offset; at < data.length; at += stride) {
      const byte = data[at]!;
      data[at] = byte === 0 ? -4 : byte === 255 ? 4 : (byte + 0.5) / 32 - 4;
    }
  }
}
