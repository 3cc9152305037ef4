/**
 * What the readers and writers of splat files share: arrays to fill, their columns under the names that 3DGS gives them
 * in its PLY (conventions 6.6), and the checks that make a value a {@linkcode Splats}.
 * @module
 */
import { SceneError } from "./errors.ts";
import type { PlyColumn } from "./ply_rows.ts";
import { shCoefficients, type ShDegree, type Splats } from "./splats.ts";

/** Value of the harmonic of degree 0: colour = 0.5 + SH_C0 * f_dc. */
export const SH_C0 = 0.28209479177387814;

/**
 * Logit that opacities of exactly 1 are read as, and its negative those of 0: ln 511, the middle of the last of 256
 * equal steps. Eight bits cannot tell more, and an infinite logit can neither be trained nor rendered with gradients.
 */
export const OPAQUE_LOGIT: number = Math.log(511);

/**
 * Largest natural logarithm of a standard deviation that is taken for a size. Beyond it (1e13 world units) the variance
 * times a squared focal length nears the end of float32; in practice it is a misread file or a diverged training.
 */
export const MAX_LOG_SCALE = 30;

/** How far the squared length of a quaternion may be from 1 in a valid {@linkcode Splats}. */
const UNIT_TOLERANCE = 1e-3;
/** Rounding a unit quaternion to float32 leaves its squared length this close to 1; such a one is kept bit by bit. */
const ROUNDING = 2 ** -22;
const MEND = "export it again, or remove the splat";

/** A column of float32 values. */
export type SplatColumn = PlyColumn<Float32Array<ArrayBuffer>>;

/** Logit of an opacity of so many 255ths, 0 to 255; the ends give {@linkcode OPAQUE_LOGIT} and its negative. */
export function logitOfByte(byte: number): number {
  if (byte === 0) return -OPAQUE_LOGIT;
  return byte === 255 ? OPAQUE_LOGIT : Math.log(byte / (255 - byte));
}

/** Splats of zeros, to be filled by a reader. */
export function allocateSplats(count: number, degree: ShDegree): Splats {
  return {
    count,
    degree,
    means: new Float32Array(count * 3),
    logScales: new Float32Array(count * 3),
    rotations: new Float32Array(count * 4),
    opacities: new Float32Array(count),
    sh: new Float32Array(count * 3 * shCoefficients(degree)),
  };
}

/**
 * The columns of splats in the order of the 3DGS PLY, without normals: x y z, f_dc_0..2, f_rest_0.. (channel by
 * channel: all of red, all of green, all of blue), opacity, scale_0..2, rot_0..3.
 */
export function splatColumns(splats: Splats): SplatColumn[] {
  const { means, sh, opacities, logScales, rotations } = splats;
  const perChannel = shCoefficients(splats.degree);
  const columns: SplatColumn[] = ["x", "y", "z"].map((name, offset) => ({ name, data: means, stride: 3, offset }));
  const add = (name: string, data: Float32Array<ArrayBuffer>, stride: number, offset: number) =>
    columns.push({ name, data, stride, offset });
  for (let c = 0; c < 3; c++) add(`f_dc_${c}`, sh, 3 * perChannel, c * perChannel);
  for (let i = 0; i < 3 * (perChannel - 1); i++) {
    const channel = Math.floor(i / (perChannel - 1));
    add(`f_rest_${i}`, sh, 3 * perChannel, channel * perChannel + 1 + i % (perChannel - 1));
  }
  add("opacity", opacities, 1, 0);
  for (let i = 0; i < 3; i++) add(`scale_${i}`, logScales, 3, i);
  for (let i = 0; i < 4; i++) add(`rot_${i}`, rotations, 4, i);
  return columns;
}

/**
 * The degree that goes with the number of `f_rest_` names among these: 0, 9, 24 or 45.
 *
 * @throws SceneError for any other number
 */
