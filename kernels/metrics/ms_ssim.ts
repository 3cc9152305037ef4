/**
 * MS-SSIM of pictures in float64 (Wang, Simoncelli, Bovik 2003, equation 7): the product over scales of SSIM's contrast and
 * structure, times its luminance at the coarsest, each raised to a weight. Windows are those of `image_quality.ts`, `valid`
 * padding; every scale is the one before averaged over 2 x 2 pixels, an odd row or column at the end left out (pytorch-msssim
 * pads it with black instead; sides that 16 divides are the same in both). Per channel, then mean. As in pytorch-msssim and
 * TensorFlow means below 0, which have no such power, count as 0.
 *
 * @module
 */
import { C1, C2, SSIM_WINDOW, ssimTaps } from "./image_quality.ts";

/** Weights of the scales, finest first (Wang et al. 2003); they sum to 1.0001, and everyone takes them as they are. */
export const MS_SSIM_WEIGHTS: readonly number[] = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];

const CHANNELS = 3;

/**
 * Scales that a picture has room for: 5 where the shorter side is at least 176 pixels, 1 from 11 (MS-SSIM is then SSIM, below 0
 * counted as 0), 0 below. pytorch-msssim and TensorFlow refuse what has fewer than five.
 */
export function msSsimScales(width: number, height: number): number {
  const side = Math.min(width, height);
  return MS_SSIM_WEIGHTS.filter((_, scale) => Math.floor(side / 2 ** scale) >= SSIM_WINDOW.size).length;
}

/** One channel of two pictures. */
interface Pair {
  readonly a: Float64Array;
  readonly b: Float64Array;
  readonly width: number;
  readonly height: number;
}

/**
 * MS-SSIM of two interleaved pictures `height x width x 3` in [0, 1]: 1 where they are equal, else in [0, 1). Pictures too
 * small for five scales are compared at {@linkcode msSsimScales}, the finest, with their weights divided by their sum;
 * figures of different numbers of scales do not compare.
 *
 * @throws {RangeError} When a side is shorter than the window, or a picture does not have that size.
 */
export function msSsim(a: Float64Array, b: Float64Array, width: number, height: number): number {
  const scales = msSsimScales(width, height), n = SSIM_WINDOW.size;
  if (scales === 0) {
    throw new RangeError(`MS-SSIM needs pictures of at least ${n} x ${n} pixels: found ${width} x ${height}`);
  }
  const size = width * height * CHANNELS;
  if (a.length !== size || b.length !== size) {
    throw new RangeError(
      `MS-SSIM of ${width} x ${height} pixels needs ${size} values of each picture: found ${a.length} and ${b.length}`,
    );
  }
  const weights = weightsOf(scales);
  let total = 0;
  for (let channel = 0; channel < CHANNELS; channel++) {
    let pair: Pair = { a: channelOf(a, channel), b: channelOf(b, channel), width, height }, product = 1;
    for (const [scale, weight] of weights.entries()) {
      const last = scale === scales - 1;
      const { similarity, contrast } = means(pair);
      const factor = last ? similarity : contrast;
      product *= (factor < 0 ? 0 : factor) ** weight;
      if (!last) pair = halved(pair);
    }
    total += product;
  }
  return total / CHANNELS;
}

/** Weights of so many scales: with fewer than five divided by their sum. */
function weightsOf(scales: number): readonly number[] {
  if (scales === MS_SSIM_WEIGHTS.length) return MS_SSIM_WEIGHTS;
  const first = MS_SSIM_WEIGHTS.slice(0, scales), sum = first.reduce((x, y) => x + y);
  return first.map((weight) => weight / sum);
}

/** One channel of an interleaved picture. */
function channelOf(picture: Float64Array, channel: number): Float64Array {
  const plane = new Float64Array(picture.length / CHANNELS);
  for (let i = 0; i < plane.length; i++) plane[i] = picture[i * CHANNELS + channel]!;
  return plane;
}

/** The next scale. */
function halved({ a, b, width, height }: Pair): Pair {
  const w = width >> 1, h = height >> 1;
  const half = (from: Float64Array) => {
    const to = new Float64Array(w * h);
    for (let y = 0; y < h; y++) {
      for (let x = 0; x < w; x++) {
        const i = 2 * y * width + 2 * x;
        to[y * w + x] = (from[i]! + from[i + 1]! + from[i + width]! + from[i + width + 1]!) / 4;
      }
    }
    return to;
  };
  return { a: half(a), b: half(b), width: w, height: h };
}

/** Means over all windows of SSIM and of its factor of contrast and structure. */
function means({ a, b, width, height }: Pair): { similarity: number; contrast: number } {
  const taps = ssimTaps(), n = taps.length, w = width - n + 1, h = height - n + 1;
  const moments = Array.from({ length: 5 }, () => new Float64Array(height * w));
  const [rowA, rowB, rowAa, rowBb, rowAb] = moments as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < w; x++) {
      let ma = 0, mb = 0, aa = 0, bb = 0, ab = 0;
      for (let k = 0; k < n; k++) {
        const i = y * width + x + k, t = taps[k]!, va = a[i]!, vb = b[i]!, ta = t * va, tb = t * vb;
        ma += ta;
        mb += tb;
        aa += ta * va;
        bb += tb * vb;
        ab += ta * vb;
      }
      const o = y * w + x;
      rowA[o] = ma;
      rowB[o] = mb;
      rowAa[o] = aa;
      rowBb[o] = bb;
      rowAb[o] = ab;
    }
  }
  let similarity = 0, contrast = 0;
  for (let i = 0; i < w * h; i++) {
    let ma = 0, mb = 0, aa = 0, bb = 0, ab = 0;
    for (let k = 0; k < n; k++) {
      const o = i + k * w, t = taps[k]!;
      ma += t * rowA[o]!;
      mb += t * rowB[o]!;
      aa += t * rowAa[o]!;
      bb += t * rowBb[o]!;
      ab += t * rowAb[o]!;
    }
    const va = Math.max(0, aa - ma * ma), vb = Math.max(0, bb - mb * mb);
    const c = (2 * (ab - ma * mb) + C2) / (va + vb + C2);
    contrast += c;
    similarity += c * (2 * ma * mb + C1) / (ma * ma + mb * mb + C1);
  }
  return { similarity: similarity / (w * h), contrast: contrast / (w * h) };
}