export function shDegreeOf(names: Iterable<string>, file: string): ShDegree {
  const found = new Set([...names].filter((name) => name.startsWith("f_rest_")));
  const degree = [0, 9, 24, 45].indexOf(found.size);
  if (degree < 0) {
    throw new SceneError(
      file,
      `Expected 0, 9, 24 or 45 properties f_rest_ (degree 0, 1, 2 or 3), found ${found.size}`,
      "export it again with all the properties of its degree",
    );
  }
  return degree as ShDegree;
}

/**
 * Makes the quaternions unit quaternions, in place. Those that are, to the rounding of float32, keep their bits.
 *
 * @throws SceneError naming the first splat whose quaternion is zero
 */
export function normaliseRotations(splats: Splats, file: string): void {
  const q = splats.rotations;
  for (let i = 0; i < q.length; i += 4) {
    const squared = q[i]! ** 2 + q[i + 1]! ** 2 + q[i + 2]! ** 2 + q[i + 3]! ** 2;
    if (squared === 0) {
      throw new SceneError(file, `The quaternion rot_0..3 of splat ${i / 4} (from 0) is zero: it turns nowhere`, MEND);
    }
    if (!Number.isFinite(squared) || Math.abs(squared - 1) <= ROUNDING) continue;
    const scale = 1 / Math.sqrt(squared);
    for (let j = i; j < i + 4; j++) q[j]! *= scale;
  }
}

/**
 * Checks what {@linkcode Splats} promises: at least one splat, arrays as long as count and degree say, every number
 * finite, log scales of at most {@linkcode MAX_LOG_SCALE}, unit quaternions.
 *
 * @param file where they come from or go to, for messages
 * @throws SceneError naming the property, by its PLY name, and the splat, from 0
 */
export function checkSplats(splats: Splats, file: string): void {
  const { count, degree, logScales, rotations: q } = splats;
  if (count === 0) throw new SceneError(file, "It holds no splats", "export at least one splat");
  if (!Number.isSafeInteger(count) || count < 0 || ![0, 1, 2, 3].includes(degree)) {
    throw new SceneError(
      file,
      `Expected a whole number of splats of degree 0 to 3, found ${count} of degree ${degree}`,
    );
  }
  const columns = splatColumns(splats);
  const nameOf = (data: Float32Array, index: number) => {
    const column = columns.find((c) => c.data === data && (index - c.offset) % c.stride === 0)!;
    return `${column.name} of splat ${(index - column.offset) / column.stride} (from 0)`;
  };
  const lengths = { means: 3, logScales: 3, rotations: 4, opacities: 1, sh: 3 * shCoefficients(degree) };
  for (const [key, each] of Object.entries(lengths)) {
    const data = splats[key as keyof typeof lengths];
    if (data.length !== count * each) {
      throw new SceneError(file, `Expected ${count * each} numbers in ${key} (${count} splats), found ${data.length}`);
    }
    for (let i = 0; i < data.length; i++) {
      const value = data[i]!;
      if (value - value !== 0) {
        throw new SceneError(file, `Expected finite numbers, found ${value} as ${nameOf(data, i)}`, MEND);
      }
    }
  }
  for (let i = 0; i < logScales.length; i++) {
    if (logScales[i]! > MAX_LOG_SCALE) {
      throw new SceneError(
        file,
        `Expected the logarithm of a size, at most ${MAX_LOG_SCALE}, found ${logScales[i]} as ${nameOf(logScales, i)}`,
        "check that scales are natural logarithms, or remove the splat",
      );
    }
  }
  for (let i = 0; i < q.length; i += 4) {
    const squared = q[i]! ** 2 + q[i + 1]! ** 2 + q[i + 2]! ** 2 + q[i + 3]! ** 2;
    if (!(Math.abs(squared - 1) <= UNIT_TOLERANCE)) {
      throw new SceneError(
        file,
        `Expected unit quaternions, found one of squared length ${squared} as rot_0..3 of splat ${i / 4} (from 0)`,
        "normalise it",
      );
    }
  }
}
